import type { Event, PublicEvent } from './generated/types.gen';

/** `track:<ID>` (public events), `order:<ID>` (all events of one order), `orders` (all that the account may see). */
export type Topic = 'orders' | `order:${string}` | `track:${string}`;
export type TopicEvent<T extends Topic> = T extends `track:${string}` ? PublicEvent : Event;

export type ClientFrame =
  | { type: 'authenticate'; token: string }
  | { type: 'subscribe'; topic: Topic; after?: number }
  | { type: 'unsubscribe'; topic: Topic };

export type ServerFrame =
  | { type: 'authenticated'; expires_at: string }
  | { type: 'subscribed'; topic: Topic; version?: number; events?: (Event | PublicEvent)[]; reset?: boolean }
  | { type: 'event'; topic: Topic; event: Event | PublicEvent }
  | { type: 'unsubscribed' | 'resync' | 'gone'; topic: Topic }
  | { type: 'heartbeat' }
  | { type: 'error'; code: string; detail: string; topic?: Topic };

/** Leaving what one does not watch changes nothing and is answered at once. Nobody follows this ID. */
export const ARE_YOU_THERE = { type: 'unsubscribe', topic: 'track:0000000000' } as const satisfies ClientFrame;

/** Whether there is an event between this one and version `after` that its topic shows, too. */
export function isAfterGap(event: Event | PublicEvent, after: number): boolean {
  const before = 'previous_version' in event ? (event.previous_version ?? 0) : event.version - 1;
  return before > after;
}

/** The closing code that asks for another token. But for RESTORED, all the others are a lost line to us. */
export const TOKEN_REFUSED = 4401;
/** The server's database went back to an earlier state: what we hold may not have happened. */
export const RESTORED = 4410;
/** Whoever is beyond what there is gets everything anew, with `reset`. */
export const BEYOND_ALL = Number.MAX_SAFE_INTEGER;
