import { Anchor, Switch } from '@mantine/core';
import { storeOrder, updateOrder, type Order } from '@shared/api';
import { isOpen } from '@shared/orders';
import { Card, CopyButton, notify, problemText } from '@shared/ui';
import { IconExternalLink } from '@tabler/icons-react';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import classes from './PublicTracking.module.css';

/** The link to pass on, and the switch that turns it off. */
export function PublicTracking({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const queries = useQueryClient();
  const link = `${window.location.origin}/t/${order.id}`;
  const change = useMutation({
    mutationFn: async (public_tracking: boolean) =>
      (await updateOrder({ path: { order_id: order.id }, body: { public_tracking }, throwOnError: true })).data,
    onSuccess: (changed) => storeOrder(queries, changed),
    onError: (error) => notify({ message: problemText(error, shared), tone: 'problem' }),
  });
  // The switch moves with the finger, not with the answer.
  const on = change.isPending ? change.variables : order.public_tracking;
  return (
    <Card title={t('tracking.title')}>
      <p className={classes.text}>{t(on ? 'tracking.on' : 'tracking.off')}</p>
      {on ? (
        <>
          <Anchor href={link} target="_blank" rel="noreferrer" className={classes.link}>
            <span>
              {window.location.host}
              {/* The ID stays in one piece where the whole does not fit a line. */}
              <wbr />
              {`/t/${order.id}`}
            </span>
            <IconExternalLink size={16} aria-hidden="true" />
            <span className={classes.hidden}>{t('tracking.new_tab')}</span>
          </Anchor>
          <CopyButton value={link} label={t('tracking.copy')} fullWidth />
        </>
      ) : null}
      {isOpen(order.status) ? (
        <Switch
          className={classes.switch}
          label={t('tracking.switch')}
          checked={on}
          disabled={change.isPending}
          onChange={(event) => change.mutate(event.currentTarget.checked)}
        />
      ) : null}
    </Card>
  );
}
