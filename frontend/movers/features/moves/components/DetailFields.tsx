import { Checkbox, Stack, Textarea, TextInput } from '@mantine/core';
import type { ApiForm } from '@shared/ui';
import { IconChevronRight } from '@tabler/icons-react';
import { useTranslation } from 'react-i18next';
import type { MoveDetails } from '../api/moveDetails';
import classes from './DetailFields.module.css';

interface DetailFieldsProps {
  form: ApiForm<MoveDetails>['form'];
  /** While they are sent: what is typed then would be gone with the answer. */
  readOnly: boolean;
  /** Offers to take the estimate away that is there. */
  hasEstimate?: boolean;
}

/** Message and note, and behind a click place and estimate. Each says who will read it. */
export function DetailFields({ form, readOnly, hasEstimate = false }: DetailFieldsProps) {
  const { t } = useTranslation();
  const hidden = ['location', 'estimated_at'].some((field) => form.errors[field]);
  return (
    <Stack gap="md">
      <Textarea
        label={t('moves.message')}
        description={t('moves.everyone_sees')}
        rows={2}
        size="md"
        classNames={{ input: classes.area }}
        readOnly={readOnly}
        {...form.getInputProps('message')}
      />
      <Textarea
        label={t('moves.note')}
        description={t('moves.insiders_see')}
        rows={2}
        size="md"
        classNames={{ input: classes.area }}
        readOnly={readOnly}
        {...form.getInputProps('note')}
      />
      <details className={classes.more} open={hidden || undefined}>
        <summary className={classes.summary}>
          <IconChevronRight size={18} className={classes.chevron} aria-hidden="true" />
          {t('moves.more')}
        </summary>
        <Stack gap="md" mt="xs">
          <TextInput
            label={t('moves.location')}
            description={t('moves.everyone_sees')}
            size="md"
            readOnly={readOnly}
            {...form.getInputProps('location')}
          />
          <TextInput
            type="datetime-local"
            max="9999-12-31T23:59"
            label={t('moves.estimate')}
            description={t('moves.everyone_sees')}
            size="md"
            disabled={form.values.no_estimate}
            readOnly={readOnly}
            {...form.getInputProps('estimated_at')}
          />
          {hasEstimate ? (
            <Checkbox
              label={t('moves.no_estimate')}
              disabled={readOnly}
              {...form.getInputProps('no_estimate', { type: 'checkbox' })}
            />
          ) : null}
        </Stack>
      </details>
    </Stack>
  );
}
