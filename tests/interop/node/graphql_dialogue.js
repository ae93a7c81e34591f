"use strict";
// What is said with graphql-ws, in Chromium and in Node.js alike: a query, a subscription, a ping.

(function (exports) {
    /** The results of one operation, to its end. */
    function results(client, query, variables) {
        return new Promise((resolve, reject) => {
            const found = [];
            client.subscribe({ query, variables }, {
                next: ({ data }) => found.push(data),
                error: reject,
                complete: () => resolve(found),
            });
        });
    }

    const once = (client, name) => new Promise((resolve) => {
        const off = client.on(name, (...values) => {
            off();
            resolve(values);
        });
    });

    const nothing = (ms) => new Promise((resolve) => setTimeout(resolve, ms, []));

    async function talk(client) {
        const pong = once(client, "pong");
        const events = {};
        events.hello = await results(client, "query($name: String!) { hello(name: $name) }",
            { name: "🚪" });
        events.count = await results(client, "subscription { count(to: 5) }");
        events.subject = await results(client, '{ header(name: "x-auth-subject") }');
        events.secret = await results(client, '{ header(name: "authorization") }');
        await pong;
        return events;
    }

    /** A WebSocket that offers the token beside the subprotocol which the library asks for. */
    const withOffer = (Base, offered) => class extends Base {
        constructor(url, subprotocol) {
            super(url, [...offered, subprotocol]);
        }
    };

    /** `request.webSocket` is the class to be used instead of the browser's. */
    async function graphqlDialogue(createClient, request) {
        let socket = null;
        let fault = null;
        const client = createClient({
            url: request.url,
            webSocketImpl: withOffer(request.webSocket || WebSocket, request.subprotocols),
            connectionParams: request.params,
            retryAttempts: 0,
            keepAlive: 100,
            lazyCloseTimeout: 20000,
        });
        client.on("connected", (opened) => (socket = opened));
        client.on("error", (event) => (fault = event));
        const closed = once(client, "closed");
        try {
            const events = await talk(client);
            return { opened: { subprotocol: socket.protocol }, events };
        } catch (error) {
            // The error may come before the close, of which alone there is something to tell.
            const [close] = await Promise.race([closed, nothing(5000)]);
            if (!close) throw error;
            // With ws, the text of its error has the status; a browser tells nobody.
            const [, status] = /response: (\d+)/.exec(fault?.message || "") || [];
            const { code, reason, wasClean } = close;
            const events = [{ closed: code, reason, clean: wasClean }];
            return { refused: { status: Number(status) || null }, events };
        } finally {
            await client.dispose();
        }
    }

    Object.assign(exports, { graphqlDialogue });
})(typeof module === "undefined" ? globalThis : module.exports);
