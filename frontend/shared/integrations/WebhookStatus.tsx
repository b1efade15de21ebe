import { Trans } from 'react-i18next';
import type { Webhook } from '../api/generated/types.gen';
import { RelativeTime } from '../orders/Time';
import { useTexts } from './useTexts';
import { stateOf } from './webhookState';
import classes from './Integrations.module.css';

export function WebhookPill({ webhook }: { webhook: Webhook }) {
  const { t } = useTexts();
  const state = stateOf(webhook);
  return (
    <span className={classes.pill} data-tone={state}>
      {t(`state.${state}`)}
    </span>
  );
}

/** Why it is not simply active; nothing where it is. */
export function WebhookTrouble({ webhook }: { webhook: Webhook }) {
  const { t } = useTexts();
  const state = stateOf(webhook);
  if (state === 'active') return null;
  const key = {
    failing: 'state.failing_text',
    switched_off: webhook.disabled_reason === 'gone' ? 'state.switched_off_gone' : 'state.switched_off_failing',
    off: 'state.off_text',
  }[state];
  const since = state === 'failing' ? webhook.failing_since : webhook.disabled_at;
  return (
    <p className={classes.trouble} data-tone={state}>
      <Trans t={t} i18nKey={key} components={{ time: since ? <RelativeTime time={since} /> : <></> }} />
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
