"use strict";
// What is said over Socket.IO, in Chromium and in Node.js alike: messages of text and of bytes with
// acknowledgements, a room, a second namespace, pings of engine.io, an end by the server.

(function (exports) {
    const PATIENCE = 15000; // ms

    const within = (what, promise) =>
        Promise.race([
            promise,
            new Promise((_, reject) =>
                setTimeout(() => reject(new Error("in vain: " + what)), PATIENCE)),
        ]);

    const once = (emitter, name) =>
        within(name, new Promise((resolve) => emitter.once(name, resolve)));

    const same = (sent, received) => {
        const bytes = new Uint8Array(received.buffer || received, received.byteOffset || 0);
        return bytes.length === sent.length && bytes.every((byte, i) => byte === sent[i]);
    };

    /** Resolves when there is a connection, rejects with why there is none. */
    function connected(socket) {
        return within("connect", new Promise((resolve, reject) => {
            socket.once("connect", resolve);
            socket.once("connect_error", reject);
        }));
    }

    function refusal(error) {
        // With ws below, the text of its error has the status; a browser tells nobody.
        const [, status] = /response: (\d+)/.exec(error.description?.message || "") || [];
        return { refused: { error: error.message, status: Number(status) || null }, events: [] };
    }

    async function talk(socket, inner) {
        const bytes = Uint8Array.from({ length: 300000 }, (_, i) => (i * 131 + (i >> 8)) & 255);
        const events = {};
        const welcome = once(inner, "welcome");
        await connected(inner);
        events.welcome = await welcome;
        events.echo = await socket.timeout(PATIENCE).emitWithAck("echo", "ünï¢ödé 🚪");
        events.bytes = same(bytes, await socket.timeout(PATIENCE).emitWithAck("echo", bytes));
        const long = "0123456789 wsgate ".repeat(20000);
        events.long = (await socket.timeout(PATIENCE).emitWithAck("echo", long)) === long;
        const told = once(socket, "told");
        socket.emit("tell everybody", "good morning");
        events.told = await told;
        events.headers = await socket.timeout(PATIENCE).emitWithAck("headers");
        await once(socket.io, "ping");
        await once(socket.io, "ping");
        const gone = once(socket, "disconnect");
        socket.emit("send me away");
        events.end = await gone;
        return events;
    }

    async function socketioDialogue(io, request) {
        const options = {
            transports: request.transports,
            extraHeaders: request.headers,
            query: request.query,
            reconnection: false,
            forceNew: true,
        };
        const socket = io(request.url, options);
        try {
            await connected(socket);
        } catch (error) {
            socket.disconnect();
            return refusal(error);
        }
        try {
            const inner = socket.io.socket("/inner", { auth: { room: "blue" } });
            const opened = { transport: socket.io.engine.transport.name };
            return { opened, events: await talk(socket, inner) };
        } finally {
            socket.disconnect();
        }
    }

    Object.assign(exports, { socketioDialogue });
})(typeof module === "undefined" ? globalThis : module.exports);
