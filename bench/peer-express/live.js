// GET /live: a WebSocket on which a client subscribes to `track:<ID>` and then gets each public event of that order.
// Whoever moves an order publishes the event to one Redis channel, which all workers read.

import { WebSocket, WebSocketServer } from 'ws';
import { z } from 'zod';

import { pool, redis, redisPrefix, subscriber } from './db.js';
import { parseOrderId, publicEvent } from './domain.js';
import { forgetView, viewKey } from './track.js';

const CHANNEL = `${redisPrefix}events`;
const HEARTBEAT_EVERY_MS = 20_000;
const FRAME_MAX = 16 * 1024;
const BUFFERED_MAX = 1024 * 1024;
const SUBSCRIPTIONS_MAX = 200;
const VERSION_MAX = 2 ** 31 - 1;

const SELECT_EVENTS = `
  SELECT o.public_version, e.version, e.previous_public_version, e.type, e.status, e.reason, e.message, e.location,
         e.estimated_at, e.occurred_at
  FROM orders o LEFT JOIN order_events e ON e.order_id = o.id AND e.public AND e.version > $2
  WHERE o.id = $1 AND o.public_tracking
  ORDER BY e.version`;

const ClientFrame = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('subscribe'), topic: z.string(), after: z.int().min(0).nullish() }),
  z.strictObject({ type: z.literal('unsubscribe'), topic: z.string() }),
]);

const REFUSALS = {
  not_found: 'There is nothing here that you may see.',
  already_subscribed: 'This socket has a subscription to this topic.',
  too_many_subscriptions: `A socket has at most ${SUBSCRIPTIONS_MAX} subscriptions; unsubscribe or open another one.`,
  database_unavailable: "The database can't be reached; subscribe again in a moment.",
};

/** From each topic to what watches it, in all sockets of this worker: `{ socket, sent, held }`. */
const watchers = new Map();

/** Serves sockets on this HTTP server. Returns once published events arrive here. */
export async function startLive(server) {
  subscriber.on('message', (channel, frame) => deliver(frame));
  await subscriber.subscribe(CHANNEL);
  const path = '/api/v1/live';
  const sockets = new WebSocketServer({ server, path, perMessageDeflate: false, maxPayload: FRAME_MAX });
  sockets.on('connection', serve);
  const heartbeat = encode({ type: 'heartbeat' });
  setInterval(() => sockets.clients.forEach((socket) => send(socket, heartbeat)), HEARTBEAT_EVERY_MS);
  return sockets;
}

/** Drops the cached view of an order and tells all workers of its new event; auto-pipelining makes that one write. */
export function announce(event) {
  const frame = JSON.stringify({ type: 'event', topic: `track:${event.order_id}`, event: publicEvent(event) });
  // Nobody waits for it: the move is committed, whatever Redis does.
  Promise.all([redis.del(viewKey(event.order_id)), redis.publish(CHANNEL, frame)]).catch((error) => {
    console.error(`an event was not announced: ${error.message}`);
  });
}

/** What is published is what the sockets get: it is encoded once for all of them. */
function deliver(text) {
  const { topic, event } = JSON.parse(text);
  forgetView(topic.slice('track:'.length));
  const subscriptions = watchers.get(topic);
  if (!subscriptions) return;
  const frame = Buffer.from(text);
  for (const subscription of subscriptions) pass(subscription, event.version, frame);
}

function pass(subscription, version, frame) {
  if (subscription.held) subscription.held.push([version, frame]);
  else if (version > subscription.sent) send(subscription.socket, frame);
}

function serve(socket) {
  const subscriptions = new Map();
  socket.on('message', (data, isBinary) => {
    const frame = isBinary ? undefined : readFrame(data);
    if (!frame) return socket.close(4400, 'not a frame of the protocol');
    const id = frame.topic.startsWith('track:') && parseOrderId(frame.topic.slice('track:'.length));
    if (!id) return refuse(socket, 'not_found', frame.topic);
    if (frame.type === 'subscribe') return subscribe(socket, subscriptions, id, frame.after ?? 0);
    leave(subscriptions, `track:${id}`);
    return send(socket, encode({ type: 'unsubscribed', topic: `track:${id}` }));
  });
  socket.on('close', () => [...subscriptions.keys()].forEach((topic) => leave(subscriptions, topic)));
  // ws closes the socket itself, with the right code; without a listener the process would end.
  socket.on('error', () => {});
}

function readFrame(data) {
  try {
    return ClientFrame.parse(JSON.parse(data));
  } catch {
    return undefined;
  }
}

async function subscribe(socket, subscriptions, id, after) {
  const topic = `track:${id}`;
  if (subscriptions.has(topic)) return refuse(socket, 'already_subscribed', topic);
  if (subscriptions.size >= SUBSCRIPTIONS_MAX) return refuse(socket, 'too_many_subscriptions', topic);
  // First registered and then read, so that nothing falls between the two; what comes meanwhile is held.
  const subscription = { socket, sent: 0, held: [] };
  subscriptions.set(topic, subscription);
  if (!watchers.has(topic)) watchers.set(topic, new Set());
  watchers.get(topic).add(subscription);

  let snapshot;
  let refusal = 'not_found';
  try {
    snapshot = await readSnapshot(id, after);
  } catch (error) {
    console.error(error);
    refusal = 'database_unavailable';
  }
  // It may have been unsubscribed meanwhile.
  if (subscriptions.get(topic) !== subscription) return;
  if (!snapshot) {
    leave(subscriptions, topic);
    return refuse(socket, refusal, topic);
  }
  send(socket, encode({ type: 'subscribed', topic, ...snapshot }));
  const { held } = subscription;
  subscription.sent = snapshot.version;
  subscription.held = undefined;
  for (const [version, frame] of held) pass(subscription, version, frame);
}

/** The newest version and the events after the one that the client has; all of them if it is ahead of us. */
async function readSnapshot(id, after) {
  const values = [id, Math.min(after, VERSION_MAX)];
  const { rows } = await pool.query({ name: 'select-events-after', text: SELECT_EVENTS, values });
  if (rows.length === 0) return undefined;
  const version = rows[0].public_version;
  if (after <= version) return { version, events: rows[0].version ? rows.map(publicEvent) : [] };
  const whole = await readSnapshot(id, 0);
  return whole && { version: whole.version, reset: true, events: whole.events };
}

function leave(subscriptions, topic) {
  const subscription = subscriptions.get(topic);
  if (!subscription) return;
  subscriptions.delete(topic);
  watchers.get(topic).delete(subscription);
  if (watchers.get(topic).size === 0) watchers.delete(topic);
}

function refuse(socket, code, topic) {
  const error = { type: 'error', code, detail: REFUSALS[code] };
  // What is echoed has to be somebody's topic, not somebody's 16 KiB.
  send(socket, encode(topic.length <= 100 ? { ...error, topic } : error));
}

/** As bytes, so that a frame for many sockets is not encoded again for each of them. */
function encode(frame) {
  return Buffer.from(JSON.stringify(frame));
}

function send(socket, frame) {
  if (socket.readyState !== WebSocket.OPEN) return;
  if (socket.bufferedAmount > BUFFERED_MAX) socket.close(4408, 'too_slow');
  else socket.send(frame, { binary: false });
}
