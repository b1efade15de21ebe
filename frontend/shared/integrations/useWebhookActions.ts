import { useMutation, useQueryClient } from '@tanstack/react-query';
import { useTranslation } from 'react-i18next';
import {
  getWebhookQueryKey,
  listDeliveriesInfiniteQueryKey,
  listWebhooksInfiniteQueryKey,
} from '../api/generated/@tanstack/react-query.gen';
import { testWebhook, updateWebhook } from '../api/generated/sdk.gen';
import type { Webhook, WebhookPatch } from '../api/generated/types.gen';
import { notify } from '../ui/notify';
import { problemText } from '../ui/problemText';
import { useTexts } from './useTexts';

/** What is sent at once, without a dialog; and how the cache learns of what has changed. */
export function useWebhookActions({ id }: Pick<Webhook, 'id'>) {
  const { t } = useTexts();
  const { t: shared } = useTranslation('shared');
  const queries = useQueryClient();
  const path = { webhook_id: id };
  const onError = (error: unknown) => notify({ message: problemText(error, shared), tone: 'problem' });

  const store = async (webhook: Webhook) => {
    queries.setQueryData(getWebhookQueryKey({ path }), webhook);
    await queries.invalidateQueries({ queryKey: listWebhooksInfiniteQueryKey() });
  };
  const readLog = () => queries.invalidateQueries({ queryKey: listDeliveriesInfiniteQueryKey({ path }) });
  const change = async (body: WebhookPatch) => {
    const { data } = await updateWebhook({ path, body, throwOnError: true });
    await store(data);
    return data;
  };
  const switching = useMutation({
    mutationFn: (active: boolean) => change({ active }),
    onSuccess: ({ active }) => notify({ message: t(active ? 'webhook.switched_on' : 'webhook.switched_off') }),
    onError,
  });
  const testing = useMutation({
    mutationFn: () => testWebhook({ path, throwOnError: true }),
    onSuccess: () => notify({ message: t('webhook.test_sent') }),
    onError,
    onSettled: readLog,
  });
  return { store, readLog, change, switching, testing };
}
