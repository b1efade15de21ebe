import { Button, Skeleton } from '@mantine/core';
import { IconPlus, IconWebhook } from '@tabler/icons-react';
import { useInfiniteQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { Link } from 'react-router';
import { listWebhooksInfiniteOptions, listWebhooksInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { createWebhook } from '../api/generated/sdk.gen';
import type { Webhook, WebhookWithSecret } from '../api/generated/types.gen';
import { useAccount } from '../auth/AuthProvider';
import { useNow } from '../orders/Time';
import { Card } from '../ui/Card';
import { Dialog } from '../ui/Dialog';
import { LoadMore } from '../ui/LoadMore';
import { ErrorMessage, Loading } from '../ui/states';
import { ShownOnce } from './ShownOnce';
import { useTexts } from './useTexts';
import { WebhookForm } from './WebhookForm';
import { EventTags, WebhookPill, WebhookTrouble } from './WebhookStatus';
import { stateOf } from './webhookState';
import classes from './Integrations.module.css';

export function WebhooksCard() {
  const { t } = useTexts();
  const { role } = useAccount();
  const queries = useQueryClient();
  const [isAdding, setIsAdding] = useState(false);
  const [made, setMade] = useState<WebhookWithSecret | null>(null);
  const webhooks = useInfiniteQuery({
    ...listWebhooksInfiniteOptions(),
    initialPageParam: {},
    getNextPageParam: (page) => page.next_cursor,
  });
  const all = webhooks.data?.pages.flatMap(({ data }) => data);
  return (
    <Card
      title={t('webhooks.title')}
      actions={
        <Button variant="light" leftSection={<IconPlus size={18} />} onClick={() => setIsAdding(true)}>
          {t('webhooks.add')}
        </Button>
      }
    >
      <p className={classes.hint}>{t(role === 'admin' ? 'webhooks.hint_admin' : 'webhooks.hint')}</p>
      {made ? (
        <ShownOnce
          title={t('webhooks.made')}
          text={t('webhooks.made_text')}
          value={made.secret}
          copy={t('webhooks.copy_secret')}
          kept={t('webhooks.kept')}
          onKept={() => setMade(null)}
        />
      ) : null}
      {webhooks.isPending ? (
        <Loading>
          <Skeleton height={64} mb="sm" />
          <Skeleton height={64} />
        </Loading>
      ) : !all ? (
        <ErrorMessage error={webhooks.error} retry={webhooks.refetch} level={3} />
      ) : all.length === 0 ? (
        <p className={classes.empty}>{t('webhooks.empty')}</p>
      ) : (
        <ul className={classes.list} aria-label={t('webhooks.title')}>
          {all.map((webhook) => (
            <WebhookItem key={webhook.id} webhook={webhook} />
          ))}
        </ul>
      )}
      {webhooks.hasNextPage ? (
        <LoadMore
          variant="default"
          mt="md"
          isLoading={webhooks.isFetchingNextPage}
          error={webhooks.isFetchNextPageError ? webhooks.error : null}
          load={webhooks.fetchNextPage}
        />
      ) : null}
      {isAdding ? (
        <Dialog onClose={() => setIsAdding(false)} title={t('webhooks.add')}>
          <WebhookForm
            submit={t('webhooks.add_submit')}
            onClose={() => setIsAdding(false)}
            send={async (body) => {
              const { data } = await createWebhook({ body, throwOnError: true });
              setMade(data);
              setIsAdding(false);
              await queries.invalidateQueries({ queryKey: listWebhooksInfiniteQueryKey() });
            }}
          />
        </Dialog>
      ) : null}
    </Card>
  );
}

function WebhookItem({ webhook }: { webhook: Webhook }) {
  const state = stateOf(webhook, useNow());
  return (
    <li className={classes.item} data-off={webhook.active ? undefined : true}>
      <span className={classes.icon} aria-hidden="true">
        <IconWebhook size={20} />
      </span>
      <div className={classes.text}>
        <Link to={`/integrations/webhooks/${webhook.id}`} className={classes.link}>
          {webhook.url}
        </Link>
        {webhook.description ? <span className={classes.facts}>{webhook.description}</span> : null}
        {state === 'active' ? null : <WebhookTrouble webhook={webhook} />}
        <EventTags webhook={webhook} />
      </div>
      <WebhookPill webhook={webhook} />
    </li>
  );
}
