"use strict";
// One conversation over an object with the browser's WebSocket interface, in Chromium and in
// Node.js alike. The steps are those of parts/meeting.py; what happened is a list of events.

(function (exports) {
    const PATIENCE = 40000; // ms until a wait for the other side counts as "it never comes"
    const SHOWN = 2000; // bytes up to which a message is handed back as it is
    const BLOCK = 1 << 20; // bytes of a "mixed" message that have one number

    const subtle = (globalThis.crypto || require("crypto").webcrypto).subtle;

    const hex = (data) =>
        Array.from(data, (byte) => byte.toString(16).padStart(2, "0")).join("");

    /** A mebibyte, by turns 64 KiB that compress well and 64 KiB that do not compress. */
    function block() {
        let state = 1;
        return Uint8Array.from({ length: BLOCK }, (_, i) => {
            state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
            return i & 65536 ? state >>> 24 : i >> 8;
        });
    }

    function mixed(size) {
        const whole = new Uint8Array(Math.ceil(size / BLOCK) * BLOCK);
        const part = block();
        for (let at = 0; at < size; at += BLOCK) {
            whole.set(part, at);
            whole[at] = at / BLOCK;
        }
        return whole.subarray(0, size);
    }

    /** `size` bytes that every program here can make for itself (python/patterns.py). */
    function pattern(kind, size) {
        if (kind === "text") return "0123456789 wsgate ".repeat(size / 18 + 1).slice(0, size);
        if (kind === "mixed") return mixed(size);
        return Uint8Array.from({ length: size }, (_, i) => (i * 131 + (i >> 8)) & 255);
    }

    async function described(data) {
        const kind = typeof data === "string" ? "text" : "binary";
        const bytes = kind === "text" ? new TextEncoder().encode(data) : new Uint8Array(data);
        if (bytes.length <= SHOWN) return { kind, data: kind === "text" ? data : hex(bytes) };
        const digest = await subtle.digest("SHA-256", bytes);
        return { kind, size: bytes.length, sha256: hex(new Uint8Array(digest)) };
    }

    function content(step) {
        if (step.size !== undefined) return pattern(step.kind, step.size);
        if (step.kind === "text") return step.data;
        return Uint8Array.from(step.data.match(/../g) || [], (pair) => parseInt(pair, 16));
    }

    class Conversation {
        constructor(socket) {
            this.socket = socket;
            this.events = [];
            this.messages = [];
            this.closed = null;
            this.wake = () => {};
            socket.binaryType = "arraybuffer";
            socket.onmessage = (event) => this.note(() => this.messages.push(event.data));
            socket.onclose = (event) => this.note(() => (this.closed = event));
        }

        note(what) {
            what();
            this.wake();
        }

        /** Until `condition()` holds; false when it does not in time. */
        async until(condition) {
            const end = Date.now() + PATIENCE;
            while (!condition()) {
                if (Date.now() > end) return false;
                await new Promise((resolve) => {
                    this.wake = resolve;
                    setTimeout(resolve, 500);
                });
            }
            return true;
        }

        async receive(count) {
            for (let i = 0; i < count; i++) {
                const came = await this.until(() => this.messages.length > 0 || this.closed);
                if (!came || this.messages.length === 0) {
                    this.events.push({ missing: count - i });
                    return;
                }
                this.events.push(await described(this.messages.shift()));
            }
        }

        async awaitClose() {
            await this.until(() => this.closed);
            const { code, reason, wasClean } = this.closed || { code: "never" };
            this.events.push({ closed: code, reason, clean: wasClean });
        }

        async step(step, special) {
            if (special && (await special(this, step, content))) return;
            if (step.do === "send") this.socket.send(content(step));
            else if (step.do === "receive") await this.receive(step.count);
            else if (step.do === "await_close") await this.awaitClose();
            else if (step.do === "close") {
                if (step.code) this.socket.close(step.code, step.reason);
                else this.socket.close();
                await this.awaitClose();
            } else throw new Error("no such step: " + step.do);
        }
    }

    /**
     * Runs `steps` once `socket` is open, then closes it. `special` may take over a step; `refusal`
     * resolves to what is known when the connection was refused, which in a browser is nothing.
     */
    async function converse(socket, steps, special, refusal) {
        const talk = new Conversation(socket);
        let open = false;
        socket.onerror = () => {};
        socket.onopen = () => talk.note(() => (open = true));
        await talk.until(() => open || talk.closed);
        if (!open) {
            if (talk.closed) await talk.awaitClose();
            else socket.close();
            return { refused: refusal ? await refusal() : {}, events: talk.events };
        }
        const opened = { subprotocol: socket.protocol, extensions: socket.extensions };
        for (const step of steps) await talk.step(step, special);
        if (!talk.closed) {
            socket.close();
            await talk.until(() => talk.closed);
        }
        return { opened, events: talk.events };
    }

    Object.assign(exports, { converse, pattern });
})(typeof module === "undefined" ? globalThis : module.exports);
