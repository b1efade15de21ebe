import { Button, Stack } from '@mantine/core';
import type { Order } from '@shared/api';
import { zNewEvent } from '@shared/api/generated/zod.gen';
import { Card, FormProblem, useApiForm } from '@shared/ui';
import { useTranslation } from 'react-i18next';
import { noDetails, toBody } from '../../moves/api/moveDetails';
import { isConflict } from '../../moves/api/useMoves';
import { DetailFields } from '../../moves/components/DetailFields';
import { useMovesContext } from '../../moves/components/MovesProvider';

/** Tells something without moving the order: a message, a note, a place, a new estimate. */
export function UpdateCard({ order }: { order: Order }) {
  const { t } = useTranslation();
  const { send, showProblem } = useMovesContext();
  const { form, formProps, problem, sending } = useApiForm({
    initialValues: noDetails,
    schema: zNewEvent,
    toBody,
    validate: (values) => (Object.keys(toBody(values)).length === 0 ? { message: t('update.empty') } : {}),
    send: async (details) => {
      await send(order, details);
      form.reset();
    },
    onError: (error) => {
      if (!isConflict(error)) return false;
      showProblem(error, order);
      return true;
    },
  });
  return (
    <Card title={t('update.title')}>
      <form {...formProps}>
        <Stack gap="md">
          <DetailFields form={form} readOnly={sending} hasEstimate={order.estimated_at !== null} />
          <FormProblem text={problem} />
          <Button type="submit" variant="light" size="md" loading={sending} style={{ justifySelf: 'start', alignSelf: 'start' }}>
            {t('update.send')}
          </Button>
        </Stack>
      </form>
    </Card>
  );
}
