import { Anchor, Skeleton, Stack } from '@mantine/core';
import { IconArrowLeft } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { Link, useParams } from 'react-router';
import { getWebhookOptions } from '../api/generated/@tanstack/react-query.gen';
import { hasCode } from '../api/problem';
import { useAccount } from '../auth/AuthProvider';
import { Page } from '../ui/Page';
import { ErrorMessage, Loading, NotFoundMessage } from '../ui/states';
import { DeliveriesCard } from './DeliveriesCard';
import { hasWebhooks } from './scopes';
import { ShownOnce } from './ShownOnce';
import { useTexts } from './useTexts';
import { WebhookSettings } from './WebhookSettings';
import classes from './Integrations.module.css';

const LOOK_AGAIN = 15_000;

/** One webhook: its state, what can be done with it, and the log of what was sent. */
export default function WebhookPage() {
  const { t } = useTexts();
  const { role } = useAccount();
  const { webhookId = '' } = useParams();
  const [secret, setSecret] = useState<string | null>(null);
  const { data: webhook, error, refetch } = useQuery({
    ...getWebhookOptions({ path: { webhook_id: webhookId } }),
    enabled: hasWebhooks(role),
    // It may be switched off by itself.
    refetchInterval: LOOK_AGAIN,
  });
  if (!hasWebhooks(role) || hasCode(error, 'not_found')) return <NotFoundMessage />;
  return (
    <Page title={t('webhook.title')}>
      <Anchor component={Link} to="/integrations" className={classes.back}>
        <IconArrowLeft size={18} aria-hidden="true" />
        {t('webhook.back')}
      </Anchor>
      {webhook ? (
        <Stack gap="lg">
          {secret ? (
            <ShownOnce
              title={t('webhook.rotated')}
              text={t('webhook.rotated_text')}
              value={secret}
              copy={t('webhooks.copy_secret')}
              kept={t('webhooks.kept')}
              onKept={() => setSecret(null)}
            />
          ) : null}
          <WebhookSettings webhook={webhook} onSecret={setSecret} />
          <DeliveriesCard webhook={webhook} />
        </Stack>
      ) : error ? (
        <ErrorMessage error={error} retry={refetch} />
      ) : (
        <Loading>
          <Skeleton height={220} mb="lg" />
          <Skeleton height={320} />
        </Loading>
      )}
    </Page>
  );
}
