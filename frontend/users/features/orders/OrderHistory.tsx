import { Button } from '@mantine/core';
import type { OrderWithEvents } from '@shared/api';
import { History } from '@shared/orders';
import { useWholeHistory } from '@shared/orders/wholeHistory';
import { notify, problemText } from '@shared/ui';
import { useTranslation } from 'react-i18next';

export function OrderHistory({ order }: { order: OrderWithEvents }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const { events, missing, isLoading, load } = useWholeHistory(order);
  const showEarlier = () =>
    load().catch((error: unknown) => notify({ message: problemText(error, shared), tone: 'problem' }));
  return (
    <>
      <History events={events} />
      {missing > 0 ? (
        <Button variant="subtle" mt="md" loading={isLoading} onClick={() => void showEarlier()}>
          {t('order.earlier')}
        </Button>
      ) : null}
    </>
  );
}
