"use strict";
// A client with the npm package ws.

const { WebSocket } = require("ws");
const { converse } = require("./conversation.js");
const { serve } = require("./lines.js");

const pong = (socket) =>
    new Promise((resolve) => socket.once("pong", (data) => resolve({ pong: data.toString() })));

/** What the browser's interface has not: frames as one likes, and pings. */
async function special(talk, step, content) {
    if (step.do === "ping") {
        const answer = pong(talk.socket);
        talk.socket.ping(step.data);
        talk.events.push(await answer);
        return true;
    }
    if (step.do !== "send" || !step.pieces) return false;
    const whole = content(step);
    const size = Math.ceil(whole.length / step.pieces);
    for (let i = 0; i < step.pieces; i++) {
        const part = whole.slice(i * size, (i + 1) * size);
        talk.socket.send(part, { binary: step.kind !== "text", fin: i === step.pieces - 1 });
    }
    return true;
}

serve((request) => {
    const socket = new WebSocket(request.url, request.subprotocols, {
        headers: request.headers,
        origin: request.origin,
        perMessageDeflate: request.deflate,
        rejectUnauthorized: false,
    });
    const refusal = new Promise((resolve) => {
        socket.on("unexpected-response", (_, response) => {
            resolve({ status: response.statusCode, headers: response.headers });
            socket.terminate();
        });
        // A fault in the handshake that ws finds itself has no answer to show.
        socket.on("error", (error) => resolve({ error: error.message }));
    });
    return converse(socket, request.steps, special, () => refusal);
});
