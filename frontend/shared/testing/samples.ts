import type { Account, Event, Order, OrderWithEvents, Problem, SignedIn } from '../api/generated/types.gen';

/** Samples of what the server answers, complete, so that a test names only what it is about. */

const uma = { id: '01920000-0000-7000-8000-000000000001', name: 'Uma' };

export function sampleAccount(over: Partial<Account> = {}): Account {
  return { ...uma, realm: 'users', role: 'user', email: 'uma@shop.example', created_at: '2026-11-01T08:00:00Z', ...over };
}

export function sampleSignedIn(over: Partial<SignedIn> = {}): SignedIn {
  return { account: sampleAccount(), access_token: 'token-1', expires_in: 600, token_type: 'Bearer', ...over };
}

export function sampleOrder(over: Partial<Order> = {}): Order {
  return {
    id: '7K3M9Q2XTB',
    owner: uma,
    status: 'created',
    version: 1,
    title: 'Sofa, three seats',
    description: null,
    reference: 'PO-1881',
    recipient: { name: 'Ana Lima', phone: null },
    pickup_address: '1 Dock Rd',
    delivery_address: '2 Hill St',
    metadata: { floor: '3' },
    public_tracking: true,
    assignee: null,
    due_at: null,
    estimated_at: null,
    created_at: '2026-11-22T10:00:00Z',
    updated_at: '2026-11-22T10:00:00Z',
    completed_at: null,
    allowed: ['cancelled'],
    undo: null,
    ...over,
  };
}

export function sampleEvent(over: Partial<Event> = {}): Event {
  return {
    order_id: '7K3M9Q2XTB',
    version: 1,
    previous_public_version: null,
    public: true,
    type: 'order.created',
    status: 'created',
    reason: null,
    message: null,
    note: null,
    location: null,
    estimated_at: null,
    assignee: null,
    changed: [],
    undoes: null,
    actor: { role: 'user', name: 'Uma' },
    occurred_at: '2026-11-22T10:00:00Z',
    recorded_at: '2026-11-22T10:00:00Z',
    ...over,
  };
}

export function sampleOrderWithEvents(over: Partial<OrderWithEvents> = {}): OrderWithEvents {
  return { ...sampleOrder(), events: [sampleEvent()], ...over };
}

export function sampleProblem(over: Partial<Problem> = {}): Problem {
  return {
    type: 'about:blank',
    title: 'Unprocessable',
    status: 422,
    detail: 'The request is understood and wrong.',
    code: 'validation_failed',
    request_id: 'req-1',
    ...over,
  };
}
