import { Anchor } from '@mantine/core';
import { AuthPage } from '@shared/auth/AuthPage';
import { SignInForm } from '@shared/auth/SignInForm';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';

export default function SignInPage() {
  const { t } = useTranslation();
  const { state } = useLocation();
  return (
    <AuthPage
      name={t('name')}
      title={t('sign_in.title')}
      intro={t('sign_in.intro')}
      footer={
        <>
          {t('sign_in.new_here')}{' '}
          <Anchor component={Link} to="/register" state={state}>
            {t('sign_in.register')}
          </Anchor>
          <br />
          <Anchor href="/t/">{t('sign_in.track')}</Anchor>
        </>
      }
    >
      <SignInForm />
    </AuthPage>
  );
}
