import { Button, Group, Stack } from '@mantine/core';
import type { Order, Target } from '@shared/api';
import { zNewEvent } from '@shared/api/generated/zod.gen';
import { StatusBadge, StatusIcon } from '@shared/orders';
import { Dialog, FormProblem, useApiForm } from '@shared/ui';
import { useTranslation } from 'react-i18next';
import { needsReason, noDetails, toBody, type DetailsBody } from '../api/moveDetails';
import { DetailFields } from './DetailFields';
import classes from './MoveDialog.module.css';
import { ReasonField } from './ReasonField';

export interface MoveDialogProps {
  /** One, or those of a batch. */
  orders: Order[];
  target: Target;
  send: (details: DetailsBody) => Promise<unknown>;
  /** True: it was dealt with, nothing is shown here. */
  onError?: (error: unknown) => boolean;
  onClose: () => void;
}

/** A move that says more than the status: why, and what whoever waits for the order should know. */
export default function MoveDialog({ orders, target, send, onError, onClose }: MoveDialogProps) {
  const { t } = useTranslation();
  const { t: shared } = useTranslation('shared');
  const asksReason = needsReason(target);
  const { form, formProps, problem, sending } = useApiForm({
    initialValues: noDetails,
    schema: zNewEvent,
    toBody,
    validate: { reason: (reason) => (asksReason && !reason ? shared('violation.reason_required') : null) },
    send: async (details) => {
      await send(details);
      onClose();
    },
    onError,
  });
  const [first] = orders;
  return (
    <Dialog onClose={onClose} title={t(`moves.title.${target}`)} size="lg">
      <form {...formProps}>
        <Stack gap="lg">
          {first ? (
            <p className={classes.what}>
              <span className={classes.name}>
                {orders.length === 1 ? first.title : t('batch.selected', { count: orders.length })}
              </span>
              {orders.length === 1 ? <StatusBadge status={first.status} size="sm" /> : null}
            </p>
          ) : null}
          {asksReason ? (
            <ReasonField
              value={form.values.reason}
              error={form.errors.reason as string | undefined}
              onChange={(reason) => {
                form.setFieldValue('reason', reason);
                form.clearFieldError('reason');
              }}
            />
          ) : null}
          <DetailFields form={form} readOnly={sending} />
          <FormProblem text={problem} />
          <Group justify="flex-end" gap="sm" className={classes.buttons}>
            <Button variant="default" size="md" onClick={onClose}>
              {shared('form.cancel')}
            </Button>
            <Button
              type="submit"
              size="md"
              color={target === 'cancelled' ? 'red' : undefined}
              leftSection={<StatusIcon status={target} size={18} />}
              loading={sending}
            >
              {t(`moves.confirm.${target}`)}
            </Button>
          </Group>
        </Stack>
      </form>
    </Dialog>
  );
}
