import { Anchor } from '@mantine/core';
import { AuthPage } from '@shared/auth/AuthPage';
import { NewAccountForm } from '@shared/auth/NewAccountForm';
import { registerUser } from '@shared/api/generated/sdk.gen';
import { useTranslation } from 'react-i18next';
import { Link, useLocation } from 'react-router';

export default function RegisterPage() {
  const { t } = useTranslation();
  const { state } = useLocation();
  return (
    <AuthPage
      name={t('name')}
      title={t('register.title')}
      intro={t('register.intro')}
      footer={
        <>
          {t('register.have_account')}{' '}
          <Anchor component={Link} to="/sign-in" state={state}>
            {t('register.sign_in')}
          </Anchor>
        </>
      }
    >
      <NewAccountForm
        submitLabel={t('register.submit')}
        nameHint={t('register.name_hint')}
        register={async (body) => (await registerUser({ body, throwOnError: true })).data}
      />
    </AuthPage>
  );
}
