import { Stack } from '@mantine/core';
import { useAccount } from '@shared/auth';
import { NotFoundMessage, Page } from '@shared/ui';
import { useTranslation } from 'react-i18next';
import { InvitationsCard } from './InvitationsCard';
import { InviteCard } from './InviteCard';
import { MoversCard } from './MoversCard';

/** Who moves orders here: for admins. */
export default function PeoplePage() {
  const { t } = useTranslation();
  const { role } = useAccount();
  // The server refuses anyway; this only spares others the sight of three refusals.
  if (role !== 'admin') return <NotFoundMessage />;
  return (
    <Page title={t('people.title')} width="normal">
      <Stack gap="lg">
        <MoversCard />
        <InviteCard />
        <InvitationsCard />
      </Stack>
    </Page>
  );
}
