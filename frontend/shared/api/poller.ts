const INTERVAL = 5_000;
/** A dead line need not break off what was asked over it, and browsers open only a few. */
const LIMIT = 10_000;

/** Reads over and over, one read after the other. */
export class Poller {
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** Of the read that is on its way. */
  #reading: AbortController | undefined;

  /** `read` rejects when nothing was reached; `signal` breaks it off. */
  constructor(
    private readonly read: (signal: AbortSignal) => Promise<unknown>,
    private readonly onEnd: (reached: boolean) => void,
  ) {}

  get isRunning(): boolean {
    return this.#timer !== undefined || this.#reading !== undefined;
  }

  /** What was on its way is broken off. */
  start(wait: number) {
    this.stop();
    this.#timer = setTimeout(() => void this.#readNow(), wait);
  }

  stop() {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#reading?.abort();
    this.#reading = undefined;
  }

  async #readNow() {
    this.#timer = undefined;
    const reading = new AbortController();
    this.#reading = reading;
    const limit = setTimeout(() => reading.abort(), LIMIT);
    const brokenOff = new Promise<false>((resolve) => reading.signal.addEventListener('abort', () => resolve(false)));
    const reached = await Promise.race([this.read(reading.signal).then(() => true, () => false), brokenOff]);
    clearTimeout(limit);
    if (this.#reading !== reading) return;
    this.#reading = undefined;
    this.start(INTERVAL);
    this.onEnd(reached);
  }
}

/** Rejects unless the server behind a socket's address is there. */
export async function probe(socketUrl: string, signal: AbortSignal) {
  const { ok } = await fetch(new URL('/livez', socketUrl.replace(/^ws/, 'http')), { signal });
  if (!ok) throw new Error('No answer');
}
