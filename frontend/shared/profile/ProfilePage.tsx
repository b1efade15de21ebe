import { Stack } from '@mantine/core';
import { useTranslation } from 'react-i18next';
import { Page } from '../ui/Page';
import { NameCard } from './NameCard';
import { PasswordCard } from './PasswordCard';
import { SessionsCard } from './SessionsCard';

/** Own name, password and sessions: the same for users and for movers. */
export default function ProfilePage() {
  const { t } = useTranslation('profile');
  return (
    <Page title={t('title')} width="narrow">
      <Stack gap="lg">
        <NameCard />
        <PasswordCard />
        <SessionsCard />
      </Stack>
    </Page>
  );
}
