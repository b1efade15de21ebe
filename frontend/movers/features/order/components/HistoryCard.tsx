import { Button } from '@mantine/core';
import type { OrderWithEvents } from '@shared/api';
import { History } from '@shared/orders';
import { useWholeHistory } from '@shared/orders/wholeHistory';
import { Card, notify, problemText } from '@shared/ui';
import { useTranslation } from 'react-i18next';

export function HistoryCard({ order }: { order: OrderWithEvents }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const { events, missing, isLoading, load } = useWholeHistory(order);
  const showOlder = () =>
    load().catch((error: unknown) => notify({ message: problemText(error, shared), tone: 'problem' }));
  return (
    <Card title={t('history.title')}>
      <History events={events} />
      {missing > 0 ? (
        <Button variant="default" fullWidth size="md" mt="md" loading={isLoading} onClick={() => void showOlder()}>
          {t('history.older', { count: missing })}
        </Button>
      ) : null}
    </Card>
  );
}
