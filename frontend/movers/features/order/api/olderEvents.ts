import { listEvents, type Event } from '@shared/api';
import { useQuery } from '@tanstack/react-query';

const PAGE = 100;

/** What happened before the newest 50 events, which came with the order; read when somebody asks for it. */
export function useOlderEvents(orderId: string, before: number | undefined, isWanted: boolean) {
  return useQuery({
    queryKey: ['olderEvents', orderId, before],
    enabled: isWanted && before !== undefined && before > 1,
    // Events never change.
    staleTime: Infinity,
    queryFn: async ({ signal }) => {
      const events: Event[] = [];
      for (let after = 0; before !== undefined && after < before - 1; ) {
        const { data } = await listEvents({
          path: { order_id: orderId },
          query: { after, limit: PAGE },
          signal,
          throwOnError: true,
        });
        events.push(...data.data.filter(({ version }) => version < before));
        if (data.next_cursor === null) break;
        after = Number(data.next_cursor);
      }
      return events;
    },
  });
}
