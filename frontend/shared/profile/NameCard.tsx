import { Button, Stack, Text, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { updateMe } from '../api/generated/sdk.gen';
import { zAccountPatch } from '../api/generated/zod.gen';
import { useAccount, useAuthSession } from '../auth/AuthProvider';
import { Card } from '../ui/Card';
import { FormProblem } from '../ui/FormProblem';
import { notify } from '../ui/notify';
import { useApiForm } from '../ui/useApiForm';

export function NameCard() {
  const { t } = useTranslation('profile');
  const { t: shared } = useTranslation('shared');
  const account = useAccount();
  const session = useAuthSession();
  const { form, formProps, problem, sending } = useApiForm({
    initialValues: { name: account.name },
    schema: zAccountPatch,
    toBody: ({ name }) => ({ name: name.trim() }),
    send: async (body) => {
      const { data } = await updateMe({ body, throwOnError: true });
      session.rename(data);
      form.setValues({ name: data.name });
      notify({ message: t('name_saved') });
    },
  });
  return (
    <Card title={t('you')}>
      <form {...formProps}>
        <Stack>
          <Text c="dimmed">{account.email}</Text>
          <TextInput
            label={shared('account.name')}
            description={t('name_hint')}
            name="name"
            autoComplete="name"
            size="md"
            {...form.getInputProps('name')}
          />
          <FormProblem text={problem} />
          <Button type="submit" variant="default" loading={sending} style={{ alignSelf: 'start' }}>
            {t('save_name')}
          </Button>
        </Stack>
      </form>
    </Card>
  );
}
