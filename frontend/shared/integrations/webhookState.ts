import type { Webhook } from '../api/generated/types.gen';

export type WebhookState =
  | 'active'
  /** On, but nothing has got through for a while. */
  | 'failing'
  /** Off by itself. */
  | 'switched_off'
  /** Off by hand. */
  | 'off';

export function stateOf({ active, failing_since, disabled_reason }: Webhook): WebhookState {
  if (active) return failing_since ? 'failing' : 'active';
  return disabled_reason ? 'switched_off' : 'off';
}
