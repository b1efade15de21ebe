import { createOrders, hasCode, isPassing, ProblemError, type NewOrder, type Problem } from '@shared/api';

/** A line that has been read. */
export interface Row {
  line: number;
  order: NewOrder;
}

export interface Batch {
  /** The same each time that it is sent, so that nothing is created twice; another for each batch. */
  key: string;
  rows: Row[];
}

/** What came of a line: null: created, or would be. */
export type Outcome = Problem | null;

/** The server's limits are 500 orders and 2 MiB. */
const MOST_ROWS = 500;
const MOST_BYTES = 1_500_000;

export function toBatches(rows: Row[]): Batch[] {
  const batches: Batch[] = [];
  let bytes = Infinity;
  for (const row of rows) {
    const size = new TextEncoder().encode(JSON.stringify(row.order)).length + 1;
    if (bytes + size > MOST_BYTES || batches.at(-1)!.rows.length >= MOST_ROWS) {
      batches.push({ key: newKey(), rows: [] });
      bytes = 0;
    }
    batches.at(-1)!.rows.push(row);
    bytes += size;
  }
  return batches;
}

/** `crypto.randomUUID` is there only on https and localhost; a server in a home network is neither. */
function newKey(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return `import-${[...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('')}`;
}

export interface SendOptions {
  dryRun: boolean;
  signal: AbortSignal;
  /** Told before each wait for another attempt, and with 0 before the attempt. */
  onWait: (seconds: number) => void;
  wait?: ((seconds: number, signal: AbortSignal) => Promise<void>) | undefined;
}

const TRIES = 8;
const ANSWER_LIMIT = 60_000;

/**
 * One result a row. What fails for a passing reason (no connection, a server that is busy, restarting, or can't say
 * whether it was written) is sent again under the same key: whatever was created by then is only told of once more.
 */
export async function sendBatch({ key, rows }: Batch, { dryRun, signal, onWait, wait = pause }: SendOptions): Promise<Outcome[]> {
  for (let attempt = 1; ; attempt++) {
    try {
      const { data } = await createOrders({
        body: { items: rows.map(({ order }) => order) },
        // What is only tried is not kept under a key.
        ...(dryRun ? { query: { dry_run: true } } : { headers: { 'Idempotency-Key': key } }),
        // Over a line that died without a word no answer ever comes.
        signal: AbortSignal.any([signal, AbortSignal.timeout(ANSWER_LIMIT)]),
        throwOnError: true,
      });
      return data.results.map((result) => ('problem' in result ? result.problem : null));
    } catch (error) {
      if (signal.aborted || attempt >= TRIES || !mayPass(error)) throw error;
      const seconds = (error instanceof ProblemError && error.retryAfter) || Math.min(15, 2 ** (attempt - 1));
      onWait(seconds);
      await wait(seconds, signal);
      onWait(0);
    }
  }
}

function mayPass(error: unknown): boolean {
  return isPassing(error) || hasCode(error, 'rate_limited', 'idempotency_in_progress');
}

function pause(seconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const timer = setTimeout(resolve, seconds * 1000);
    signal.addEventListener('abort', () => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    });
  });
}
