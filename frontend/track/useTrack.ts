import { useEffect, useState, useSyncExternalStore } from 'react';
import { Live, liveUrl, type LiveStatus } from '@shared/api/live';
import type { PublicOrder } from '@shared/api/generated/types.gen';
import { readPublicOrder, withPublicEvent } from './publicOrder';

export type TrackState =
  | { kind: 'loading' }
  | { kind: 'found'; order: PublicOrder }
  | { kind: 'not_found' }
  /** The first read failed; it is tried again by itself. */
  | { kind: 'unreachable' };

const RETRY = 4_000;

/** One order, read at once and then followed live; the socket resumes after the version that was read. */
export function useTrack(orderId: string): { state: TrackState; live: LiveStatus; retry: () => void } {
  const [tracker] = useState(() => new Tracker(orderId));
  useEffect(() => {
    tracker.start();
    return () => tracker.stop();
  }, [tracker]);
  const state = useSyncExternalStore(tracker.subscribe, tracker.getState);
  const live = useSyncExternalStore(tracker.live.onStatus, tracker.live.getStatus);
  return { state, live, retry: tracker.read };
}

class Tracker {
  readonly live = new Live({ url: liveUrl() });
  #state: TrackState = { kind: 'loading' };
  #etag: string | null = null;
  #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #leave: (() => void) | undefined;
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
  }

  stop() {
    this.#running = false;
    clearTimeout(this.#timer);
    this.#leave?.();
    this.#leave = undefined;
    this.live.stop();
  }

  readonly read = async () => {
    clearTimeout(this.#timer);
    try {
      await this.#readNow();
    } catch {
      if (!this.#running || this.#state.kind === 'found') return;
      this.#set({ kind: 'unreachable' });
      this.#timer = setTimeout(() => void this.read(), RETRY);
    }
  };

  async #readNow() {
    const read = await readPublicOrder(this.orderId, this.#etag);
    if (!this.#running || read.kind === 'unchanged') return;
    if (read.kind === 'not_found') return this.#notFound();
    // An answer may be older than what the socket brought while it was on its way.
    if (this.#state.kind === 'found' && this.#state.order.version > read.order.version) return;
    this.#etag = read.etag;
    this.#set({ kind: 'found', order: read.order });
    this.#leave ??= this.#follow(read.order.version);
  }

  #follow(version: number) {
    const apply = (event: Parameters<typeof withPublicEvent>[1]) => {
      if (this.#state.kind !== 'found') return;
      this.#set({ kind: 'found', order: withPublicEvent(this.#state.order, event) });
    };
    return this.live.subscribe(
      `track:${this.orderId}`,
      {
        onSnapshot: ({ events, reset }) => {
          // A history that was rewritten: what we hold is no beginning of it.
          if (reset) this.#etag = null;
          if (reset) void this.read();
          else events.forEach(apply);
        },
        onEvent: apply,
        onGone: () => this.#notFound(),
        onError: (code) => (code === 'not_found' ? this.#notFound() : undefined),
        poll: () => this.#readNow(),
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
