import { Alert, Button } from '@mantine/core';
import { addEvent, storeOrder, type Order } from '@shared/api';
import { useNow } from '@shared/orders';
import { notify, problemText } from '@shared/ui';
import { IconArrowBackUp } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import classes from './UndoOffer.module.css';

/** For the 15 minutes in which an owner may take a cancellation back. */
export function UndoOffer({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const { t: words } = useTranslation('orders');
  const queries = useQueryClient();
  const now = useNow();
  const undo = useMutation({
    mutationFn: async () =>
      (
        await addEvent({
          path: { order_id: order.id },
          body: { undo: true, expected_status: order.status },
          throwOnError: true,
        })
      ).data,
    onSuccess: (data) => storeOrder(queries, data.order, data.event),
    onError: (error) => notify({ message: problemText(error, shared), tone: 'problem' }),
  });
  const offer = order.undo;
  // Taking a cancellation back is a move, too, that could be taken back: cancelling again is the button for that.
  if (!offer || order.status !== 'cancelled' || (offer.until && Date.parse(offer.until) <= now)) return null;
  const minutes = offer.until ? Math.max(1, Math.round((Date.parse(offer.until) - now) / 60_000)) : null;
  return (
    <Alert variant="light" icon={<IconArrowBackUp size={20} />} title={t('undo.title')} className={classes.offer}>
      <p className={classes.text}>
        {t('undo.text', { status: words(`status.${offer.status}`) })}{' '}
        {minutes === null ? null : t('undo.minutes', { count: minutes })}
      </p>
      <Button size="sm" loading={undo.isPending} onClick={() => undo.mutate()}>
        {t('undo.button')}
      </Button>
    </Alert>
  );
}
