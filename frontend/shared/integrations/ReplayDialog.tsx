import { Stack, TextInput } from '@mantine/core';
import { useState } from 'react';
import { replayWebhook } from '../api/generated/sdk.gen';
import type { Replay, Webhook } from '../api/generated/types.gen';
import { Dialog } from '../ui/Dialog';
import { notify } from '../ui/notify';
import { useApiForm } from '../ui/useApiForm';
import { FormFoot } from './FormFoot';
import { useTexts } from './useTexts';
import { useWebhookActions } from './useWebhookActions';

const MINUTE = 60_000;
const DAY = 86_400_000;

interface Values extends Record<string, unknown> {
  /** As <input type="datetime-local"> has them, in the reader's own time zone. */
  from: string;
  to: string;
}

export function ReplayDialog({ webhook, onClose }: { webhook: Webhook; onClose: () => void }) {
  const { t } = useTexts();
  const { readLog } = useWebhookActions(webhook);
  const [lastDay] = useState(() => ({ from: toLocalInput(Date.now() - DAY), to: toLocalInput(Date.now() + MINUTE) }));
  const { form, formProps, problem, sending } = useApiForm<Values, Replay>({
    initialValues: lastDay,
    toBody: ({ from, to }) => ({ from: toTime(from), to: toTime(to) }),
    validate: {
      from: (from) => (from ? null : t('replay.missing')),
      to: (to, { from }) => (!to ? t('replay.missing') : from && to <= from ? t('replay.order') : null),
    },
    send: async (body) => {
      const { data } = await replayWebhook({ path: { webhook_id: webhook.id }, body, throwOnError: true });
      notify({ message: t('replay.done', { count: data.deliveries }) });
      onClose();
      await readLog();
    },
  });
  return (
    <Dialog onClose={onClose} title={t('replay.title')}>
      <form {...formProps}>
        <Stack>
          <p style={{ margin: 0 }}>{t('replay.text')}</p>
          <TextInput type="datetime-local" label={t('replay.from')} data-autofocus {...form.getInputProps('from')} />
          <TextInput type="datetime-local" label={t('replay.to')} {...form.getInputProps('to')} />
          <FormFoot problem={problem} submit={t('replay.submit')} sending={sending} onCancel={onClose} />
        </Stack>
      </form>
    </Dialog>
  );
}

/** An empty field is told of by the form. */
function toTime(typed: string): string {
  const time = new Date(typed);
  return Number.isNaN(time.getTime()) ? '' : time.toISOString();
}

function toLocalInput(time: number): string {
  const date = new Date(time);
  return new Date(time - date.getTimezoneOffset() * MINUTE).toISOString().slice(0, 16);
}
