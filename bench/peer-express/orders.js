// Orders: creating one, showing it, moving it. A change and its event are one transaction.

import createError from 'http-errors';
import { z } from 'zod';

import { insertInto, pool, transaction } from './db.js';
import * as domain from './domain.js';
import { formatTime, line, needsReason, notFound, paragraph, time } from './domain.js';
import { announce } from './live.js';

const EVENTS_SHOWN = 50;

const optional = (schema) => schema.nullable().default(null);

const NewOrder = z.strictObject({
  title: line(120),
  description: optional(paragraph(2000)),
  reference: optional(line(64)),
  recipient: optional(z.strictObject({ name: optional(line(100)), phone: optional(line(40)) })),
  pickup_address: optional(paragraph(300)),
  delivery_address: optional(paragraph(300)),
  metadata: optional(
    z.record(line(40), z.string().max(200).regex(/^[^\0]*$/)).refine((entries) => Object.keys(entries).length <= 20),
  ),
  public_tracking: z.boolean().default(true),
  due_at: optional(time),
});

const Move = z
  .strictObject({
    status: z.enum(domain.STATUSES).exclude(['created']),
    reason: z.enum(domain.REASONS).optional(),
    expected_status: z.enum(domain.STATUSES).optional(),
    message: paragraph(1000).optional(),
    note: paragraph(1000).optional(),
    location: line(120).optional(),
    // Null withdraws the estimate.
    estimated_at: time.nullish(),
  })
  .refine(({ status, reason }) => needsReason(status) === (reason !== undefined), {
    path: ['reason'],
    error: 'is required to move to on_hold or cancelled, and has no place in other moves',
  });

const ORDER = `
  o.id, o.owner_id, o.status, o.reason, o.version, o.public_version, o.moved_from, o.title, o.description, o.reference,
  o.recipient_name, o.recipient_phone, o.pickup_address, o.delivery_address, o.metadata, o.public_tracking,
  o.assignee_id, o.due_at, o.estimated_at, o.created_at, o.updated_at, o.completed_at,
  owner.name AS owner_name, assignee.name AS assignee_name`;
const FROM_ORDERS = `
  FROM orders o
  JOIN accounts owner ON owner.id = o.owner_id
  LEFT JOIN accounts assignee ON assignee.id = o.assignee_id`;
const NOW = "date_trunc('milliseconds', clock_timestamp())";
const EVENT_COLUMNS = ['order_id', 'version', 'previous_public_version', 'public', 'type', 'status', 'reason',
  'message', 'note', 'location', 'estimated_at', 'assignee_id', 'assignee_name', 'changed', 'undoes', 'actor_id',
  'actor_role', 'actor_name', 'occurred_at', 'recorded_at'];

const SELECT_ORDER = `SELECT ${ORDER} ${FROM_ORDERS} WHERE o.id = $1`;
const SELECT_EVENTS = `
  SELECT ${EVENT_COLUMNS.join(', ')} FROM order_events
  WHERE order_id = $1 AND version <= $2 ORDER BY version DESC LIMIT ${EVENTS_SHOWN}`;
const SELECT_CALLER = `SELECT id, name, role, active, ${NOW} AS now FROM accounts WHERE id = $1`;
// With who asks and what time it is: that saves a round trip under the lock.
const LOCK_ORDER = `
  SELECT ${ORDER}, caller.name AS caller_name, caller.role AS caller_role, caller.active AS caller_active, ${NOW} AS now
  ${FROM_ORDERS} LEFT JOIN accounts caller ON caller.id = $2
  WHERE o.id = $1 FOR NO KEY UPDATE OF o`;
const UPDATE_ORDER = `
  UPDATE orders
  SET status = $2, reason = $3, version = $4, public_version = $4, estimated_at = $5, updated_at = $6,
      completed_at = $7, moved_version = $4, moved_by = $8, moved_at = $6, moved_from = status,
      moved_from_reason = reason
  WHERE id = $1`;
const insertOrder = insertInto('orders', ['id', 'owner_id', 'status', 'version', 'public_version', 'title',
  'description', 'reference', 'recipient_name', 'recipient_phone', 'pickup_address', 'delivery_address', 'metadata',
  'public_tracking', 'due_at', 'created_at', 'updated_at']);
const insertEvent = insertInto('order_events', [...EVENT_COLUMNS, 'owner_id']);

export async function createOrder(req, res) {
  const details = NewOrder.parse(req.body);
  const order = await insertNew(details, req.caller.id);
  res.status(201).set({ Location: `/api/v1/orders/${order.id}`, ETag: `"${order.version}"` });
  res.json(orderView(order, req.caller.role));
}

export async function showOrder(req, res) {
  const id = domain.parseOrderId(req.params.id);
  const found = await pool.query({ name: 'select-order', text: SELECT_ORDER, values: [id] });
  const order = found.rows[0];
  if (!isVisible(order, req.caller)) throw notFound();
  // What was appended between the two reads is left to the next one: order and events agree.
  const { rows } = await pool.query({ name: 'select-events', text: SELECT_EVENTS, values: [id, order.version] });
  res.set({ ETag: `"${order.version}"`, 'Cache-Control': 'no-store' });
  // Express compares the ETag with If-None-Match and makes it a 304.
  res.json({ ...orderView(order, req.caller.role), events: rows.reverse().map(eventView) });
}

export async function moveOrder(req, res) {
  const id = domain.parseOrderId(req.params.id);
  const request = Move.parse(req.body);
  const { order, event } = await transaction((client) => move(client, id, request, req.caller));
  if (order.public_tracking) announce(event);
  res.status(201).json({ event: eventView(event), order: orderView(order, event.actor_role) });
}

