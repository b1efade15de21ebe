import { Button, Group, NativeSelect, Stack, Textarea } from '@mantine/core';
import { addEvent, hasCode, storeOrder, type NewEvent, type Order, type Reason } from '@shared/api';
import { zNewEvent } from '@shared/api/generated/zod.gen';
import { reasons } from '@shared/orders';
import { Dialog, FormProblem, notify, problemText, useApiForm } from '@shared/ui';
import { IconX } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { useTranslation } from 'react-i18next';
import { Audience } from './Audience';

/** Only where the server says that this owner may cancel now. */
export function CancelOrder({ order }: { order: Order }) {
  const { t } = useTranslation();
  const [asking, setAsking] = useState(false);
  const close = () => setAsking(false);
  if (!order.allowed.includes('cancelled') && !asking) return null;
  return (
    <>
      <Button variant="subtle" color="red" leftSection={<IconX size={18} />} onClick={() => setAsking(true)}>
        {t('cancel.open')}
      </Button>
      {asking ? (
        <Dialog onClose={close} title={t('cancel.title')}>
          <CancelForm order={order} close={close} />
        </Dialog>
      ) : null}
    </>
  );
}

interface Values extends Record<string, unknown> {
  reason: Reason;
  message: string;
}

function CancelForm({ order, close }: { order: Order; close: () => void }) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const { t: words } = useTranslation('orders');
  const queries = useQueryClient();
  const { form, formProps, problem, sending } = useApiForm<Values, NewEvent>({
    initialValues: { reason: 'by_request', message: '' },
    schema: zNewEvent,
    toBody: ({ reason, message }) => ({
      status: 'cancelled',
      reason,
      expected_status: order.status,
      ...(message.trim() ? { message: message.trim() } : {}),
    }),
    send: async (body) => {
      const { data } = await addEvent({ path: { order_id: order.id }, body, throwOnError: true });
      storeOrder(queries, data.order, data.event);
      close();
    },
    onError: (error) => {
      if (!hasCode(error, 'status_changed', 'illegal_move')) return false;
      // Somebody moved it while this dialog was open: say so and show what it is now.
      notify({ message: problemText(error, shared), tone: 'problem' });
      if (error.order) storeOrder(queries, error.order);
      close();
      return true;
    },
  });
  return (
    <form {...formProps}>
      <Stack>
        <NativeSelect
          label={t('cancel.reason')}
          description={<Audience kind="public" />}
          data={reasons.map((reason) => ({ value: reason, label: words(`reason.${reason}`) }))}
          {...form.getInputProps('reason')}
        />
        <Textarea
          label={t('cancel.message')}
          description={<Audience kind="public" />}
          rows={3}
          {...form.getInputProps('message')}
        />
        <FormProblem text={problem} />
        <Group justify="flex-end">
          <Button variant="default" onClick={close}>
            {t('cancel.keep')}
          </Button>
          <Button type="submit" color="red" loading={sending}>
            {t('cancel.submit')}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
