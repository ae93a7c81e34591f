"""What the results call those who meet."""

NAMES = {
    "python": "python3-websockets",
    "ws": "npm ws",
    "chromium": "Chromium",
    "gin": "Gin with gorilla/websocket",
    "socketio": "Socket.IO",
    "graphql": "graphql-ws",
    "haproxy": "HAProxy",
    "nginx": "nginx",
    "http.server": "Python's http.server",
    "slowhttptest": "slowhttptest",
}
