import { Button } from '@mantine/core';
import type { OrderWithEvents } from '@shared/api';
import { History } from '@shared/orders';
import { Card, notify, problemText } from '@shared/ui';
import { useEffect, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { useOlderEvents } from '../api/olderEvents';

export function HistoryCard({ order }: { order: OrderWithEvents }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  // Live events push the oldest of the 50 out: what was asked for once stays joined to what is shown.
  const [before, setBefore] = useState<number | undefined>();
  const older = useOlderEvents(order.id, before, before !== undefined);
  const oldest = order.events[0]?.version ?? 1;
  useEffect(() => {
    if (!older.error) return;
    notify({ message: problemText(older.error, shared), tone: 'problem' });
  }, [older.error, shared]);

  const known = new Set(order.events.map(({ version }) => version));
  const events = [...(older.data ?? []).filter(({ version }) => !known.has(version)), ...order.events];
  const missing = (events[0]?.version ?? 1) - 1;
  return (
    <Card title={t('history.title')}>
      <History events={events} />
      {missing > 0 ? (
        <Button
          variant="default"
          fullWidth
          size="md"
          mt="md"
          loading={older.isFetching}
          onClick={() => (before === oldest ? void older.refetch() : setBefore(oldest))}
        >
          {t('history.older', { count: missing })}
        </Button>
      ) : null}
    </Card>
  );
}
