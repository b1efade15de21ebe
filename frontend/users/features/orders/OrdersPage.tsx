import { Button, Group, Skeleton } from '@mantine/core';
import { countOrdersOptions, listOrdersInfiniteOptions, type Status } from '@shared/api';
import { ExportButton } from '@shared/orders/ExportButton';
import { ErrorMessage, Loading, Message, Page } from '@shared/ui';
import { LoadMore } from '@shared/ui/LoadMore';
import { IconPackage, IconPlus, IconSearchOff, IconUpload } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';
import { OrderFilters } from './OrderFilters';
import { OrderCard } from './OrderCard';
import { useFilters } from './useFilters';
import classes from './OrdersPage.module.css';

export default function OrdersPage() {
  const { t } = useTranslation();
  const { filters, change, clear } = useFilters();
  const { status, q, sort } = filters;
  const query = { ...(status ? { status: [status] } : {}), ...(q ? { q } : {}) };
  const list = useInfiniteQuery({
    ...listOrdersInfiniteOptions({ query: { ...query, sort } }),
    initialPageParam: {},
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  const counts = useQuery({ ...countOrdersOptions({ query: q ? { q } : {} }), placeholderData: keepPreviousData });
  const read = list.data?.pages.flatMap(({ data }) => data);
  // That there was nothing with other filters says nothing of these.
  const orders = read?.length === 0 && list.isPlaceholderData ? undefined : read;
  const nothingYet = orders?.length === 0 && !status && !q;

  return (
    <Page
      title={t('orders.title')}
      actions={
        nothingYet ? null : (
          <>
            <ExportButton query={query} className={classes.half} />
            <Button
              component={Link}
              to="/orders/import"
              variant="default"
              leftSection={<IconUpload size={18} />}
              className={classes.half}
            >
              {t('orders.import')}
            </Button>
            <Button component={Link} to="/orders/new" leftSection={<IconPlus size={18} />} className={classes.whole}>
              {t('orders.new')}
            </Button>
          </>
        )
      }
    >
      {nothingYet ? (
        <FirstSteps />
      ) : (
        <>
          <OrderFilters filters={filters} change={change} counts={counts.data} />
          {list.isError && !orders ? (
            <ErrorMessage error={list.error} retry={list.refetch} />
          ) : !orders ? (
            <ListSkeleton />
          ) : orders.length === 0 ? (
            <NothingFound status={status} clear={clear} />
          ) : (
            <>
              <ul className={classes.list} data-stale={list.isPlaceholderData || undefined}>
                {orders.map((order) => (
                  <li key={order.id}>
                    <OrderCard order={order} />
                  </li>
                ))}
              </ul>
              {list.hasNextPage ? (
                <LoadMore
                  className={classes.more}
                  variant="light"
                  isLoading={list.isFetchingNextPage}
                  error={list.isFetchNextPageError ? list.error : null}
                  load={list.fetchNextPage}
                />
              ) : null}
            </>
          )}
        </>
      )}
    </Page>
  );
}

/** An account without orders: says what to do first and what comes of it. */
function FirstSteps() {
  const { t } = useTranslation();
  return (
    <div className={classes.first}>
      <Message
        icon={<IconPackage size={28} />}
        title={t('orders.empty.title')}
        action={
          <Group justify="center" gap="sm">
            <Button component={Link} to="/orders/new" size="md" leftSection={<IconPlus size={18} />}>
              {t('orders.empty.create')}
            </Button>
            <Button component={Link} to="/orders/import" size="md" variant="default" leftSection={<IconUpload size={18} />}>
              {t('orders.import')}
            </Button>
          </Group>
        }
      >
        {t('orders.empty.text')}
      </Message>
      <ol className={classes.steps}>
        {(['create', 'share', 'watch'] as const).map((step) => (
          <li key={step}>
            <strong>{t(`orders.empty.steps.${step}.title`)}</strong>
            <span>{t(`orders.empty.steps.${step}.text`)}</span>
          </li>
        ))}
      </ol>
    </div>
  );
}

function NothingFound({ status, clear }: { status: Status | null; clear: () => void }) {
  const { t } = useTranslation();
  const name = status ? t(`status.${status}`, { ns: 'orders' }) : '';
  return (
    <Message
      icon={<IconSearchOff size={28} />}
      title={t('orders.none.title')}
      action={
        <Button variant="light" onClick={clear}>
          {t('orders.none.clear')}
        </Button>
      }
    >
      {status ? t('orders.none.with_status', { status: name }) : t('orders.none.text')}
    </Message>
  );
}

function ListSkeleton() {
  return (
    <Loading>
      <div className={classes.list}>
        {[0, 1, 2, 3, 4].map((row) => (
          <Skeleton key={row} className={classes.skeleton} radius="lg" />
        ))}
      </div>
    </Loading>
  );
}
