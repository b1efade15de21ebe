"""Prints the events of all your orders, from where it was stopped: API_KEY=… python follow_feed.py CURSOR_FILE

One line of JSON an event, until you stop it. The key needs the scope orders:read."""
import json, os, pathlib, sys, time
from order_tracker import call, setting

PAUSE = float(os.environ.get("PAUSE", 5))  # seconds, when there was nothing more
file = pathlib.Path(sys.argv[1])
cursor = file.read_text().strip() if file.exists() else None  # none: from the first event there is

while True:
    page = call("GET", "/events", setting("API_KEY"), params={"after": cursor, "limit": 100})
    for event in page["data"]:
        print(json.dumps(event), flush=True)
    # After what was made of the events: who is stopped between the two gets them again. Where that is a database of your
    # own, write the cursor in the same transaction, and each event counts once.
    if page["next_cursor"] != cursor:
        cursor = page["next_cursor"]
        fresh = file.with_suffix(".new")
        fresh.write_text(cursor)
        fresh.replace(file)  # at once, or not at all
    if not page["has_more"]:
        time.sleep(PAUSE)
