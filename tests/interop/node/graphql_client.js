"use strict";
// A client with graphql-ws over ws.

const { createClient } = require("graphql-ws");
const { WebSocket } = require("ws");
const { graphqlDialogue } = require("./graphql_dialogue.js");
const { serve } = require("./lines.js");

serve((request) => {
    const { headers, origin } = request;
    const webSocket = class extends WebSocket {
        constructor(url, subprotocols) {
            super(url, subprotocols, { headers, origin });
        }
    };
    return graphqlDialogue(createClient, { ...request, webSocket });
});
