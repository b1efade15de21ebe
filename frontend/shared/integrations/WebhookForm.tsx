import { Stack, Textarea, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import type { EventType, NewWebhook, Webhook } from '../api/generated/types.gen';
import { zNewWebhook } from '../api/generated/zod.gen';
import { useApiForm } from '../ui/useApiForm';
import { Choice } from './Choice';
import { Choices } from './Choices';
import { FormFoot } from './FormFoot';
import { useTexts } from './useTexts';

const eventTypes: EventType[] = [
  'order.created',
  'order.status_changed',
  'order.noted',
  'order.details_changed',
  'order.assignee_changed',
];

interface Values extends Record<string, unknown> {
  url: string;
  all: boolean;
  event_types: EventType[];
  description: string;
}

/** What a new webhook sends, and the whole of a change to one. */
type Body = Required<NewWebhook>;

interface WebhookFormProps {
  webhook?: Webhook;
  submit: string;
  send: (body: Body) => Promise<unknown>;
  onClose: () => void;
}

export function WebhookForm({ webhook, submit, send, onClose }: WebhookFormProps) {
  const { t } = useTexts();
  const { t: shared } = useTranslation('shared');
  const { form, formProps, problem, sending } = useApiForm<Values, Body>({
    initialValues: {
      url: webhook?.url ?? '',
      all: webhook ? webhook.event_types.length === 0 : true,
      event_types: webhook?.event_types ?? [],
      description: webhook?.description ?? '',
    },
    schema: zNewWebhook,
    toBody: ({ url, all, event_types, description }) => ({
      url: url.trim(),
      event_types: all ? [] : event_types,
      description: description.trim() || null,
    }),
    validate: {
      url: (url) => (url.trim() ? null : shared('violation.missing')),
      event_types: (types, { all }) => (!all && types.length === 0 ? t('form.types_missing') : null),
    },
    send,
  });
  const { all, event_types: types } = form.getValues();
  const toggle = (type: EventType, isOn: boolean) => {
    form.setFieldValue('event_types', eventTypes.filter((each) => (each === type ? isOn : types.includes(each))));
  };
  return (
    <form {...formProps}>
      <Stack>
        <TextInput
          label={t('form.url')}
          description={t('form.url_hint')}
          type="url"
          inputMode="url"
          placeholder="https://shop.example/webhooks"
          autoComplete="off"
          data-autofocus
          {...form.getInputProps('url')}
        />
        <Choices label={t('form.types')} error={form.errors.event_types}>
          <Choice
            label={t('form.all')}
            hint={t('form.all_hint')}
            checked={all}
            onChange={({ currentTarget }) => form.setFieldValue('all', currentTarget.checked)}
          />
          {all
            ? null
            : eventTypes.map((type) => (
                <Choice
                  key={type}
                  label={t(`type.${type}`)}
                  aria-invalid={form.errors.event_types ? true : undefined}
                  checked={types.includes(type)}
                  onChange={({ currentTarget }) => toggle(type, currentTarget.checked)}
                />
              ))}
        </Choices>
        <Textarea label={t('form.description')} rows={2} {...form.getInputProps('description')} />
        <FormFoot problem={problem} submit={submit} sending={sending} onCancel={onClose} />
      </Stack>
    </form>
  );
}
