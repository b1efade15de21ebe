"""Receives webhooks and prints each message: WEBHOOK_SECRET=whsec_… python receive_webhooks.py [PORT]

The secret is what POST /api/v1/webhooks has answered. Something with TLS stands before this and passes requests on."""
import json, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from standardwebhooks import Webhook, WebhookVerificationError
from order_tracker import setting

MOST = 2**20  # bytes; no message is nearly as long
webhook = Webhook(setting("WEBHOOK_SECRET"))
lock, seen = threading.Lock(), set()  # yours: a table with a unique column, written with what you make of the message


class Receiver(BaseHTTPRequestHandler):
    timeout = 15  # seconds; who says nothing for so long is hung up on

    def do_POST(self):
        length = self.headers.get("Content-Length", "")
        if not length.isdigit() or int(length) > MOST:
            return self.answer(413)
        # The bytes as they came: JSON that was read and written again is not what was signed.
        body = self.rfile.read(int(length))
        try:
            message = webhook.verify(body, dict(self.headers))
        except (WebhookVerificationError, ValueError) as error:  # a signature that is none at all is a ValueError
            print(f"refused: {error}", file=sys.stderr)
            return self.answer(401)
        with lock:
            # Each message comes at least once. And one that has failed comes later than those after it: of each order, keep
            # the newest data.event.version.
            if self.headers["webhook-id"] not in seen:
                print(json.dumps(message), flush=True)
                seen.add(self.headers["webhook-id"])
        # Only now: what is not answered with 2xx comes again.
        self.answer(204)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1] if len(sys.argv) > 1 else 8000)), Receiver)
print(f"listening on http://127.0.0.1:{server.server_port}", file=sys.stderr, flush=True)
server.serve_forever()
