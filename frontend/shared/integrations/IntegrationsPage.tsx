import { Stack } from '@mantine/core';
import { useAccount } from '../auth/AuthProvider';
import { Page } from '../ui/Page';
import { ApiKeysCard } from './ApiKeysCard';
import { DocsCard } from './DocsCard';
import { hasWebhooks } from './scopes';
import { useTexts } from './useTexts';
import { WebhooksCard } from './WebhooksCard';

/** What programs need: keys and webhooks. The same for users and for movers, but for what their roles may do. */
export default function IntegrationsPage() {
  const { t } = useTexts();
  const { role } = useAccount();
  return (
    <Page title={t('title')}>
      <Stack gap="lg">
        <ApiKeysCard />
        {hasWebhooks(role) ? <WebhooksCard /> : null}
        <DocsCard />
      </Stack>
    </Page>
  );
}
