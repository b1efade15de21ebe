import { QueryClient } from '@tanstack/react-query';
import { keepNewer } from './liveToCache';
import { ProblemError, isPassing } from './problem';

/** Reads that failed for a passing reason are repeated; writes never, since a second one might be a second order. */
export function createQueryClient() {
  const queries = new QueryClient({
    defaultOptions: {
      queries: {
        staleTime: 10_000,
        retry: (failures, error) => isPassing(error) && failures < 3,
        retryDelay: (failures, error) =>
          error instanceof ProblemError && error.retryAfter
            ? error.retryAfter * 1000
            : Math.random() * Math.min(8000, 500 * 2 ** failures) + 200,
        // A paused query would show a skeleton for ever; we say "offline" ourselves and try.
        networkMode: 'always',
        // That mode would switch it off.
        refetchOnReconnect: true,
      },
      mutations: { retry: false, networkMode: 'always' },
    },
  });
  keepNewer(queries);
  return queries;
}
