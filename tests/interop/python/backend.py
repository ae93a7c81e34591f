#!/usr/bin/python3
"""A backend with python3-websockets: an echo that takes orders (parts/meeting.py)."""

import asyncio
import hashlib
import json
import sys

import websockets

from conversation import pieces, request_headers
from patterns import pattern

KNOWN = ["chat.v2", "chat.v1"]
last_close = {}


async def send_headers(socket, _):
    await socket.send(json.dumps(request_headers(socket)))


async def send_last_close(socket, _):
    await socket.send(json.dumps(last_close))


async def abort(socket, _):
    socket.transport.abort()


async def ping(socket, data):
    await (await socket.ping(data))
    await socket.send(f"pong {data}")


async def close(socket, text):
    code, _, reason = text.partition(" ")
    await socket.close(int(code), reason)


async def send_fragments(socket, text):
    count, size = map(int, text.split())
    await socket.send(pieces(pattern("binary", size), count))


async def exchange(socket, text):
    size, count = map(int, text.split())
    small = [bytes([i & 255]) for i in range(count)]
    sending = asyncio.create_task(send_all(socket, [*small, pattern("mixed", size), *small]))
    digests = hashlib.sha256()
    for _ in range(2 * count + 1):
        digests.update(hashlib.sha256(await socket.recv()).digest())
    await sending
    await socket.send(digests.hexdigest())


async def send_all(socket, messages):
    for message in messages:
        await socket.send(message)


ORDERS = {
    "/headers": send_headers,
    "/last-close": send_last_close,
    "/abort": abort,
    "/ping": ping,
    "/close": close,
    "/fragments": send_fragments,
    "/exchange": exchange,
}


async def serve(socket):
    try:
        async for message in socket:
            name, _, rest = message.partition(" ") if isinstance(message, str) else ("", "", "")
            await (ORDERS[name](socket, rest) if name in ORDERS else socket.send(message))
    except websockets.ConnectionClosed:
        pass
    last_close.update(code=socket.close_code, reason=socket.close_reason)


async def main():
    options = {"subprotocols": KNOWN, "max_size": None, "ping_interval": None}
    async with websockets.serve(serve, "127.0.0.1", 0, **options) as server:
        print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
