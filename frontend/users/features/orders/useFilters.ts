import type { Status } from '@shared/api';
import { statuses } from '@shared/orders';
import { useSearchParams } from 'react-router';

export interface Filters {
  status: Status | null;
  q: string;
  sort: 'created' | 'due';
}

/** The list's filters live in the address: going back, reloading and passing on the link all keep them. */
export function useFilters() {
  const [params, setParams] = useSearchParams();
  const asked = params.get('status') as Status | null;
  const filters: Filters = {
    status: asked && statuses.includes(asked) ? asked : null,
    q: params.get('q') ?? '',
    sort: params.get('sort') === 'due' ? 'due' : 'created',
  };
  const change = (changes: Partial<Filters>) => {
    const next = { ...filters, ...changes };
    const entries = Object.entries({ ...next, sort: next.sort === 'due' ? 'due' : '' }).filter(([, value]) => value);
    setParams(entries as [string, string][], { replace: true });
  };
  return { filters, change, clear: () => setParams({}, { replace: true }) };
}
