"use strict";
// A backend with graphql-ws: the subprotocol graphql-transport-ws.

const http = require("http");
const { buildSchema } = require("graphql");
const { useServer } = require("graphql-ws/lib/use/ws");
const { WebSocketServer } = require("ws");
const { listen } = require("./lines.js");

const schema = buildSchema(`
    type Query { hello(name: String!): String, header(name: String!): String }
    type Subscription { count(to: Int!): Int }
`);

const roots = {
    query: {
        hello: ({ name }) => `hello ${name}`,
        header: ({ name }, { headers }) => headers[name],
    },
    subscription: {
        async *count({ to }) {
            for (let i = 1; i <= to; i++) yield { count: i };
        },
    },
};

const server = http.createServer();
useServer(
    {
        schema,
        roots,
        context: ({ extra }) => ({ headers: extra.request.headers }),
        // The library closes with 4403 where this says false.
        onConnect: ({ connectionParams }) => !connectionParams?.unwelcome,
    },
    new WebSocketServer({ server, path: "/graphql" }),
);
listen(server);
