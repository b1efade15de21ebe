// The connections of one worker: a pool to Postgres, and two to Redis, of which one listens.

import { Redis } from 'ioredis';
import pg from 'pg';

export const pool = new pg.Pool({
  connectionString: process.env.DATABASE_URL,
  max: 10,
  connectionTimeoutMillis: 5_000,
  statement_timeout: 5_000,
});
// Without a listener, an idle connection that breaks would end the process.
pool.on('error', (error) => console.error(`postgres: ${error.message}`));

/** One transaction on one connection: committed when `work` returns, rolled back when it throws. */
export async function transaction(work) {
  const client = await pool.connect();
  let broken;
  try {
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch((failure) => (broken = failure));
    throw error;
  } finally {
    // A connection that can't even roll back is not used again.
    client.release(broken);
  }
}

/** A function that makes the prepared INSERT of one row, given as an object. */
export function insertInto(table, columns) {
  const places = columns.map((_, index) => `$${index + 1}`);
  const text = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${places.join(', ')})`;
  return (row) => ({ name: `insert-${table}`, text, values: columns.map((column) => row[column]) });
}

// ioredis takes the socket's path as it is.
const url = new URL(process.env.REDIS_URL);
const address = url.protocol === 'redis+unix:' ? decodeURIComponent(url.pathname) : url.href;

export const redisPrefix = process.env.REDIS_PREFIX ?? 'peer:';

/** For commands. While Redis is away they fail at once instead of waiting for it: it is only a cache here. */
export const redis = new Redis(address, {
  enableAutoPipelining: true,
  enableOfflineQueue: false,
  maxRetriesPerRequest: 1,
  commandTimeout: 1_000,
});

/** Listens, and subscribes again by itself after it was cut off. */
export const subscriber = new Redis(address);

for (const connection of [redis, subscriber]) {
  connection.on('error', (error) => console.error(`redis: ${error.message}`));
}
