import type { Webhook } from '../api/generated/types.gen';

export type WebhookState =
  | 'active'
  /** On, but nothing has got through for a while. */
  | 'failing'
  /** On, but its receiver has asked for a pause. */
  | 'paused'
  /** Off by itself. */
  | 'switched_off'
  /** Off by hand. */
  | 'off';

export function stateOf({ active, failing_since, paused_until, disabled_reason }: Webhook, now: number): WebhookState {
  if (active && paused_until && Date.parse(paused_until) > now) return 'paused';
  if (active) return failing_since ? 'failing' : 'active';
  return disabled_reason ? 'switched_off' : 'off';
}
