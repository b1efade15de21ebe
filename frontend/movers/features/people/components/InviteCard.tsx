import { Button, SegmentedControl, Stack, TextInput } from '@mantine/core';
import { createInvitation, listInvitationsInfiniteQueryKey, type CreatedInvitation, type MoverRole } from '@shared/api';
import { zNewInvitation } from '@shared/api/generated/zod.gen';
import { Card, FormProblem, useApiForm } from '@shared/ui';
import { IconUserPlus } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useId, useState } from 'react';
import { useTranslation } from 'react-i18next';
import { MadeInvitation } from './MadeInvitation';

export function InviteCard() {
  const { t } = useTranslation();
  const queries = useQueryClient();
  const roleId = useId();
  const [made, setMade] = useState<CreatedInvitation | null>(null);
  const { form, formProps, problem, sending } = useApiForm({
    initialValues: { role: 'mover' as MoverRole, note: '' },
    schema: zNewInvitation,
    toBody: ({ role, note }) => ({ role, ...(note.trim() ? { note: note.trim() } : {}) }),
    send: async (body) => {
      const { data } = await createInvitation({ body, throwOnError: true });
      setMade(data);
      form.reset();
      void queries.invalidateQueries({ queryKey: listInvitationsInfiniteQueryKey() });
    },
  });
  return (
    <Card title={t('invite.title')}>
      <form {...formProps}>
        <Stack gap="md">
          <div role="group" aria-labelledby={roleId}>
            <p id={roleId} style={{ margin: '0 0 0.25rem', fontWeight: 600, fontSize: '0.875rem' }}>
              {t('invite.role')}
            </p>
            <SegmentedControl
              size="md"
              readOnly={sending}
              data={[
                { value: 'mover', label: t('people.mover') },
                { value: 'admin', label: t('people.admin') },
              ]}
              {...form.getInputProps('role')}
            />
          </div>
          <TextInput
            label={t('invite.note')}
            description={t('invite.note_hint')}
            size="md"
            readOnly={sending}
            {...form.getInputProps('note')}
          />
          <FormProblem text={problem} />
          <Button type="submit" size="md" loading={sending} leftSection={<IconUserPlus size={18} />} style={{ alignSelf: 'start' }}>
            {t('invite.submit')}
          </Button>
        </Stack>
      </form>
      {made ? <MadeInvitation key={made.id} invitation={made} /> : null}
    </Card>
  );
}
