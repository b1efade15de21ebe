import { Button, Group } from '@mantine/core';
import { IconUserPlus } from '@tabler/icons-react';
import { AuthPage } from '@shared/auth/AuthPage';
import { useAccount, useAuthSession } from '@shared/auth/AuthProvider';
import { Message } from '@shared/ui/states';
import { useTranslation } from 'react-i18next';
import { Link } from 'react-router';

/** An invitation makes a new account: who has one and opens it should be told, and not use it up for themselves. */
export default function JoinSignedIn() {
  const { t } = useTranslation();
  const session = useAuthSession();
  const { name } = useAccount();
  return (
    <AuthPage name={t('name')} title={t('join.title')}>
      <Message
        icon={<IconUserPlus size={28} />}
        title={t('join.signed_in_title', { name })}
        action={
          <Group justify="center">
            <Button component={Link} to="/">
              {t('join.to_board')}
            </Button>
            <Button variant="default" onClick={() => void session.logOut().catch(() => undefined)}>
              {t('join.sign_out')}
            </Button>
          </Group>
        }
      >
        {t('join.signed_in')}
      </Message>
    </AuthPage>
  );
}
