import type { Reason, Status } from '../api/generated/types.gen';

/** In the order in which an order usually meets them. */
export const statuses: Status[] = ['created', 'started', 'in_progress', 'on_hold', 'completed', 'cancelled'];

export const reasons: Reason[] = [
  'recipient_absent',
  'refused',
  'address_problem',
  'damaged',
  'lost',
  'delayed',
  'awaiting_payment',
  'by_request',
  'other',
];

/** Neither completed nor cancelled. */
export function isOpen(status: Status): boolean {
  return status !== 'completed' && status !== 'cancelled';
}
