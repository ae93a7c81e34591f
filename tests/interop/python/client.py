#!/usr/bin/python3
"""A client with python3-websockets: answers JSON lines with JSON lines."""

import asyncio
import json
import ssl
import sys

import websockets

from conversation import NEW, VERSION, content, described, header, pieces

PATIENCE = 40.0  # seconds until a wait for the other side counts as "it never comes"


async def receive(socket, count, events):
    for left in range(count, 0, -1):
        try:
            events.append(described(await asyncio.wait_for(socket.recv(), PATIENCE)))
        except (asyncio.TimeoutError, websockets.ConnectionClosed):
            events.append({"missing": left})
            return


async def await_close(socket, events):
    try:
        await asyncio.wait_for(socket.wait_closed(), PATIENCE)
        events.append({"closed": socket.close_code, "reason": socket.close_reason})
    except asyncio.TimeoutError:
        events.append({"closed": "never"})


async def take(socket, step, events):
    if step["do"] == "send":
        whole = content(step)
        await socket.send(pieces(whole, step["pieces"]) if "pieces" in step else whole)
    elif step["do"] == "receive":
        await receive(socket, step["count"], events)
    elif step["do"] == "ping":
        await asyncio.wait_for(await socket.ping(step["data"]), PATIENCE)
        events.append({"pong": step["data"]})
    elif step["do"] == "close":
        await socket.close(step.get("code") or 1000, step.get("reason", ""))
        await await_close(socket, events)
    elif step["do"] == "await_close":
        await await_close(socket, events)
    else:
        raise ValueError(f"no such step: {step['do']}")


def options(request):
    """Everything that would change the conversation on its own (proxies, pings, limits) is off."""
    made = {
        "origin": request.get("origin"),
        "subprotocols": request.get("subprotocols") or None,
        "compression": "deflate" if request.get("deflate", True) else None,
        "max_size": None,
        "ping_interval": None,
        "open_timeout": PATIENCE,
        "additional_headers" if NEW else "extra_headers": request.get("headers") or {},
    }
    if request["url"].startswith("wss:"):
        made["ssl"] = ssl.create_default_context()
        made["ssl"].check_hostname = False
        made["ssl"].verify_mode = ssl.CERT_NONE
    return made | ({"proxy": None} if VERSION >= 15 else {})


def refusal(fault):
    if hasattr(fault, "response"):
        fields, status = fault.response.headers, fault.response.status_code
    elif hasattr(fault, "status_code"):
        fields, status = fault.headers, fault.status_code
    else:
        return {"error": f"{type(fault).__name__}: {fault}"}
    headers = {name.lower(): value for name, value in fields.raw_items()}
    return {"status": status, "headers": headers}


async def answer(request):
    events = []
    try:
        socket = await websockets.connect(request["url"], **options(request))
    except (websockets.WebSocketException, OSError, EOFError) as fault:
        return {"refused": refusal(fault), "events": events}
    try:
        opened = {
            "subprotocol": socket.subprotocol or "",
            "extensions": header(socket, "response", "Sec-WebSocket-Extensions") or "",
        }
        for step in request["steps"]:
            await take(socket, step, events)
        return {"opened": opened, "events": events}
    finally:
        await socket.close()


def main():
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    for line in sys.stdin:
        try:
            made = loop.run_until_complete(answer(json.loads(line)))
        except Exception as fault:  # pylint: disable=broad-except
            made = {"error": f"{type(fault).__name__}: {fault}"}
        print(json.dumps(made), flush=True)


if __name__ == "__main__":
    main()
