import type { NewOrder, Order, OrderPatch } from '@shared/api';

/** What the order form holds: strings as typed, metadata as rows. */
export interface OrderValues extends Record<string, unknown> {
  title: string;
  description: string;
  reference: string;
  recipient: { name: string; phone: string };
  pickup_address: string;
  delivery_address: string;
  /** As <input type="datetime-local"> has it, in the reader's own time zone. */
  due_at: string;
  metadata: { key: string; value: string }[];
  public_tracking: boolean;
}

export const emptyValues: OrderValues = {
  title: '',
  description: '',
  reference: '',
  recipient: { name: '', phone: '' },
  pickup_address: '',
  delivery_address: '',
  due_at: '',
  metadata: [],
  public_tracking: true,
};

export function toValues(order: Order): OrderValues {
  return {
    title: order.title,
    description: order.description ?? '',
    reference: order.reference ?? '',
    recipient: { name: order.recipient.name ?? '', phone: order.recipient.phone ?? '' },
    pickup_address: order.pickup_address ?? '',
    delivery_address: order.delivery_address ?? '',
    due_at: order.due_at ? toLocalInput(order.due_at) : '',
    metadata: Object.entries(order.metadata).map(([key, value]) => ({ key, value })),
    public_tracking: order.public_tracking,
  };
}

/** Empty fields are left out. */
export function toNewOrder(values: OrderValues): NewOrder {
  const { recipient, metadata, ...rest } = clean(values);
  const order = Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== null)) as NewOrder;
  if (recipient.name || recipient.phone) order.recipient = recipient;
  if (Object.keys(metadata).length > 0) order.metadata = metadata;
  // An empty title is sent, so that the contract says what is wrong with it.
  order.title = values.title.trim();
  return order;
}

/** RFC 7396: what differs from `base` and nothing else; null takes away. */
export function toPatch(base: OrderValues, values: OrderValues): OrderPatch {
  const before = clean(base);
  const after = clean(values);
  const patch: Record<string, unknown> = {};
  for (const field of Object.keys(after) as (keyof typeof after)[]) {
    const change = difference(before[field], after[field]);
    if (change !== undefined) patch[field] = change;
  }
  if ('title' in patch) patch.title = values.title.trim();
  return patch as OrderPatch;
}

/** An error at each name that a row before has already: the order would keep only one of the two values. */
export function repeatedNames(metadata: OrderValues['metadata'], error: string): Record<string, string> {
  const names = metadata.map(({ key }) => key.trim());
  const repeated = names.flatMap((name, index) => (name && names.indexOf(name) < index ? [index] : []));
  return Object.fromEntries(repeated.map((index) => [`metadata.${index}.key`, error]));
}

function difference(before: unknown, after: unknown): unknown {
  if (!isObject(before) || !isObject(after)) return before === after ? undefined : after;
  const change: Record<string, unknown> = {};
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    if (before[key] !== after[key]) change[key] = after[key] ?? null;
  }
  return Object.keys(change).length > 0 ? change : undefined;
}

function clean(values: OrderValues) {
  const text = (value: string) => value.trim() || null;
  return {
    title: text(values.title),
    description: text(values.description),
    reference: text(values.reference),
    recipient: { name: text(values.recipient.name), phone: text(values.recipient.phone) },
    pickup_address: text(values.pickup_address),
    delivery_address: text(values.delivery_address),
    due_at: values.due_at ? new Date(values.due_at).toISOString() : null,
    metadata: Object.fromEntries(
      values.metadata.filter(({ key, value }) => key.trim() || value.trim()).map(({ key, value }) => [key.trim(), value.trim()]),
    ),
    public_tracking: values.public_tracking,
  };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function toLocalInput(time: string): string {
  const date = new Date(time);
  const two = (number: number) => String(number).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}T${two(date.getHours())}:${two(date.getMinutes())}`;
}
