import { ActionIcon, Button, Fieldset, SimpleGrid, Stack, Switch, Textarea, TextInput } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { IconPlus, IconTrash } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import { Audience } from './Audience';
import type { OrderValues } from './orderValues';
import classes from './OrderFields.module.css';

const MAX_METADATA = 20;

/** All that an owner says of an order, when creating it and when changing it. Each section says who will read it. */
export function OrderFields({ form }: { form: UseFormReturnType<OrderValues> }) {
  const { t } = useTranslation();
  const field = (path: string) => ({
    label: t(`order.field.${path}`),
    ...form.getInputProps(path),
  });
  return (
    <Stack gap="lg">
      <Fieldset legend={t('order.section.what')} className={classes.section}>
        <Stack>
          <Audience kind="private" />
          <TextInput {...field('title')} required placeholder={t('order.example.title')} />
          <Textarea {...field('description')} rows={3} />
          <TextInput {...field('reference')} description={t('order.hint.reference')} />
        </Stack>
      </Fieldset>
      <Fieldset legend={t('order.section.where')} className={classes.section}>
        <Audience kind="private" />
        <SimpleGrid cols={{ base: 1, sm: 2 }} mt="md">
          <Textarea {...field('pickup_address')} rows={2} />
          <Textarea {...field('delivery_address')} rows={2} />
          <TextInput {...field('recipient.name')} autoComplete="off" />
          <TextInput {...field('recipient.phone')} type="tel" autoComplete="off" />
        </SimpleGrid>
      </Fieldset>
      <Fieldset legend={t('order.section.when')} className={classes.section}>
        <Stack>
          <TextInput
            {...field('due_at')}
            description={<Audience kind="public" />}
            type="datetime-local"
            max="9999-12-31T23:59"
            className={classes.due}
          />
          {/* The kit would make the hint a part of the switch's name. */}
          <div>
            <Switch
              {...form.getInputProps('public_tracking', { type: 'checkbox' })}
              label={t('order.field.public_tracking')}
              aria-describedby="public-tracking-hint"
            />
            <p id="public-tracking-hint" className={classes.hint}>
              {t('order.hint.public_tracking')}
            </p>
          </div>
        </Stack>
      </Fieldset>
      <MetadataFields form={form} />
    </Stack>
  );
}

function MetadataFields({ form }: { form: UseFormReturnType<OrderValues> }) {
  const { t } = useTranslation();
  const rows = form.getValues().metadata;
  return (
    <Fieldset legend={t('order.section.more')} className={classes.section}>
      <Audience kind="private" more={t('order.hint.metadata')} />
      {rows.map((_, index) => (
        <div key={index} className={classes.row}>
          <TextInput
            aria-label={t('order.metadata.key', { number: index + 1 })}
            placeholder={t('order.example.key')}
            {...form.getInputProps(`metadata.${index}.key`)}
          />
          <TextInput
            aria-label={t('order.metadata.value', { number: index + 1 })}
            placeholder={t('order.example.value')}
            {...form.getInputProps(`metadata.${index}.value`)}
          />
          <ActionIcon
            variant="subtle"
            size="lg"
            aria-label={t('order.metadata.remove', { number: index + 1 })}
            onClick={() => form.removeListItem('metadata', index)}
          >
            <IconTrash size={18} />
          </ActionIcon>
        </div>
      ))}
      <Button
        variant="subtle"
        size="compact-sm"
        className={classes.add}
        leftSection={<IconPlus size={16} />}
        disabled={rows.length >= MAX_METADATA}
        onClick={() => form.insertListItem('metadata', { key: '', value: '' })}
      >
        {t('order.metadata.add')}
      </Button>
    </Fieldset>
  );
}

/** The body's `metadata.floor` is the form's `metadata.0.value`. */
export function fieldOfPath(path: string, values: OrderValues): string {
  if (!path.startsWith('metadata.')) return path;
  const index = values.metadata.findIndex(({ key }) => key.trim() === path.slice('metadata.'.length));
  return index < 0 ? path : `metadata.${index}.value`;
}
