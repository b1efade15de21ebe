// Creates an order, once, however often this is run or has to ask: API_KEY=… node --import tsx create_order.ts REFERENCE TITLE
//
// Prints the order's ID. The key needs the scope orders:write.
import { createHash } from 'node:crypto';
import { call, fail, setting } from './order_tracker.ts';

const [reference, title] = process.argv.slice(2);
if (reference === undefined || title === undefined) fail('create_order.ts REFERENCE TITLE');
const order = await call<{ id: string }>('POST', '/orders', {
  token: setting('API_KEY'),
  body: { title, reference },
  // Made of your own number, whatever letters that has: whoever starts again after a crash, not knowing how far it came, sends
  // the same key.
  idempotencyKey: `order-${createHash('sha256').update(reference).digest('hex')}`,
});
console.log(order.id);
