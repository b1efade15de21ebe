"""Prints each event of an order the moment it happens: API_KEY=… python watch_order.py ORDER_ID [VERSION]

One line of JSON an event, in their order and each once, until you stop it. VERSION is the newest one that you have. The
key needs the scope orders:read. docs/live.md tells why each line is as it is."""
import json, random, sys, time
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect
from order_tracker import URL, setting

SILENCE = 45  # seconds: two heartbeats that did not come, and some slack
order_id, have = sys.argv[1], int(sys.argv[2] if len(sys.argv) > 2 else 0)


def watch():
    """Until the line is lost."""
    global have, failures
    with connect(URL.replace("http", "ws", 1) + "/api/v1/live", max_size=2**21, close_timeout=1) as socket:
        socket.send(json.dumps({"type": "authenticate", "token": setting("API_KEY")}))
        socket.send(json.dumps({"type": "subscribe", "topic": f"order:{order_id}", "after": have}))
        while True:
            frame = json.loads(socket.recv(timeout=SILENCE))
            failures = 0
            if frame["type"] == "error":
                if frame["code"] == "not_found":
                    sys.exit(f"{order_id}: {frame['detail']}")
                failures = 2  # not now: some seconds, rather than one
                raise ConnectionError(frame["detail"])
            if frame.get("reset"):  # we had a version that is not there: everything, from the beginning
                have = 0
            for event in [frame["event"]] if frame["type"] == "event" else frame.get("events", []):
                if event["version"] > have + 1:
                    raise ConnectionError(f"something is missing between {have} and {event['version']}")
                if event["version"] == have + 1:  # else we have it
                    print(json.dumps(event), flush=True)
                    have = event["version"]


failures = 0
while True:
    try:
        watch()
    except (OSError, EOFError, WebSocketException) as error:
        code = getattr(getattr(error, "rcvd", None), "code", None)
        if code in (1009, 4400, 4401):  # our own fault, or the key is no good: it would be the same again
            sys.exit(f"{error}")
        if code == 4410:  # what we have may not have happened: beyond all there is, so that a reset comes
            have = 2**53 - 1
        wait = random.uniform(0, min(30, 2**failures))
        failures += 1
        print(f"{type(error).__name__}: {error}; again in {wait:.1f} s", file=sys.stderr)
        time.sleep(wait)
