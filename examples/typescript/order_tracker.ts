// What the examples share: where the server is, and requests that are sent again until they are answered for good.
import { setTimeout as sleep } from 'node:timers/promises';

export const SERVER = (process.env.ORDER_TRACKER_URL ?? 'http://localhost:8080').replace(/\/$/, '');
const PATIENCE = 300; // seconds: nobody waits longer for an answer

// Not now, says the server, or a proxy before it.
const LATER = [429, 502, 503, 504];

/** What the examples read of events; there is more in them, see openapi.yaml. */
export interface OrderEvent {
  order_id: string;
  version: number;
  type: string;
  status: string;
}

interface Problem {
  code?: string;
  detail?: string;
  errors?: unknown[];
}

/** The server has understood, and says no: `code` is stable, `detail` is for people. */
export class Refused extends Error {
  readonly status: number;
  readonly problem: Problem;

  constructor(status: number, problem: Problem) {
    super(`${status} ${problem.code}: ${problem.detail} ${JSON.stringify(problem.errors ?? [])}`);
    this.status = status;
    this.problem = problem;
  }
}

interface Options {
  token?: string;
  body?: unknown;
  idempotencyKey?: string;
}

/**
 * Asks the server, and gives back the JSON of its answer.
 *
 * What can be sent twice without harm is sent again when no answer comes or the server says "not now": whatever reads, and
 * what has an Idempotency-Key, which stays the same.
 */
export async function call<Answer>(method: string, path: string, options: Options = {}): Promise<Answer> {
  const headers: Record<string, string> = { 'Content-Type': 'application/json' };
  if (options.token) headers['Authorization'] = `Bearer ${options.token}`;
  if (options.idempotencyKey) headers['Idempotency-Key'] = options.idempotencyKey;
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const harmless = method === 'GET' || options.idempotencyKey !== undefined;
  const deadline = Date.now() + PATIENCE * 1000;
  for (let failures = 0; ; failures++) {
    let wait = Math.random() * Math.min(30, 2 ** failures);
    let error: Error;
    let retried = true;
    try {
      const answer = await fetch(`${SERVER}/api/v1${path}`, { method, headers, body, signal: AbortSignal.timeout(30_000) });
      const text = await answer.text();
      if (answer.ok) return (text ? JSON.parse(text) : undefined) as Answer;
      const problem = asProblem(text);
      error = new Refused(answer.status, problem);
      retried = LATER.includes(answer.status) || problem.code === 'idempotency_in_progress';
      const seconds = answer.headers.get('Retry-After') ?? '';
      if (/^\d+$/.test(seconds)) wait += Number(seconds); // and later each time: it does not know how many are waiting
    } catch (lost) {
      error = lost as Error; // whether it was done, nobody knows
    }
    if (!harmless || !retried || Date.now() + wait * 1000 > deadline) throw error;
    console.error(`${error.message}; again in ${wait.toFixed(1)} s`);
    await sleep(wait * 1000);
  }
}

function asProblem(text: string): Problem {
  try {
    return JSON.parse(text) as Problem; // application/problem+json
  } catch {
    return { detail: text.slice(0, 200) }; // not from Order Tracker, but from something on the way
  }
}

export function setting(name: string): string {
  return process.env[name] || fail(`${name} is not set`);
}

export function fail(why: string): never {
  console.error(why);
  process.exit(1);
}