async function insertNew({ recipient, metadata, ...details }, ownerId) {
  try {
    return await transaction(async (client) => {
      const found = await client.query({ name: 'select-caller', text: SELECT_CALLER, values: [ownerId] });
      const owner = found.rows[0];
      if (!owner?.active) throw sessionEnded();
      const order = {
        ...details,
        id: domain.newOrderId(),
        owner_id: owner.id,
        owner_name: owner.name,
        status: 'created',
        version: 1,
        public_version: 1,
        recipient_name: recipient?.name ?? null,
        recipient_phone: recipient?.phone ?? null,
        metadata: metadata ?? {},
        assignee_id: null,
        assignee_name: null,
        estimated_at: null,
        created_at: owner.now,
        updated_at: owner.now,
        completed_at: null,
      };
      await client.query(insertOrder(order));
      await client.query(insertEvent(newEvent(order, owner, { type: 'order.created', previous_public_version: null })));
      return order;
    });
  } catch (error) {
    if (error.constraint !== 'orders_reference_key') throw error;
    throw createError(409, 'Another order of the same owner has this reference.', { code: 'reference_taken' });
  }
}

async function move(client, id, request, caller) {
  const { rows } = await client.query({ name: 'lock-order', text: LOCK_ORDER, values: [id, caller.id] });
  const before = rows[0];
  if (!isVisible(before, caller)) throw notFound();
  if (!before.caller_active) throw sessionEnded();
  const actor = { id: caller.id, name: before.caller_name, role: before.caller_role };
  refuseWrongMove(before, request, actor.role);

  // Postgres' clock may step back; an order's history never does.
  const now = before.now > before.updated_at ? before.now : before.updated_at;
  const { status, reason = null, message = null, note = null, location = null } = request;
  const order = {
    ...before,
    status,
    reason,
    version: before.version + 1,
    public_version: before.version + 1,
    moved_from: before.status,
    estimated_at: request.estimated_at === undefined ? before.estimated_at : request.estimated_at,
    updated_at: now,
    completed_at: status === 'completed' ? now : null,
  };
  const { version, estimated_at, completed_at } = order;
  const values = [id, status, reason, version, estimated_at, now, completed_at, actor.id];
  await client.query({ name: 'update-order', text: UPDATE_ORDER, values });
  const said = { reason, message, note, location };
  const previous = { previous_public_version: before.public_version };
  const event = newEvent(order, actor, { type: 'order.status_changed', ...previous, ...said });
  await client.query(insertEvent(event));
  return { order, event };
}

function refuseWrongMove(order, request, role) {
  if (request.expected_status && request.expected_status !== order.status) {
    const problem = { order: orderView(order, role) };
    throw createError(409, 'The order is not in the expected status any more.', { code: 'status_changed', problem });
  }
  const allowed = domain.allowedMoves(role, order);
  if (!allowed.includes(request.status)) {
    const problem = { allowed, order_status: order.status, version: order.version };
    throw createError(409, `The order is ${order.status}; you can't move it there.`, { code: 'illegal_move', problem });
  }
}

/** The row of a public event that tells of the order as it is now. */
function newEvent(order, actor, said) {
  return {
    reason: null,
    message: null,
    note: null,
    location: null,
    ...said,
    order_id: order.id,
    owner_id: order.owner_id,
    version: order.version,
    public: true,
    status: order.status,
    estimated_at: order.estimated_at,
    assignee_id: order.assignee_id,
    assignee_name: order.assignee_name,
    changed: '',
    undoes: null,
    actor_id: actor.id,
    actor_role: actor.role,
    actor_name: actor.name,
    occurred_at: order.updated_at,
    recorded_at: order.updated_at,
  };
}

/** Users see their own orders, movers all. */
function isVisible(order, caller) {
  return order && (caller.role !== 'user' || order.owner_id === caller.id);
}

function orderView(order, role) {
  return {
    id: order.id,
    owner: { id: order.owner_id, name: order.owner_name },
    status: order.status,
    version: order.version,
    title: order.title,
    description: order.description,
    reference: order.reference,
    recipient: { name: order.recipient_name, phone: order.recipient_phone },
    pickup_address: order.pickup_address,
    delivery_address: order.delivery_address,
    metadata: order.metadata,
    public_tracking: order.public_tracking,
    assignee: order.assignee_id && { id: order.assignee_id, name: order.assignee_name },
    due_at: formatTime(order.due_at),
    estimated_at: formatTime(order.estimated_at),
    created_at: formatTime(order.created_at),
    updated_at: formatTime(order.updated_at),
    completed_at: formatTime(order.completed_at),
    allowed: domain.allowedMoves(role, order),
    undo: null,
  };
}

function eventView(row) {
  return {
    order_id: row.order_id,
    version: row.version,
    previous_public_version: row.previous_public_version,
    public: row.public,
    type: row.type,
    status: row.status,
    reason: row.reason,
    message: row.message,
    note: row.note,
    location: row.location,
    estimated_at: formatTime(row.estimated_at),
    assignee: row.assignee_id && { id: row.assignee_id, name: row.assignee_name },
    changed: row.changed ? row.changed.split(',') : [],
    undoes: row.undoes,
    actor: { role: row.actor_role, name: row.actor_name },
    occurred_at: formatTime(row.occurred_at),
    recorded_at: formatTime(row.recorded_at),
  };
}

const sessionEnded = () => createError(401, 'The account is not active; log in again.', { code: 'session_ended' });
