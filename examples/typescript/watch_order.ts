// Prints each event of an order the moment it happens: API_KEY=… node --import tsx watch_order.ts ORDER_ID [VERSION]
//
// One line of JSON an event, in their order and each once, until you stop it. VERSION is the newest one that you have. The
// key needs the scope orders:read. docs/live.md tells why each line is as it is.
import { setTimeout as sleep } from 'node:timers/promises';
import WebSocket from 'ws';
import { type OrderEvent, fail, setting, SERVER } from './order_tracker.ts';

const SILENCE = 45; // seconds: two heartbeats that did not come, and some slack
const key = setting('API_KEY');
const orderId = process.argv[2] ?? fail('watch_order.ts ORDER_ID [VERSION]');
let have = Number(process.argv[3] ?? 0);
let failures = 0;

interface Frame {
  type: string;
  code?: string;
  detail?: string;
  reset?: boolean;
  event?: OrderEvent;
  events?: OrderEvent[];
}

/** Until the line is lost: gives back the code with which the server has closed, or 1006. */
function watch(): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`${SERVER.replace('http', 'ws')}/api/v1/live`);
    let silence = setTimeout(() => socket.terminate(), SILENCE * 1000);
    const giveUp = (why: string) => {
      console.error(why);
      socket.terminate();
    };
    socket.on('open', () => {
      socket.send(JSON.stringify({ type: 'authenticate', token: key }));
      socket.send(JSON.stringify({ type: 'subscribe', topic: `order:${orderId}`, after: have }));
    });
    socket.on('message', (data) => {
      clearTimeout(silence);
      silence = setTimeout(() => socket.terminate(), SILENCE * 1000);
      if (socket.readyState !== WebSocket.OPEN) return; // we have given up, this had come before
      failures = 0;
      const frame = JSON.parse(data.toString()) as Frame;
      if (frame.code === 'not_found') fail(`${orderId}: ${frame.detail}`);
      if (frame.type === 'error') {
        failures = 2; // not now: some seconds, rather than one
        return giveUp(frame.detail ?? '');
      }
      if (frame.reset) have = 0; // we had a version that is not there: everything, from the beginning
      for (const event of frame.event ? [frame.event] : (frame.events ?? [])) {
        if (event.version > have + 1) return giveUp(`something is missing between ${have} and ${event.version}`);
        if (event.version <= have) continue; // we have it
        console.log(JSON.stringify(event));
        have = event.version;
      }
    });
    socket.on('error', (error) => console.error(error.message));
    socket.on('close', (code, reason) => {
      clearTimeout(silence);
      // Our own fault, or the key is no good: it would be the same again.
      if ([1009, 4400, 4401].includes(code)) fail(`${code} ${reason}`);
      resolve(code);
    });
  });
}

while (true) {
  const code = await watch();
  // What we have may not have happened: beyond all there is, so that a reset comes.
  if (code === 4410) have = Number.MAX_SAFE_INTEGER;
  const wait = Math.random() * Math.min(30, 2 ** failures++);
  console.error(`${code}; again in ${wait.toFixed(1)} s`);
  await sleep(wait * 1000);
}
