"use strict";
// Requests come as JSON lines, each is answered by one: how the programs here are driven.

const readline = require("readline");

function say(answer) {
    process.stdout.write(JSON.stringify(answer) + "\n");
}

/** Answers each line with what `answer(request)` resolves to; ends with its input. */
function serve(answer) {
    let before = Promise.resolve();
    readline.createInterface({ input: process.stdin }).on("line", (line) => {
        before = before
            .then(() => answer(JSON.parse(line)))
            .catch((error) => ({ error: String(error.stack || error) }))
            .then(say);
    });
}

/** Listens on a free port of loopback and says which. */
function listen(server) {
    server.listen(0, "127.0.0.1", () => say({ port: server.address().port }));
    process.stdin.on("end", () => process.exit(0)).resume();
}

module.exports = { listen, say, serve };
