// Receives webhooks and prints each message: WEBHOOK_SECRET=whsec_… node --import tsx receive_webhooks.ts [PORT]
//
// The secret is what POST /api/v1/webhooks has answered. Something with TLS stands before this and passes requests on.
import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import { setting } from './order_tracker.ts';

const MOST = 2 ** 20; // bytes; no message is nearly as long
const webhook = new Webhook(setting('WEBHOOK_SECRET'));
const seen = new Set<string>(); // yours: a table with a unique column, written with what you make of the message

/** 204, or why not. */
async function receive(request: IncomingMessage): Promise<number> {
  // The bytes as they came: JSON that was read and written again is not what was signed.
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > MOST) return 413;
    chunks.push(chunk);
  }
  let message: unknown;
  try {
    message = webhook.verify(Buffer.concat(chunks), request.headers as Record<string, string>);
  } catch (error) {
    console.error(`refused: ${error}`);
    return 401;
  }
  // Each message comes at least once. And one that has failed comes later than those after it: of each order, keep the newest
  // data.event.version.
  const id = String(request.headers['webhook-id']);
  if (!seen.has(id)) {
    console.log(JSON.stringify(message));
    seen.add(id);
  }
  // Only now: what is not answered with 2xx comes again.
  return 204;
}

const server = createServer((request, response) => {
  receive(request).then(
    (status) => response.writeHead(status).end(),
    () => response.destroy(), // the connection was lost
  );
});
server.requestTimeout = 15_000;
server.listen(Number(process.argv[2] ?? 8000), '127.0.0.1', () => {
  console.error(`listening on http://127.0.0.1:${(server.address() as AddressInfo).port}`);
});
