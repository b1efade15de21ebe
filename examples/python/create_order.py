"""Creates an order, once, however often this is run or has to ask: API_KEY=… python create_order.py REFERENCE TITLE

Prints the order's ID. The key needs the scope orders:write."""
import hashlib, sys
from order_tracker import call, setting

reference, title = sys.argv[1:]
# Made of your own number, whatever letters that has: whoever starts again after a crash, not knowing how far it came, sends the
# same key.
key = "order-" + hashlib.sha256(reference.encode()).hexdigest()
order = call("POST", "/orders", setting("API_KEY"), body={"title": title, "reference": reference}, idempotency_key=key)
print(order["id"])
