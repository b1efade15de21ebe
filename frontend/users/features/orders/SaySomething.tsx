import { Button, Group, SegmentedControl, Stack, Textarea } from '@mantine/core';
import { addEvent, storeOrder, type NewEvent, type Order } from '@shared/api';
import { zNewEvent } from '@shared/api/generated/zod.gen';
import { FormProblem, useApiForm } from '@shared/ui';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { Audience } from './Audience';
import classes from './SaySomething.module.css';

interface Values extends Record<string, unknown> {
  kind: 'note' | 'message';
  text: string;
}

/** A note for the movers or a message for everybody; which of the two is chosen first, since it can't be undone. */
export function SaySomething({ order }: { order: Order }) {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const { form, formProps, problem, sending } = useApiForm<Values, NewEvent>({
    initialValues: { kind: 'note', text: '' },
    schema: zNewEvent,
    toBody: ({ kind, text }) => ({ [kind]: text.trim() }),
    fieldOfPath: () => 'text',
    validate: { text: (text) => (text.trim() ? null : t('say.empty')) },
    send: async (body) => {
      const { data } = await addEvent({ path: { order_id: order.id }, body, throwOnError: true });
      storeOrder(queries, data.order, data.event);
      form.setFieldValue('text', '');
    },
  });
  const { kind } = form.getValues();
  return (
    <form {...formProps} className={classes.form}>
      <Stack gap="sm">
        <Group justify="space-between" gap="xs">
          <SegmentedControl
            size="sm"
            aria-label={t('say.kind')}
            data={[
              { value: 'note', label: t('say.note') },
              { value: 'message', label: t('say.message') },
            ]}
            {...form.getInputProps('kind')}
          />
          <Audience kind={kind === 'note' ? 'private' : 'public'} />
        </Group>
        <Textarea
          aria-label={t(`say.${kind}`)}
          placeholder={t(`say.${kind}_placeholder`)}
          autosize
          minRows={2}
          maxRows={8}
          // It is emptied when it was sent, and what is typed meanwhile would go with it.
          readOnly={sending}
          {...form.getInputProps('text')}
        />
        <FormProblem text={problem} />
        <Button type="submit" variant="light" size="sm" loading={sending} className={classes.send}>
          {t(`say.send_${kind}`)}
        </Button>
      </Stack>
    </form>
  );
}
