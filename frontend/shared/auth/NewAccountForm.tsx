import { Button, Stack, TextInput } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { zRegistration } from '../api/generated/zod.gen';
import type { Registration, SignedIn } from '../api/generated/types.gen';
import { FormProblem } from '../ui/FormProblem';
import { PasswordField } from '../ui/PasswordField';
import { useApiForm } from '../ui/useApiForm';
import { useAuthSession } from './AuthProvider';

interface NewAccountFormProps {
  submitLabel: string;
  /** Says who will see the name. */
  nameHint: string;
  register: (registration: Registration) => Promise<SignedIn>;
  onError?: (error: unknown) => boolean;
}

/** Name, email and password: a user who registers and a mover who joins give the same. */
export function NewAccountForm({ submitLabel, nameHint, register, onError }: NewAccountFormProps) {
  const { t } = useTranslation('shared');
  const session = useAuthSession();
  const { form, formProps, problem, sending } = useApiForm({
    initialValues: { name: '', email: '', password: '' },
    schema: zRegistration,
    toBody: ({ name, email, password }) => ({ name: name.trim(), email: email.trim(), password }),
    validate: {
      email: (email) => (/^\S+@\S+$/.test(email.trim()) || !email.trim() ? null : t('violation.email')),
    },
    fieldOfCode: { email_taken: 'email' },
    send: (registration) => session.enter(() => register(registration)),
    onError,
  });
  return (
    <form {...formProps}>
      <Stack>
        <TextInput
          label={t('account.name')}
          description={nameHint}
          name="name"
          autoComplete="name"
          size="md"
          {...form.getInputProps('name')}
        />
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
          description={t('account.password_hint')}
          name="password"
          autoComplete="new-password"
          size="md"
          {...form.getInputProps('password')}
        />
        <FormProblem text={problem} />
        <Button type="submit" size="md" fullWidth loading={sending}>
          {submitLabel}
        </Button>
      </Stack>
    </form>
  );
}
