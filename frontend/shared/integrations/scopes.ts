import type { Account, Scope } from '../api/generated/types.gen';

type Role = Account['role'];

/** What a key of this account can be good for; the server gives others, too, and refuses what they are used for. */
export function scopesOf(role: Role): Scope[] {
  if (role === 'user') return ['orders:read', 'orders:write', 'events:write', 'webhooks:manage'];
  return hasWebhooks(role) ? ['orders:read', 'events:write', 'webhooks:manage'] : ['orders:read', 'events:write'];
}

export function hasWebhooks(role: Role): boolean {
  return role !== 'mover';
}
