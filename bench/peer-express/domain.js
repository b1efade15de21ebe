// What an order is, apart from where it is stored: IDs, texts and times, statuses, who may move what where, and what
// the public sees of an event.

import createError from 'http-errors';
import { customAlphabet } from 'nanoid';
import { z } from 'zod';

export const STATUSES = ['created', 'started', 'in_progress', 'on_hold', 'completed', 'cancelled'];
export const REASONS = ['recipient_absent', 'refused', 'address_problem', 'damaged', 'lost', 'delayed',
  'awaiting_payment', 'by_request', 'other'];

// The state machine: where each party may move an order, the likeliest first. Nothing leads out of the other statuses.
const MOVES_OF_MOVERS = {
  created: ['started', 'on_hold', 'cancelled'],
  started: ['in_progress', 'on_hold', 'cancelled'],
  in_progress: ['completed', 'on_hold', 'cancelled'],
  on_hold: ['started', 'in_progress', 'cancelled'],
};
const MOVES_OF_OWNERS = { created: ['cancelled'], started: ['cancelled'], on_hold: ['cancelled'] };

/** Where somebody of this role may move the order now. From a hold it goes back to where it was in the first place. */
export function allowedMoves(role, { status, moved_from: before }) {
  const allowed = (role === 'user' ? MOVES_OF_OWNERS : MOVES_OF_MOVERS)[status] ?? [];
  if (status !== 'on_hold' || !allowed.includes(before)) return allowed;
  return [before, ...allowed.filter((target) => target !== before)];
}

export const needsReason = (status) => status === 'on_hold' || status === 'cancelled';

// Crockford's base 32: no I, L, O or U.
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ORDER_ID = new RegExp(`^[${ALPHABET}]{10}$`);

export const newOrderId = customAlphabet(ALPHABET, 10);

/** What somebody typed as an ID: lower case, spaces, hyphens and lookalikes are understood. Undefined if it is none. */
export function parseOrderId(typed) {
  if (ORDER_ID.test(typed)) return typed;
  const id = typed.replace(/[ -]/g, '').toUpperCase().replaceAll('O', '0').replace(/[IL]/g, '1');
  return ORDER_ID.test(id) ? id : undefined;
}

/** The same answer for what is not there, can't be there, and is not for this caller. */
export const notFound = () => createError(404, 'There is nothing here that you may see.', { code: 'not_found' });

/** One line of text, and several of them; no control characters, which Postgres would refuse in part. */
export const line = (max) => z.string().trim().min(1).max(max).regex(/^\P{Cc}*$/u);
export const paragraph = (max) => z.string().trim().min(1).max(max).regex(/^[\P{Cc}\n\r\t]*$/u);

/** A time in RFC 3339, in years that Postgres and JavaScript understand alike. */
export const time = z.iso
  .datetime({ offset: true })
  .transform((typed) => new Date(typed))
  .refine((date) => date.getUTCFullYear() >= 1 && date.getUTCFullYear() <= 9999);

/** A time as the API writes it. */
export const formatTime = (date) => date && date.toISOString();

/** What whoever holds the order's ID may see of a public event. */
export function publicEvent(row) {
  const { version, previous_public_version: previous_version, type, status, reason, message, location } = row;
  const estimated_at = formatTime(row.estimated_at);
  const occurred_at = formatTime(row.occurred_at);
  return { version, previous_version, type, status, reason, message, location, estimated_at, occurred_at };
}
