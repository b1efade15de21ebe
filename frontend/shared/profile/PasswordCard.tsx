import { Button, Stack } from '@mantine/core';
import { useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import { changePassword } from '../api/generated/sdk.gen';
import { listSessionsInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { zPasswordChange } from '../api/generated/zod.gen';
import { useAccount } from '../auth/AuthProvider';
import { Card } from '../ui/Card';
import { FormProblem } from '../ui/FormProblem';
import { notify } from '../ui/notify';
import { PasswordField } from '../ui/PasswordField';
import { useApiForm } from '../ui/useApiForm';

export function PasswordCard() {
  const { t } = useTranslation('profile');
  const { email } = useAccount();
  const queries = useQueryClient();
  const { form, formProps, problem, sending } = useApiForm({
    initialValues: { current_password: '', new_password: '' },
    schema: zPasswordChange,
    toBody: (values) => values,
    send: async (body) => {
      await changePassword({ body, throwOnError: true });
      form.reset();
      notify({ message: t('password_changed') });
      await queries.invalidateQueries({ queryKey: listSessionsInfiniteQueryKey() });
    },
  });
  return (
    <Card title={t('password')}>
      <form {...formProps}>
        <Stack>
          {/* Tells password managers whose password this is. */}
          <input type="text" autoComplete="username" value={email} readOnly hidden />
          <PasswordField
            label={t('current_password')}
            name="current_password"
            autoComplete="current-password"
            size="md"
            {...form.getInputProps('current_password')}
          />
          <PasswordField
            label={t('new_password')}
            description={t('password_hint')}
            name="new_password"
            autoComplete="new-password"
            size="md"
            {...form.getInputProps('new_password')}
          />
          <FormProblem text={problem} />
          <Button type="submit" variant="default" loading={sending} style={{ alignSelf: 'start' }}>
            {t('change_password')}
          </Button>
        </Stack>
      </form>
    </Card>
  );
}
