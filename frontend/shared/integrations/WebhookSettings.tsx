import { ActionIcon, Button, Group, Menu } from '@mantine/core';
import { IconDots, IconHistory, IconKey, IconPencil, IconPower, IconSend, IconTrash } from '@tabler/icons-react';
import { useQueryClient } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';
import { Trans } from 'react-i18next';
import { useNavigate } from 'react-router';
import { getWebhookQueryKey, listWebhooksInfiniteQueryKey } from '../api/generated/@tanstack/react-query.gen';
import { deleteWebhook, rotateWebhookSecret } from '../api/generated/sdk.gen';
import type { Webhook } from '../api/generated/types.gen';
import { PlannedTime, RelativeTime, useNow } from '../orders/Time';
import { Card } from '../ui/Card';
import { Dialog } from '../ui/Dialog';
import { notify } from '../ui/notify';
import { ConfirmDialog } from './ConfirmDialog';
import { ReplayDialog } from './ReplayDialog';
import { useTexts } from './useTexts';
import { useWebhookActions } from './useWebhookActions';
import { WebhookForm } from './WebhookForm';
import { EventTags, WebhookPill, WebhookTrouble } from './WebhookStatus';
import classes from './Integrations.module.css';

type Asked = 'edit' | 'replay' | 'rotate' | 'delete';

interface WebhookSettingsProps {
  webhook: Webhook;
  onSecret: (secret: string) => void;
}

export function WebhookSettings({ webhook, onSecret }: WebhookSettingsProps) {
  const { t } = useTexts();
  const [asked, setAsked] = useState<Asked | null>(null);
  const { switching, testing } = useWebhookActions(webhook);
  const { url, description, active, created_at, previous_secret_until } = webhook;
  const now = useNow();
  return (
    <Card title={t('webhook.settings')} actions={<WebhookPill webhook={webhook} />}>
      <WebhookTrouble webhook={webhook} />
      <dl className={classes.details}>
        <Detail name={t('form.url')}>
          <code className={classes.code}>{url}</code>
        </Detail>
        {description ? <Detail name={t('webhook.description')}>{description}</Detail> : null}
        <Detail name={t('webhook.events')}>
          <EventTags webhook={webhook} />
        </Detail>
        <Detail name={t('webhook.secret')}>
          {t('webhook.secret_hidden')}{' '}
          {previous_secret_until && Date.parse(previous_secret_until) > now ? (
            <Trans t={t} i18nKey="webhook.previous_secret" components={{ time: <PlannedTime time={previous_secret_until} /> }} />
          ) : null}
        </Detail>
        <Detail name={t('webhook.created')}>
          <RelativeTime time={created_at} />
        </Detail>
      </dl>
      <Group gap="sm" mt="lg">
        <Button
          leftSection={<IconSend size={18} />}
          loading={testing.isPending}
          disabled={!active}
          title={active ? undefined : t('webhook.off')}
          onClick={() => testing.mutate()}
        >
          {t('webhook.test')}
        </Button>
        <Button
          variant={active ? 'default' : 'filled'}
          leftSection={<IconPower size={18} />}
          loading={switching.isPending}
          onClick={() => switching.mutate(!active)}
        >
          {t(active ? 'webhook.switch_off' : 'webhook.switch_on')}
        </Button>
        <Button variant="default" leftSection={<IconPencil size={18} />} onClick={() => setAsked('edit')}>
          {t('webhook.edit')}
        </Button>
        <Menu position="bottom-end" width={260}>
          <Menu.Target>
            <ActionIcon variant="default" size={36} aria-label={t('webhook.more')}>
              <IconDots size={20} />
            </ActionIcon>
          </Menu.Target>
          <Menu.Dropdown>
            <Menu.Item leftSection={<IconHistory size={18} />} disabled={!active} onClick={() => setAsked('replay')}>
              {t('webhook.replay')}
            </Menu.Item>
            <Menu.Item leftSection={<IconKey size={18} />} onClick={() => setAsked('rotate')}>
              {t('webhook.rotate')}
            </Menu.Item>
            <Menu.Item data-danger leftSection={<IconTrash size={18} />} onClick={() => setAsked('delete')}>
              {t('webhook.delete')}
            </Menu.Item>
          </Menu.Dropdown>
        </Menu>
      </Group>
      {asked ? <AskedDialog asked={asked} webhook={webhook} onSecret={onSecret} onClose={() => setAsked(null)} /> : null}
    </Card>
  );
}

function AskedDialog({ asked, webhook, onSecret, onClose }: WebhookSettingsProps & { asked: Asked; onClose: () => void }) {
  const { t } = useTexts();
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { store, change } = useWebhookActions(webhook);
  const path = { webhook_id: webhook.id };
  switch (asked) {
    case 'edit':
      return (
        <Dialog onClose={onClose} title={t('webhook.edit_title')}>
          <WebhookForm
            webhook={webhook}
            submit={t('form.save', { ns: 'shared' })}
            onClose={onClose}
            send={async (body) => {
              await change(body);
              notify({ message: t('webhook.saved') });
              onClose();
            }}
          />
        </Dialog>
      );
    case 'replay':
      return <ReplayDialog webhook={webhook} onClose={onClose} />;
    case 'rotate':
      return (
        <ConfirmDialog
          title={t('webhook.rotate_title')}
          text={t('webhook.rotate_text')}
          submit={t('webhook.rotate_submit')}
          onClose={onClose}
          run={async () => {
            const { data } = await rotateWebhookSecret({ path, throwOnError: true });
            const { secret, ...changed } = data;
            onSecret(secret);
            onClose();
            await store(changed);
          }}
        />
      );
    case 'delete':
      return (
        <ConfirmDialog
          title={t('webhook.delete_title')}
          text={t('webhook.delete_text', { url: webhook.url })}
          submit={t('webhook.delete_submit')}
          danger
          onClose={onClose}
          run={async () => {
            await deleteWebhook({ path, throwOnError: true });
            notify({ message: t('webhook.deleted') });
            void navigate('/integrations', { replace: true });
            queries.removeQueries({ queryKey: getWebhookQueryKey({ path }), type: 'inactive' });
            await queries.invalidateQueries({ queryKey: listWebhooksInfiniteQueryKey() });
          }}
        />
      );
  }
}

function Detail({ name, children }: { name: string; children: ReactNode }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}
