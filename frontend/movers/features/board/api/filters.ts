import type { ExportOrdersData, ListOrdersData, Status } from '@shared/api';
import { isOpen, statuses } from '@shared/orders';
import { useCallback, useMemo } from 'react';
import { useSearchParams } from 'react-router';

/** What the board shows; all of it stands in the address, so that it can be sent on and survives a reload. */
export interface BoardFilters {
  /** 'open': everything that is neither completed nor cancelled, a column each. */
  status: Status | 'open';
  whose: 'all' | 'me' | 'none';
  q: string;
  sort: 'created' | 'due';
}

export const noFilters: BoardFilters = { status: 'open', whose: 'all', q: '', sort: 'created' };
export const openStatuses = statuses.filter(isOpen);

function oneOf<T extends string>(value: string | null, allowed: readonly T[], otherwise: T): T {
  return allowed.find((candidate) => candidate === value) ?? otherwise;
}

export function readFilters(params: URLSearchParams): BoardFilters {
  return {
    status: oneOf(params.get('status'), [...statuses, 'open'], 'open'),
    whose: oneOf(params.get('whose'), ['all', 'me', 'none'], 'all'),
    q: (params.get('q') ?? '').slice(0, 120),
    sort: oneOf(params.get('sort'), ['created', 'due'], 'created'),
  };
}

/** Only what differs from the plain board. */
export function writeFilters(filters: BoardFilters): URLSearchParams {
  const entries = Object.entries(filters).filter(([name, value]) => value !== noFilters[name as keyof BoardFilters]);
  return new URLSearchParams(entries);
}

/** Everything but the status: what the counts are asked with. */
export function countsQuery({ whose, q }: BoardFilters): Pick<NonNullable<ListOrdersData['query']>, 'assignee' | 'q'> {
  return { ...(whose === 'all' ? {} : { assignee: whose }), ...(q ? { q } : {}) };
}

/** What the board shows, as a whole. */
export function exportQuery(filters: BoardFilters): ExportOrdersData['query'] {
  return { ...countsQuery(filters), status: filters.status === 'open' ? openStatuses : [filters.status] };
}

export function useBoardFilters() {
  const [params, setParams] = useSearchParams();
  const filters = useMemo(() => readFilters(params), [params]);
  const change = useCallback(
    (part: Partial<BoardFilters>, { replace = false } = {}) =>
      setParams((now) => writeFilters({ ...readFilters(now), ...part }), { replace, preventScrollReset: true }),
    [setParams],
  );
  return { filters, change };
}
