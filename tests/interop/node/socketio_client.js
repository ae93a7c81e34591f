"use strict";
// A client with Socket.IO's own client library.

const { io } = require("socket.io-client");
const { serve } = require("./lines.js");
const { socketioDialogue } = require("./socketio_dialogue.js");

serve((request) => {
    const headers = { Origin: request.origin, ...request.headers };
    return socketioDialogue(io, { ...request, headers });
});
