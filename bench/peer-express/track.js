// GET /track/{id}: the public view of an order, for two seconds from this worker or from Redis, from Postgres otherwise.

import { createHash } from 'node:crypto';

import { LRUCache } from 'lru-cache';

import { pool, redis, redisPrefix } from './db.js';
import { formatTime, notFound, parseOrderId, publicEvent } from './domain.js';

const VIEW_LIFETIME_MS = 2_000;
const ETAG_LENGTH = 14;

const SELECT_VIEW = `
  SELECT o.created_at, o.due_at, o.estimated_at AS order_estimated_at, o.completed_at,
         e.version, e.previous_public_version, e.type, e.status, e.reason, e.message, e.location, e.estimated_at,
         e.occurred_at, e.recorded_at
  FROM order_events e JOIN orders o ON o.id = e.order_id
  WHERE e.order_id = $1 AND e.public AND o.public_tracking
  ORDER BY e.version DESC
  LIMIT 500`;

export const viewKey = (id) => `${redisPrefix}view:${id}`;

/** What this worker has sent lately. However many ask for a view that is not there, it is looked for once. */
const views = new LRUCache({ max: 10_000, ttl: VIEW_LIFETIME_MS, fetchMethod: find, ignoreFetchAbort: true });

/** For whoever hears that an order has changed. */
export const forgetView = (id) => views.delete(id);

export async function showTracking(req, res) {
  const id = parseOrderId(req.params.id);
  if (!id) throw notFound();
  const view = views.get(id) ?? (await views.fetch(id));
  res.set({
    'Content-Type': 'application/json',
    'Cache-Control': 'no-cache',
    ETag: view.toString('latin1', 0, ETAG_LENGTH),
  });
  // Express compares the ETag with If-None-Match and makes it a 304, unless the request says no-cache.
  res.send(view.subarray(ETAG_LENGTH));
}

async function find(id) {
  // Without Redis it is slower, and that is all.
  const cached = await redis.getBuffer(viewKey(id)).catch(() => null);
  return cached ?? load(id);
}

/** The view as it is cached: its ETag, then its JSON, so that a hit parses nothing. */
async function load(id) {
  const { rows } = await pool.query({ name: 'select-view', text: SELECT_VIEW, values: [id] });
  const newest = rows[0];
  if (!newest) throw notFound();
  const json = JSON.stringify({
    order_id: id,
    status: newest.status,
    version: newest.version,
    created_at: formatTime(newest.created_at),
    updated_at: formatTime(newest.recorded_at),
    due_at: formatTime(newest.due_at),
    estimated_at: formatTime(newest.order_estimated_at),
    completed_at: formatTime(newest.completed_at),
    events: rows.reverse().map(publicEvent),
  });
  const etag = `"${createHash('sha256').update(json).digest('base64url').slice(0, ETAG_LENGTH - 2)}"`;
  const view = Buffer.from(etag + json);
  redis.set(viewKey(id), view, 'PX', VIEW_LIFETIME_MS).catch(() => {});
  return view;
}
