import type { Invitation } from '@shared/api';

export type InvitationState = 'open' | 'used' | 'expired' | 'withdrawn';

export function stateOf(invitation: Invitation, now: number): InvitationState {
  if (invitation.used_at) return 'used';
  if (invitation.withdrawn_at) return 'withdrawn';
  return Date.parse(invitation.expires_at) <= now ? 'expired' : 'open';
}

/** A link to this very machine, which is of no use to anybody elsewhere. */
export function isLocalLink(link: string): boolean {
  try {
    const { hostname } = new URL(link);
    return hostname === 'localhost' || hostname.endsWith('.localhost') || /^127\./.test(hostname) || hostname === '[::1]';
  } catch {
    return false;
  }
}
