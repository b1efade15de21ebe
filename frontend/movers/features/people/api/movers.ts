import { listMovers, listMoversQueryKey, type Mover } from '@shared/api';
import { useQuery } from '@tanstack/react-query';

/** All of them: there are as many movers as a team has people, not as many as it has orders. */
export function useAllMovers() {
  return useQuery({
    queryKey: [...listMoversQueryKey(), 'all'],
    queryFn: async ({ signal }) => {
      const movers: Mover[] = [];
      for (let cursor: string | null | undefined; cursor !== null; ) {
        const query = { limit: 100, ...(cursor ? { cursor } : {}) };
        const { data } = await listMovers({ query, signal, throwOnError: true });
        movers.push(...data.data);
        cursor = data.next_cursor;
      }
      return movers;
    },
  });
}
