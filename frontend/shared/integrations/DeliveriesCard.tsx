import { Button, Group, NativeSelect, Skeleton } from '@mantine/core';
import { IconRefresh } from '@tabler/icons-react';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { listDeliveriesInfiniteOptions } from '../api/generated/@tanstack/react-query.gen';
import type { Delivery, DeliveryStatus, Webhook } from '../api/generated/types.gen';
import { Card } from '../ui/Card';
import { LoadMore } from '../ui/LoadMore';
import { ErrorMessage, Loading } from '../ui/states';
import { DeliveryItem } from './DeliveryItem';
import { useTexts } from './useTexts';
import classes from './Integrations.module.css';

const statuses: DeliveryStatus[] = ['pending', 'succeeded', 'failed'];
/** An attempt that is due so soon is waited for. */
const SOON = 30_000;
const LOOK_AGAIN = 2_000;

export function DeliveriesCard({ webhook }: { webhook: Webhook }) {
  const { t } = useTexts();
  const [status, setStatus] = useState<DeliveryStatus | ''>('');
  const path = { webhook_id: webhook.id };
  const log = useInfiniteQuery({
    ...listDeliveriesInfiniteOptions({ path, query: status ? { status } : {} }),
    initialPageParam: { path },
    getNextPageParam: (page) => page.next_cursor,
    placeholderData: keepPreviousData,
    refetchInterval: ({ state }) => {
      const pages = state.data?.pages ?? [];
      // Who reads far back does not want all of that again and again.
      return webhook.active && pages.length <= 2 && pages[0]?.data.some(isDueSoon) ? LOOK_AGAIN : false;
    },
  });
  const all = log.data?.pages.flatMap(({ data }) => data);
  return (
    <Card
      title={t('log.title')}
      actions={
        <Group gap="sm" wrap="nowrap">
          <NativeSelect
            aria-label={t('log.filter')}
            value={status}
            onChange={({ currentTarget }) => setStatus(currentTarget.value as DeliveryStatus | '')}
            data={[{ value: '', label: t('log.all') }, ...statuses.map((value) => ({ value, label: t(`log.${value}`) }))]}
          />
          <Button
            variant="default"
            leftSection={<IconRefresh size={18} />}
            loading={log.isRefetching && !log.isFetchingNextPage && log.isPlaceholderData}
            onClick={() => void log.refetch()}
          >
            {t('log.refresh')}
          </Button>
        </Group>
      }
    >
      <p className={classes.hint}>{t('log.hint')}</p>
      {log.isPending ? (
        <Loading>
          <Skeleton height={56} mb="sm" />
          <Skeleton height={56} mb="sm" />
          <Skeleton height={56} />
        </Loading>
      ) : !all ? (
        <ErrorMessage error={log.error} retry={log.refetch} level={3} />
      ) : all.length === 0 ? (
        <p className={classes.empty}>{t(status ? 'log.none' : 'log.empty')}</p>
      ) : (
        <ul className={classes.list} aria-label={t('log.title')}>
          {all.map((delivery) => (
            <DeliveryItem key={delivery.id} webhook={webhook} delivery={delivery} />
          ))}
        </ul>
      )}
      {log.hasNextPage ? (
        <LoadMore
          variant="default"
          mt="md"
          isLoading={log.isFetchingNextPage}
          error={log.isFetchNextPageError ? log.error : null}
          load={log.fetchNextPage}
        />
      ) : null}
    </Card>
  );
}

function isDueSoon({ next_attempt_at }: Delivery): boolean {
  return next_attempt_at !== null && Date.parse(next_attempt_at) < Date.now() + SOON;
}
