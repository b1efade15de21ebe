import { countOrdersOptions } from '@shared/api';
import { StatusIcon, statuses, useOrderText } from '@shared/orders';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { countsQuery, openStatuses, writeFilters, type BoardFilters } from '../api/filters';
import classes from './StatusTabs.module.css';

/** The counts may be 5 seconds old, so after a change the first answer can still be the old one. */
const ASK_AGAIN = 10_000;

export function useCounts(filters: BoardFilters) {
  return useQuery({
    ...countOrdersOptions({ query: countsQuery(filters) }),
    placeholderData: keepPreviousData,
    refetchInterval: ASK_AGAIN,
  }).data?.counts;
}

/** Which status is shown, each with how many there are: links, since each is an address of its own. */
export function StatusTabs({ filters, counts }: { filters: BoardFilters; counts: ReturnType<typeof useCounts> }) {
  const { t } = useTranslation();
  const text = useOrderText();
  const open = counts && openStatuses.reduce((sum, status) => sum + counts[status], 0);
  const tabs = [
    { status: 'open' as const, label: t('board.open'), count: open },
    ...statuses.map((status) => ({ status, label: text(`status.${status}`), count: counts?.[status] })),
  ];
  return (
    <nav className={classes.tabs} aria-label={t('board.statuses')}>
      {tabs.map(({ status, label, count }) => (
        <Link
          key={status}
          to={{ search: writeFilters({ ...filters, status }).toString() }}
          className={classes.tab}
          aria-current={filters.status === status ? 'true' : undefined}
          data-status={status}
        >
          {status === 'open' ? null : <StatusIcon status={status} size={16} />}
          {label} <span className={classes.count}>{count ?? '–'}</span>
        </Link>
      ))}
    </nav>
  );
}
