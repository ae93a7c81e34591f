"use strict";
// A backend with Socket.IO's own server.

const http = require("http");
const { Server } = require("socket.io");
const { listen } = require("./lines.js");

const server = http.createServer();
const io = new Server(server, { pingInterval: 200, pingTimeout: 10000 });

io.on("connection", (socket) => {
    socket.join("everybody");
    socket.on("echo", (...values) => values.pop()(...values));
    socket.on("headers", (done) => done(socket.handshake.headers));
    socket.on("tell everybody", (text) => io.to("everybody").emit("told", text));
    socket.on("send me away", () => socket.disconnect(true));
});
io.of("/inner").on("connection", (socket) => {
    socket.emit("welcome", socket.handshake.auth);
});
listen(server);
