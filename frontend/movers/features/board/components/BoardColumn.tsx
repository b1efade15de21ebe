import { Skeleton } from '@mantine/core';
import { StatusIcon, useOrderText } from '@shared/orders';
import { ErrorMessage, Loading } from '@shared/ui';
import { LoadMore } from '@shared/ui/LoadMore';
import { useId } from 'react';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import type { Column } from '../api/columns';
import { writeFilters, type BoardFilters } from '../api/filters';
import type { Selection } from '../api/selection';
import classes from './BoardColumn.module.css';
import { OrderCard } from './OrderCard';

interface BoardColumnProps {
  column: Column;
  /** By the counts, which know of what is not loaded yet. */
  count: number | undefined;
  filters: BoardFilters;
  fresh: ReadonlySet<string>;
  selection: Selection;
}

export function BoardColumn({ column, count, filters, fresh, selection }: BoardColumnProps) {
  const { t } = useTranslation();
  const text = useOrderText();
  const headingId = useId();
  const { status, orders, hasMore } = column;
  // Counts may be some seconds old; where everything is loaded, what one sees is the truth.
  const total = column.isPending || column.error ? count : hasMore ? Math.max(count ?? 0, orders.length) : orders.length;
  return (
    <section className={classes.column} aria-labelledby={headingId} data-status={status} data-old={column.isOld || undefined}>
      <h2 id={headingId} tabIndex={-1} className={classes.heading}>
        <StatusIcon status={status} size={18} />
        {text(`status.${status}`)} <span className={classes.count}>{total ?? ''}</span>
      </h2>
      {column.isPending ? (
        <Loading>
          <div className={classes.cards}>
            <Skeleton height={CARD} radius="lg" />
            <Skeleton height={CARD} radius="lg" />
          </div>
        </Loading>
      ) : column.error ? (
        <ErrorMessage error={column.error} retry={column.retry} level={3} />
      ) : orders.length === 0 && !hasMore ? (
        <p className={classes.empty}>{t('board.column_empty')}</p>
      ) : (
        <ul className={classes.cards}>
          {orders.map((order) => (
            <li key={order.id} className={classes.item}>
              <OrderCard order={order} isFresh={fresh.has(order.id)} selection={selection} />
            </li>
          ))}
        </ul>
      )}
      {filters.status === 'open' && orders.length > SHOWN_ON_PHONES ? (
        <Link
          className={classes.all}
          to={{ search: writeFilters({ ...filters, status }).toString() }}
        >
          {t('board.show_all', { count: total ?? orders.length, status: text(`status.${status}`) })}
        </Link>
      ) : null}
      {hasMore ? (
        <LoadMore
          className={classes.more}
          variant="default"
          size="md"
          isLoading={column.isLoadingMore}
          error={column.moreError}
          load={column.loadMore}
        />
      ) : null}
    </section>
  );
}

/** About the height of a card, so that nothing jumps when the cards come. */
const CARD = 278;
/** How many of each status the overview shows on phones; the same number as in the stylesheet. */
const SHOWN_ON_PHONES = 3;
