// The peer for bench/: the common part of Order Tracker's API on Express, pg, ioredis and ws, over the same Postgres
// schema, written as one would write it for production. The same load generators run against both.
//
// It registers, logs in, creates, moves and shows orders, and serves `track:` topics on the live socket, with the same
// paths, bodies, status codes and tokens. It leaves out, compared with Order Tracker:
//   - the repair of announcements: what Redis does not deliver, a watcher does not get, and what two workers do to one
//     order in the same instant may reach it in either order;
//   - the bound on staleness: a view that is read just before a move may be cached just after it, for two seconds in Redis and two in a worker;
//   - refresh tokens, ended sessions (a token is good until it expires), API keys, idempotency keys, rate limits;
//   - undo, notes without a move, `occurred_at`, details, assignees, lists, batches, webhooks, invitations;
//   - topics that need a token, pages of 500 events in a subscription's beginning, the check of a socket's Origin.
//
// To start it: npm ci --ignore-scripts && DATABASE_URL=... REDIS_URL=... JWT_SECRET=... npm start
// Further settings: REDIS_PREFIX (peer:), BIND_ADDR (127.0.0.1:0, where 0 picks a port), BCRYPT_COST (12).
// The database must have been migrated by Order Tracker.

import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';

if (cluster.isPrimary) {
  runPrimary(availableParallelism());
} else {
  const { serve } = await import('./app.js');
  await serve(process.env.BIND_ADDR ?? '127.0.0.1:0');
}

function runPrimary(workers) {
  // Workers inherit it, and Express looks at it.
  process.env.NODE_ENV ??= 'production';
  let listening = 0;
  let stopping = false;

  cluster.on('listening', (worker, { address, port }) => {
    listening += 1;
    if (listening === workers) console.error(`serving on http://${address}:${port}`);
  });
  cluster.on('exit', (worker, code, signal) => {
    if (stopping) return;
    console.error(`worker ${worker.process.pid} has ended: ${signal ?? code}`);
    // One that can't even start would not do better the next time.
    if (listening < workers) process.exit(1);
    cluster.fork();
  });
  const stop = () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
  for (let number = 0; number < workers; number += 1) cluster.fork();
}
