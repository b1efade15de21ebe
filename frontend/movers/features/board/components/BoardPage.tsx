import { Button } from '@mantine/core';
import { useLiveOrders } from '@shared/api/LiveProvider';
import { useAccount } from '@shared/auth';
import { ExportButton } from '@shared/orders/ExportButton';
import { ErrorMessage, Message, Page } from '@shared/ui';
import { IconFilterOff, IconPackages } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { useColumns } from '../api/columns';
import { exportQuery, noFilters, useBoardFilters } from '../api/filters';
import { useFollowFocus } from '../api/followFocus';
import { useFreshOrders } from '../api/freshOrders';
import { useSelection } from '../api/selection';
import { BatchBar } from './BatchBar';
import { BoardColumn } from './BoardColumn';
import classes from './BoardPage.module.css';
import { BoardToolbar } from './BoardToolbar';
import { StatusTabs, useCounts } from './StatusTabs';

/** The orders to be moved. */
export default function BoardPage() {
  const { t } = useTranslation();
  const { filters, change } = useBoardFilters();
  const { fresh, onEvent } = useFreshOrders();
  useLiveOrders(onEvent);
  const { role } = useAccount();
  const counts = useCounts(filters);
  const columns = useColumns(filters);
  const selection = useSelection();
  const board = useFollowFocus<HTMLDivElement>();

  // That there was nothing with other filters says nothing of these.
  const isEmpty = columns.every(
    ({ orders, isPending, isOld, error, hasMore }) => !isPending && !isOld && !error && !hasMore && orders.length === 0,
  );
  const isFiltered = filters.whose !== 'all' || filters.q !== '';
  // One message says it for all four columns.
  const [failed] = columns;
  const failure = columns.every(({ error }) => error) ? failed : undefined;

  return (
    <Page title={t('board.title')} width="wide" actions={role === 'admin' ? <ExportButton query={exportQuery(filters)} /> : null}>
      <div className={classes.controls}>
        <StatusTabs filters={filters} counts={counts} />
        <BoardToolbar filters={filters} change={change} isSelecting={selection.isOn} toggleSelecting={selection.toggle} />
      </div>
      {failure ? (
        <ErrorMessage error={failure.error} retry={() => columns.forEach(({ retry }) => void retry())} />
      ) : isEmpty && (isFiltered || filters.status === 'open') ? (
        isFiltered ? (
          <Message
            icon={<IconFilterOff size={28} />}
            title={t('board.nothing_found_title')}
            action={
              <Button variant="light" size="md" onClick={() => change({ ...noFilters, status: filters.status })}>
                {t('board.clear_filters')}
              </Button>
            }
          >
            {t(filters.q ? 'board.nothing_found_search' : 'board.nothing_found')}
          </Message>
        ) : (
          <Message icon={<IconPackages size={28} />} title={t('board.empty_title')}>
            {t('board.empty')}
          </Message>
        )
      ) : (
        <div ref={board} className={classes.columns} data-view={filters.status === 'open' ? 'open' : 'one'}>
          {columns.map((column) => (
            <BoardColumn
              key={column.status}
              column={column}
              count={counts?.[column.status]}
              filters={filters}
              fresh={fresh}
              selection={selection}
            />
          ))}
        </div>
      )}
      {selection.isOn ? <BatchBar orders={columns.flatMap(({ orders }) => orders)} selection={selection} /> : null}
    </Page>
  );
}
