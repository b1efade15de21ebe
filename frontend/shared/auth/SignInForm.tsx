import { Alert, Button, Stack, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { useLocation } from 'react-router';
import { FormProblem } from '../ui/FormProblem';
import { PasswordField } from '../ui/PasswordField';
import { useApiForm } from '../ui/useApiForm';
import { useAuthSession } from './AuthProvider';
import type { SignInState } from './gates';

/** Where it leads to is AnonymousOnly's business: it moves on as soon as somebody is signed in. */
export function SignInForm() {
  const { t } = useTranslation('shared');
  const session = useAuthSession();
  const ended = (useLocation().state as SignInState | null)?.ended;
  const { form, formProps, problem, sending } = useApiForm({
    initialValues: { email: '', password: '' },
    // By hand: the contract's schemas would be a tenth of what this page downloads.
    validate: {
      email: (email) => (email.trim() ? null : t('violation.missing')),
      password: (password) => (password ? null : t('violation.missing')),
    },
    toBody: ({ email, password }) => ({ email: email.trim(), password }),
    send: ({ email, password }) => session.logIn(email, password),
  });
  return (
    <form {...formProps}>
      <Stack>
        {ended && !problem ? <Alert variant="light">{t('account.session_ended')}</Alert> : null}
        <TextInput
          label={t('account.email')}
          type="email"
          name="email"
          autoComplete="username"
          size="md"
          {...form.getInputProps('email')}
        />
        <PasswordField
          label={t('account.password')}
          name="password"
          autoComplete="current-password"
          size="md"
          {...form.getInputProps('password')}
        />
        <FormProblem text={problem} />
        <Button type="submit" size="md" fullWidth loading={sending}>
          {t('account.sign_in')}
        </Button>
      </Stack>
    </form>
  );
}
