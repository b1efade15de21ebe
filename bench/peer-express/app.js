// One worker: the URL table, what becomes of errors, and how it starts and ends.

import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, STATUS_CODES } from 'node:http';

import express from 'express';
import { ZodError } from 'zod';

import { logIn, register, requireToken } from './auth.js';
import { pool, redis } from './db.js';
import { notFound } from './domain.js';
import { startLive } from './live.js';
import { createOrder, moveOrder, showOrder } from './orders.js';
import { showTracking } from './track.js';

const DRAIN_LIMIT_MS = 5_000;

const app = express();
app.disable('x-powered-by');
// Where an answer has an ETag, it is one of ours.
app.disable('etag');

const json = express.json({ limit: '64kb' });
const user = requireToken('users');
const anybody = requireToken('users', 'movers');

app.post('/api/v1/users', json, register);
app.post('/api/v1/users/sessions', json, logIn('users'));
app.post('/api/v1/movers/sessions', json, logIn('movers'));
app.post('/api/v1/orders', user, json, createOrder);
app.get('/api/v1/orders/:id', anybody, showOrder);
app.post('/api/v1/orders/:id/events', anybody, json, moveOrder);
app.get('/api/v1/track/:id', showTracking);
app.get('/livez', (req, res) => res.json({ status: 'ok' }));
app.use((req, res, next) => next(notFound()));
app.use(sendProblem);

export async function serve(bindAddress) {
  const server = createServer(app);
  // Longer than a balancer keeps an idle connection, so that it is never us who closes one under a request.
  server.keepAliveTimeout = 75_000;
  if (redis.status !== 'ready') await once(redis, 'ready');
  const sockets = await startLive(server);

  process.on('SIGTERM', () => {
    for (const socket of sockets.clients) socket.close(1001, 'draining');
    server.close(() => pool.end().then(() => process.exit(0)));
    // Whatever is still open then.
    setTimeout(() => process.exit(0), DRAIN_LIMIT_MS);
  });
  // Ctrl-C reaches every process; the primary says when to end. When the primary is gone, node:cluster ends us.
  process.on('SIGINT', () => {});

  const [, host, port] = /^(.+):(\d+)$/.exec(bindAddress);
  server.listen(Number(port), host);
}

// Express knows by its four parameters that it is for errors.
function sendProblem(error, req, res, next) {
  if (res.headersSent) return next(error);
  const { status, detail, code, ...more } = describe(error, req);
  if (status >= 500) console.error(error);
  if (status === 401) res.set('WWW-Authenticate', 'Bearer');
  res.status(status).set('Cache-Control', 'no-store').type('application/problem+json');
  const problem = { type: 'about:blank', title: STATUS_CODES[status], status, detail, code, request_id: randomUUID() };
  return res.send(JSON.stringify({ ...problem, ...more }));
}

function describe(error, req) {
  if (error instanceof ZodError && req.body === undefined) {
    return { status: 415, detail: 'The body must be application/json.', code: 'unsupported_media_type' };
  }
  if (error instanceof ZodError) {
    const detail = "Some of this can't be accepted; `errors` lists all of it.";
    return { status: 422, detail, code: 'validation_failed', errors: error.issues.flatMap(violations) };
  }
  if (!(error.status < 500)) return { status: 500, detail: 'Something went wrong here.', code: 'internal' };
  // Ours have a code; those of express.json() have a type.
  const { status, message: detail, type, code = CODES[type] ?? 'bad_request', problem } = error;
  return { status, detail, code, ...problem };
}

const CODES = {
  'entity.parse.failed': 'malformed_json',
  'entity.too.large': 'body_too_large',
  invalid_type: 'wrong_type',
  invalid_format: 'invalid_format',
  too_small: 'too_short',
  too_big: 'too_long',
};

/** As RFC 6901 pointers into the body. */
function violations({ code, path, keys, message: detail }) {
  const pointer = path.map((key) => `/${key}`).join('');
  if (keys) return keys.map((key) => ({ pointer: `${pointer}/${key}`, code: 'unknown_field', detail }));
  return [{ pointer, code: CODES[code] ?? 'invalid_value', detail }];
}
