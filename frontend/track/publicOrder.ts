import type { PublicEvent, PublicOrder } from '@shared/api/generated/types.gen';

export type Read = { kind: 'order'; order: PublicOrder; etag: string | null } | { kind: 'unchanged' } | { kind: 'not_found' };

/** Reads the public view; `etag` is of what we hold. Rejects when the server can't be reached or is not well. */
export async function readPublicOrder(orderId: string, etag: string | null, signal: AbortSignal): Promise<Read> {
  const response = await fetch(`/api/v1/track/${orderId}`, { signal, headers: etag ? { 'If-None-Match': etag } : {} });
  if (response.status === 304) return { kind: 'unchanged' };
  if (response.status === 404) return { kind: 'not_found' };
  if (!response.ok) throw new Error(`Answered ${response.status}`);
  return { kind: 'order', order: (await response.json()) as PublicOrder, etag: response.headers.get('ETag') };
}

/** The order after one more event. Idempotent: what we hold already changes nothing. */
export function withPublicEvent(order: PublicOrder, event: PublicEvent): PublicOrder {
  if (event.version <= order.version) return order;
  const { version, status, estimated_at, occurred_at } = event;
  return {
    ...order,
    version,
    status,
    estimated_at,
    updated_at: occurred_at,
    completed_at: status === 'completed' ? (order.completed_at ?? occurred_at) : null,
    events: [...order.events, event],
  };
}
