#!/usr/bin/python3
"""
A service for forward_auth with Python's http.server. Its first line says the port; then it answers
"seen" with what it was asked: the path and the headers of each question. It ends with its input.
"""

import http.server
import json
import socket
import sys
import threading

MEBIBYTE = b"x" * (1 << 20)
seen = []
ending = threading.Event()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def answer(self, status, body=b"", *fields):
        self.send_response(status)
        for name, value in fields:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def yes(self):
        self.answer(200, b"welcome", ("X-Auth-User", "alice"), ("X-Auth-Role", "reader"))

    def no(self):
        self.answer(401, b'{"error":"who?"}', ("WWW-Authenticate", 'Bearer realm="there"'),
                    ("Content-Type", "application/json"))

    def moved(self):
        self.answer(307, b"", ("Location", f"http://{self.headers['Host']}/yes"))

    def broken(self):
        raise RuntimeError("as it happens")  # the server closes without a word

    def slow(self):
        self.send_response(200)
        self.wfile.flush()
        ending.wait(30)

    def half(self):
        """A part of a head, and no more in this direction."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Auth-User: al")
        self.connection.shutdown(socket.SHUT_WR)
        self.rfile.read(1)

    def gigabyte(self):
        self.send_response(200)
        self.send_header("X-Auth-User", "alice")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for _ in range(1024):
            self.wfile.write(b"%x\r\n%s\r\n" % (len(MEBIBYTE), MEBIBYTE))
        self.wfile.write(b"0\r\n\r\n")

    def old(self):
        self.protocol_version = "HTTP/1.0"
        self.close_connection = True
        self.yes()

    def last(self):
        """No word that it is the last one."""
        self.yes()
        self.close_connection = True

    def do_GET(self):
        seen.append({"path": self.path, "headers": [list(item) for item in self.headers.items()]})
        getattr(self, self.path.strip("/"))()

    do_HEAD = do_POST = do_GET


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, *_):
        pass


def main():
    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        print(json.dumps({"port": server.server_port}), flush=True)
        for _ in sys.stdin:
            print(json.dumps(seen), flush=True)
        ending.set()
        server.shutdown()


if __name__ == "__main__":
    main()
