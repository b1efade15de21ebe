import { useEffect, useState, useSyncExternalStore } from 'react';
import { Live, liveUrl, type LiveStatus } from '@shared/api/live';
import type { PublicEvent, PublicOrder } from '@shared/api/generated/types.gen';
import { readPublicOrder, withPublicEvent } from './publicOrder';

export type TrackState =
  | { kind: 'loading' }
  | { kind: 'found'; order: PublicOrder }
  | { kind: 'not_found' }
  /** The first read failed; it is tried again by itself. */
  | { kind: 'unreachable' };

const RETRY = 4_000;
const READ_LIMIT = 10_000;

/** One order, read at once and then followed live; the socket resumes after the version that was read. */
export function useTrack(orderId: string): { state: TrackState; live: LiveStatus; retry: () => void } {
  const [tracker] = useState(() => new Tracker(orderId));
  useEffect(() => {
    tracker.start();
    return () => tracker.stop();
  }, [tracker]);
  const state = useSyncExternalStore(tracker.subscribe, tracker.getState);
  const live = useSyncExternalStore(tracker.live.onStatus, tracker.live.getStatus);
  return { state, live, retry: tracker.retry };
}

class Tracker {
  readonly live = new Live({ url: liveUrl() });
  #state: TrackState = { kind: 'loading' };
  #etag: string | null = null;
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #leave: (() => void) | undefined;
  #stopAwaiting = () => {};
  #running = false;

  constructor(private readonly orderId: string) {}

  readonly getState = () => this.#state;

  readonly subscribe = (listener: () => void) => {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  };

  start() {
    this.#running = true;
    void this.read();
    this.live.start();
    // The line is there (again), so the server is.
    this.#stopAwaiting = this.live.onStatus(() => {
      if (this.live.getStatus() === 'live' && this.#state.kind === 'unreachable') void this.read();
    });
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#stopAwaiting();
    this.#leave?.();
    this.#leave = undefined;
    this.live.stop();
  }

  /** Asked for by hand, so that something is to be seen of it also where nothing is found again. */
  readonly retry = () => {
    if (this.#state.kind === 'not_found') this.#set({ kind: 'loading' });
    void this.read();
  };

  readonly read = async () => {
    clearTimeout(this.#timer);
    try {
      await this.#readNow(AbortSignal.timeout(READ_LIMIT));
    } catch {
      if (!this.#running || this.#state.kind === 'found') return;
      this.#set({ kind: 'unreachable' });
      this.#timer = setTimeout(() => void this.read(), RETRY);
    }
  };

  async #readNow(signal: AbortSignal) {
    const read = await readPublicOrder(this.orderId, this.#etag, signal);
    if (!this.#running || read.kind === 'unchanged') return;
    if (read.kind === 'not_found') return this.#notFound();
    // An answer may be older than what the socket brought while it was on its way.
    if (this.#state.kind === 'found' && this.#state.order.version > read.order.version) return;
    this.#etag = read.etag;
    this.#set({ kind: 'found', order: read.order });
    this.#leave ??= this.#follow(read.order.version);
    // It was stopped if there was no such order before.
    this.live.start();
  }

  #follow(version: number) {
    const apply = (events: PublicEvent[], reset = false) => {
      if (this.#state.kind !== 'found') return;
      const { order } = this.#state;
      // A history that was rewritten (a restored backup): what we hold is no beginning of it, and all of it comes now.
      const held = reset ? { ...order, version: 0, events: [] } : order;
      if (reset) this.#etag = null;
      this.#set({ kind: 'found', order: events.reduce(withPublicEvent, held) });
    };
    return this.live.subscribe(
      `track:${this.orderId}`,
      {
        onSnapshot: ({ events, reset }) => apply(events, reset),
        onEvent: (event) => apply([event]),
        onGone: () => this.#notFound(),
        onError: (code) => (code === 'not_found' ? this.#notFound() : undefined),
        poll: (signal) => this.#readNow(signal),
      },
      version,
    );
  }

  #notFound() {
    this.#leave?.();
    this.#leave = undefined;
    this.#etag = null;
    this.live.stop();
    this.#set({ kind: 'not_found' });
  }

  #set(state: TrackState) {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}
