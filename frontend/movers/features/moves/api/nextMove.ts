import type { Order, Target } from '@shared/api';

/**
 * What may follow is the server's to say. A live event tells the new status but not what the caller may do next, which is
 * read a moment later; until then `allowed` is of the status before. No order moves to the status that it is in, so an
 * `allowed` that names it is such an old one.
 */
export function isStale(order: Order): boolean {
  return order.allowed.some((target) => target === order.status);
}

/** The likeliest move; null: there is none; 'unknown': the server is being asked. */
export function likelyMove(order: Order): Target | 'unknown' | null {
  return isStale(order) ? 'unknown' : (order.allowed[0] ?? null);
}

/** The others, for the menu. */
export function otherMoves(order: Order): Target[] {
  return isStale(order) ? [] : order.allowed.slice(1);
}

/** Whether the newest move may still be taken back: the 15 minutes go on while the page stands there. */
export function canUndo(order: Order, now = Date.now()): boolean {
  return order.undo !== null && !isStale(order) && (order.undo.until === null || Date.parse(order.undo.until) > now);
}
