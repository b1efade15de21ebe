import { CloseButton, TextInput, UnstyledButton } from '@mantine/core';
import { useDebouncedCallback } from '@mantine/hooks';
import type { OrderCounts, Status } from '@shared/api';
import { statuses } from '@shared/orders';
import { IconSearch } from '@tabler/icons-react';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import type { Filters } from './useFilters';
import classes from './OrderFilters.module.css';

interface OrderFiltersProps {
  filters: Filters;
  change: (changes: Partial<Filters>) => void;
  counts: OrderCounts | undefined;
}

export function OrderFilters({ filters, change, counts }: OrderFiltersProps) {
  const { t } = useTranslation();
  return (
    <div className={classes.filters}>
      <SearchField value={filters.q} search={(q) => change({ q })} />
      <label className={classes.sort}>
        <span>{t('orders.sort.label')}</span>
        <select
          value={filters.sort}
          onChange={(event) => change({ sort: event.currentTarget.value as Filters['sort'] })}
        >
          <option value="created">{t('orders.sort.created')}</option>
          <option value="due">{t('orders.sort.due')}</option>
        </select>
      </label>
      <div className={classes.chips} role="group" aria-label={t('orders.filter')}>
        <Chip label={t('orders.all')} count={counts?.total} active={!filters.status} onClick={() => change({ status: null })} />
        {statuses.map((status) => (
          <Chip
            key={status}
            status={status}
            label={t(`status.${status}`, { ns: 'orders' })}
            count={counts?.counts[status]}
            active={filters.status === status}
            onClick={() => change({ status })}
          />
        ))}
      </div>
    </div>
  );
}

interface ChipProps {
  label: string;
  count: number | undefined;
  active: boolean;
  status?: Status;
  onClick: () => void;
}

function Chip({ label, count, active, status, onClick }: ChipProps) {
  return (
    <UnstyledButton className={classes.chip} aria-pressed={active} data-status={status} onClick={onClick}>
      {label}
      {/* The room is there before the number is, so that nothing moves when it comes. */}
      <span className={classes.count}>{count ?? '\u2007'}</span>
    </UnstyledButton>
  );
}

/** Typing searches after a short pause. What is typed stays here, or a slow answer would overwrite it. */
function SearchField({ value, search }: { value: string; search: (q: string) => void }) {
  const { t } = useTranslation();
  const [typed, setTyped] = useState(value);
  const [known, setKnown] = useState(value);
  if (value !== known) {
    setKnown(value);
    if (value !== typed.trim()) setTyped(value);
  }
  const searchSoon = useDebouncedCallback((q: string) => search(q.trim()), 300);
  const type = (next: string) => {
    setTyped(next);
    searchSoon(next);
  };
  return (
    <TextInput
      className={classes.search}
      type="search"
      aria-label={t('orders.search.label')}
      placeholder={t('orders.search.placeholder')}
      maxLength={120}
      leftSection={<IconSearch size={18} />}
      rightSection={typed ? <CloseButton aria-label={t('orders.search.clear')} onClick={() => type('')} /> : null}
      value={typed}
      onChange={(event) => type(event.currentTarget.value)}
    />
  );
}
