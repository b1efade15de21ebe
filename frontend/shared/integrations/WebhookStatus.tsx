import { Trans } from 'react-i18next';
import type { Webhook } from '../api/generated/types.gen';
import { PlannedTime, RelativeTime, useNow } from '../orders/Time';
import { useTexts } from './useTexts';
import { stateOf } from './webhookState';
import classes from './Integrations.module.css';

export function WebhookPill({ webhook }: { webhook: Webhook }) {
  const { t } = useTexts();
  const state = stateOf(webhook, useNow());
  return (
    <span className={classes.pill} data-tone={state}>
      {t(`state.${state}`)}
    </span>
  );
}

/** Why it is not simply active; nothing where it is. */
export function WebhookTrouble({ webhook }: { webhook: Webhook }) {
  const { t } = useTexts();
  const state = stateOf(webhook, useNow());
  if (state === 'active') return null;
  const key = {
    failing: 'state.failing_text',
    paused: 'state.paused_text',
    switched_off: webhook.disabled_reason === 'gone' ? 'state.switched_off_gone' : 'state.switched_off_failing',
    off: 'state.off_text',
  }[state];
  const { failing_since, paused_until, disabled_at } = webhook;
  const since = state === 'failing' ? failing_since : disabled_at;
  const time = state === 'paused' && paused_until ? <PlannedTime time={paused_until} /> : since ? <RelativeTime time={since} /> : <></>;
  return (
    <p className={classes.trouble} data-tone={state}>
      <Trans t={t} i18nKey={key} components={{ time }} />
    </p>
  );
}

/** Which events it is told of, in words. */
export function EventTags({ webhook }: { webhook: Webhook }) {
  const { t } = useTexts();
  const types = webhook.event_types;
  return (
    <span className={classes.tags}>
      {types.length === 0 ? <span className={classes.tag}>{t('webhooks.all_types')}</span> : null}
      {types.map((type) => (
        <span key={type} className={classes.tag}>
          {t(`type.${type}`)}
        </span>
      ))}
    </span>
  );
}
