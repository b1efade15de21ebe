import { useQueryClient } from '@tanstack/react-query';
import { createContext, use, useEffect, useState, useSyncExternalStore, type ReactNode } from 'react';
import type { Event } from './generated/types.gen';
import { Live, liveUrl, type LiveStatus } from './live';
import { isPassing } from './problem';
import { followOrder, followOrders } from './liveToCache';

const LiveContext = createContext<Live | null>(null);

/** Opens the app's one socket for as long as an account is signed in. */
export function LiveProvider({ token, children }: { token: (rejected?: string) => Promise<string | null>; children: ReactNode }) {
  const [live] = useState(() => new Live({ url: liveUrl(), token }));
  const queries = useQueryClient();
  // The server is there again: what could not be read while it was away is read now, unasked.
  useEffect(
    () =>
      live.onStatus(() => {
        if (!['live', 'polling'].includes(live.getStatus())) return;
        void queries.refetchQueries({ type: 'active', predicate: ({ state }) => isPassing(state.error) });
      }),
    [live, queries],
  );
  useEffect(() => {
    live.start();
    return () => live.stop();
  }, [live]);
  return <LiveContext value={live}>{children}</LiveContext>;
}

export function useLive(): Live {
  const live = use(LiveContext);
  if (!live) throw new Error('LiveProvider is missing');
  return live;
}

export function useLiveStatus(): LiveStatus {
  const live = useLive();
  return useSyncExternalStore(live.onStatus, live.getStatus);
}

/** Keeps one order current from the moment it was first read (`version` undefined: not yet). */
export function useLiveOrder(orderId: string, version: number | undefined) {
  const live = useLive();
  const queries = useQueryClient();
  // Only the first version matters: the subscription itself keeps count from then on.
  const isRead = version !== undefined;
  const [first, setFirst] = useState<{ orderId: string; version: number } | null>(null);
  if (isRead && first?.orderId !== orderId) setFirst({ orderId, version });
  useEffect(() => {
    if (first?.orderId === orderId) return followOrder(live, queries, orderId, first.version);
  }, [live, queries, orderId, first]);
}

/** Keeps all lists of orders current. `onEvent` must be stable (useCallback). */
export function useLiveOrders(onEvent?: (event: Event) => void) {
  const live = useLive();
  const queries = useQueryClient();
  useEffect(() => followOrders(live, queries, onEvent), [live, queries, onEvent]);
}
