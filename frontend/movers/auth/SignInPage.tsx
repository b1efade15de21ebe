import { Anchor } from '@mantine/core';
import { AuthPage } from '@shared/auth/AuthPage';
import { SignInForm } from '@shared/auth/SignInForm';
import { useTranslation } from 'react-i18next';

export default function SignInPage() {
  const { t } = useTranslation();
  return (
    <AuthPage
      name={t('name')}
      title={t('sign_in.title')}
      intro={t('sign_in.intro')}
      footer={<Anchor href="/sign-in">{t('sign_in.users')}</Anchor>}
    >
      <SignInForm />
    </AuthPage>
  );
}
