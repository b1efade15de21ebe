"""Follows up to 200 orders as docs/live.md tells: live_client.py http://localhost:8080 7K3M9Q2XTB[:VERSION]...

Prints each public event once (after `reset`, anew) as a line of JSON. VERSION is the newest one that you have."""
import asyncio, json, random, sys
import websockets  # 10 or newer; Debian: python3-websockets


def take(frame, have):
    """Yields what is new. `have` maps topics to the newest version that we have; a topic that is gone leaves it."""
    topic = frame.get("topic")
    if frame["type"] == "gone" or frame.get("code") == "not_found":
        del have[topic]
        yield {"type": "gone"}
    if frame.get("reset"):
        have[topic] = 0
        yield {"type": "reset"}
    for event in [frame["event"]] if frame["type"] == "event" else frame.get("events", []):
        if (event["previous_version"] or 0) > have[topic]:
            raise ConnectionError(f"{topic}: something is missing between {have[topic]} and {event['version']}")
        if event["version"] > have[topic]:
            have[topic] = event["version"]
            yield event


async def follow(url, have, silence=45):  # seconds: two heartbeats that did not come, and some slack
    failures = 0
    while have:
        try:
            async with websockets.connect(url, max_size=2**21, close_timeout=1) as socket:
                missing, frame = set(have), {"type": "heartbeat"}  # what is missing is asked for with each of these
                while have:
                    for topic in missing & have.keys() if frame["type"] == "heartbeat" else ():
                        await socket.send(json.dumps({"type": "subscribe", "topic": topic, "after": have[topic]}))
                    frame = json.loads(await asyncio.wait_for(socket.recv(), silence))
                    for line in take(frame, have):
                        yield {"order_id": frame["topic"].removeprefix("track:"), **line}
                    if frame["type"] in ("subscribed", "error"):  # one that had begun may end with an error, too
                        (missing.add if frame["type"] == "error" else missing.discard)(frame.get("topic"))
                    failures = 0
        except (OSError, EOFError, asyncio.TimeoutError, websockets.WebSocketException) as error:
            code = getattr(getattr(error, "rcvd", None), "code", 0)
            if code in (1009, 4400):
                raise  # a fault of ours, and we would repeat it
            if code == 4410:  # what we have may not have happened: beyond all there is, so that a reset comes
                have.update(dict.fromkeys(have, 2**53 - 1))
            wait, failures = random.uniform(0, min(30, 2**failures)), failures + 1
            print(f"{type(error).__name__}: {error}; again in {wait:.1f} s", file=sys.stderr)
            await asyncio.sleep(wait)


async def main(base, *orders):
    named = (order.upper().translate(str.maketrans("OIL", "011", " -")).partition(":") for order in orders)
    have = {f"track:{order}": int(version or 0) for order, _, version in named}
    async for line in follow(base.rstrip("/").replace("http", "ws", 1) + "/api/v1/live", have):
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
