import { useState } from 'react';
import { listEvents } from '../api/generated/sdk.gen';
import type { Event, OrderWithEvents } from '../api/generated/types.gen';

const PAGE = 100;

/**
 * An order's history without a hole in it, however long the page stands there: the newest 50 events, which come with the order,
 * and the ones before, which are read when somebody asks for them.
 */
export function useWholeHistory(order: OrderWithEvents) {
  const [earlier, setEarlier] = useState<Event[]>([]);
  const [newest, setNewest] = useState(order.events);
  const [isLoading, setIsLoading] = useState(false);
  if (newest !== order.events) {
    setNewest(order.events);
    // Live events push the oldest out of the 50: beside what was asked for they stay.
    if (earlier.length > 0) setEarlier(joined(earlier, newest));
  }
  const known = joined(earlier, order.events);
  // After a long time without a line, there may be more than 50 new ones: then only what comes after the hole is shown.
  const first = known.findLastIndex(({ version }, index) => version !== (known[index - 1]?.version ?? 0) + 1);
  const events = known.slice(Math.max(first, 0));
  const missing = (events[0]?.version ?? 1) - 1;

  /** Reads all that is missing; an error is the caller's to show. */
  const load = async () => {
    setIsLoading(true);
    try {
      const read = await readBetween(order.id, known[first - 1]?.version ?? 0, missing + 1);
      setEarlier((held) => joined(held, read));
    } finally {
      setIsLoading(false);
    }
  };
  return { events, missing, isLoading, load };
}

/** Both, each event once, the oldest first. */
function joined(earlier: Event[], later: Event[]): Event[] {
  const byVersion = new Map([...earlier, ...later].map((event) => [event.version, event]));
  return [...byVersion.values()].sort((a, b) => a.version - b.version);
}

/** The events with versions between the two. */
async function readBetween(orderId: string, after: number, before: number): Promise<Event[]> {
  const events: Event[] = [];
  while (after < before - 1) {
    const { data } = await listEvents({ path: { order_id: orderId }, query: { after, limit: PAGE }, throwOnError: true });
    events.push(...data.data);
    if (data.next_cursor === null) break;
    after = Number(data.next_cursor);
  }
  return events;
}
