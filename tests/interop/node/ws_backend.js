"use strict";
// A backend with the npm package ws: an echo that takes orders (parts/meeting.py).

const http = require("http");
const { WebSocketServer } = require("ws");
const { pattern } = require("./conversation.js");
const { listen } = require("./lines.js");

const KNOWN = ["chat.v2", "chat.v1"];
let lastClose = {};

const orders = {
    headers: (socket) => socket.send(JSON.stringify(socket.request.headers)),
    "last-close": (socket) => socket.send(JSON.stringify(lastClose)),
    abort: (socket) => socket.terminate(),
    ping: (socket, data) => {
        socket.once("pong", (answer) => socket.send("pong " + answer));
        socket.ping(data);
    },
    close: (socket, text) => {
        const [code, ...reason] = text.split(" ");
        socket.close(Number(code), reason.join(" "));
    },
    fragments: (socket, text) => {
        const [count, size] = text.split(" ").map(Number);
        const part = Math.ceil(size / count);
        const whole = pattern("binary", size);
        for (let i = 0; i < count; i++) {
            socket.send(whole.slice(i * part, (i + 1) * part), { fin: i === count - 1 });
        }
    },
};

const server = http.createServer();
const sockets = new WebSocketServer({
    server,
    perMessageDeflate: true,
    handleProtocols: (offered) => KNOWN.find((name) => offered.has(name)) || false,
});
sockets.on("connection", (socket, request) => {
    socket.request = request;
    socket.on("error", () => {});
    socket.on("close", (code, reason) => (lastClose = { code, reason: reason.toString() }));
    socket.on("message", (data, isBinary) => {
        const [, name, rest] = (!isBinary && /^\/([a-z-]+) ?(.*)$/s.exec(data.toString())) || [];
        if (name in orders) orders[name](socket, rest);
        else socket.send(data, { binary: isBinary });
    });
});
listen(server);
