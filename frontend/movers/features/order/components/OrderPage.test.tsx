import { sampleEvent, sampleProblem } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { ana, moved, moveEvent, openApp, sofa } from '../../../testing/app';

test('the order is found however its ID is typed', async () => {
  openApp({ orders: [sofa], at: '/orders/7k3-m9q-2xtb' });
  expect(await screen.findByRole('heading', { level: 1, name: 'Sofa, three seats' })).toBeVisible();
  expect(screen.getByText('2 Hill St')).toBeVisible();
});

test('an ID that cannot be leads back to the board', async () => {
  openApp({ at: '/orders/what' });
  expect(await screen.findByRole('link', { name: 'To the board' })).toHaveAttribute('href', '/');
});

test('every move that is allowed has its button, and the newest one can be taken back', async () => {
  const sent: unknown[] = [];
  const started = moved(sofa, 'started');
  const { person, held } = openApp({ orders: [started], at: `/orders/${sofa.id}` });
  answer('POST /api/v1/orders/:order_id/events', ({ body }) => {
    sent.push(body);
    const order = { ...sofa, version: 3 };
    held.orders = [order];
    return { event: moveEvent(order), order };
  });
  const moves = within(await screen.findByRole('group', { name: 'Moves' }));
  for (const name of ['In progress', 'On hold…', 'Cancel order…']) expect(moves.getByRole('button', { name })).toBeVisible();

  await person.click(moves.getByRole('button', { name: 'Undo: Created again' }));
  expect(await moves.findByRole('button', { name: 'Start' })).toBeVisible();
  expect(sent).toEqual([{ undo: true, expected_status: 'started' }]);
});

test('the 15 minutes of an undo end while the page stands there', async () => {
  const late = { ...moved(sofa, 'started'), undo: { version: 2, status: 'created' as const, until: '2026-11-22T10:00:00Z' } };
  openApp({ orders: [late], at: `/orders/${sofa.id}` });
  const moves = within(await screen.findByRole('group', { name: 'Moves' }));
  expect(moves.queryByRole('button', { name: /^Undo/ })).toBeNull();
});

test('take it; what another took is theirs', async () => {
  let sent: unknown;
  const { person } = openApp({ orders: [sofa], at: `/orders/${sofa.id}` });
  answer('PUT /api/v1/orders/:order_id/assignee', ({ body }) => {
    sent = body;
    const order = { ...sofa, version: 2, assignee: ana };
    return { event: sampleEvent({ version: 2, type: 'order.assignee_changed', assignee: ana }), order };
  });
  await person.click(await screen.findByRole('button', { name: 'Take it' }));
  expect(await screen.findByText('Ana Silva (you)')).toBeVisible();
  expect(sent).toEqual({});
  expect(screen.getByRole('button', { name: 'Give it back' })).toBeVisible();
});

test('an order that somebody else took first says who has it', async () => {
  const max = { id: '01920000-0000-7000-8000-0000000000a2', name: 'Max' };
  const { person, held } = openApp({ orders: [sofa], at: `/orders/${sofa.id}` });
  answer('PUT /api/v1/orders/:order_id/assignee', () => {
    held.orders = [{ ...sofa, version: 2, assignee: max }];
    return sampleProblem({ status: 409, code: 'assignee_taken', assignee: max });
  });
  await person.click(await screen.findByRole('button', { name: 'Take it' }));
  expect(await screen.findByText('Max has this order.')).toBeVisible();
  expect(await screen.findByText('Only Max or an admin can hand it over.')).toBeVisible();
});

test.each(['completed', 'cancelled'] as const)('nobody takes, hands over or gives back what is %s', async (status) => {
  openApp({ orders: [{ ...sofa, status, assignee: ana, allowed: [] }], at: `/orders/${sofa.id}`, role: 'admin' });
  expect(await screen.findByText('Ana Silva (you)')).toBeVisible();
  expect(screen.queryByRole('button', { name: /^(Take|Hand over|Give)/ })).toBeNull();
});

test('an update is sent while a move is under way, and what was typed is not wiped by the answer', async () => {
  const sent: unknown[] = [];
  let answerMove = () => {};
  let answerNote = () => {};
  const { person } = openApp({ orders: [sofa], at: `/orders/${sofa.id}` });
  answer('POST /api/v1/orders/:order_id/events', async ({ body }) => {
    sent.push(body);
    if (body.status) {
      await new Promise<void>((resolve) => (answerMove = resolve));
      return { event: moveEvent(moved(sofa, 'started')), order: moved(sofa, 'started') };
    }
    await new Promise<void>((resolve) => (answerNote = resolve));
    const event = sampleEvent({ version: 3, type: 'order.noted', note: 'Ring twice', public: false });
    return { event, order: { ...moved(sofa, 'started'), version: 3 } };
  });
  await person.click(await screen.findByRole('button', { name: 'Start' }));
  await waitFor(() => expect(sent).toHaveLength(1));
  await person.type(screen.getByLabelText('Note'), 'Ring twice');
  await person.click(screen.getByRole('button', { name: 'Add' }));
  await waitFor(() => expect(sent).toEqual([{ status: 'started', expected_status: 'created' }, { note: 'Ring twice' }]));
  expect(screen.getByLabelText('Note')).toHaveValue('Ring twice');
  expect(screen.getByLabelText('Note')).toHaveAttribute('readonly');
  answerMove();
  answerNote();
  await waitFor(() => expect(screen.getByLabelText('Note')).toHaveValue(''));
  expect(screen.getByLabelText('Note')).not.toHaveAttribute('readonly');
});

test('an update says something, and goes to the history', async () => {
  let sent: unknown;
  const { person } = openApp({ orders: [sofa], at: `/orders/${sofa.id}` });
  answer('POST /api/v1/orders/:order_id/events', ({ body }) => {
    sent = body;
    const event = sampleEvent({ version: 2, type: 'order.noted', note: 'Ring twice', public: false });
    return { event, order: { ...sofa, version: 2 } };
  });
  await person.click(await screen.findByRole('button', { name: 'Add' }));
  expect(await screen.findByText('Write something, or name a place or an estimate')).toBeVisible();
  await person.type(screen.getByLabelText('Note'), ' Ring twice ');
  await person.click(screen.getByRole('button', { name: 'Add' }));
  expect(await within(screen.getByRole('list', { name: 'History' })).findByText('Ring twice')).toBeVisible();
  expect(sent).toEqual({ note: 'Ring twice' });
  expect(screen.getByLabelText('Note')).toHaveValue('');
});

test('entries older than the newest 50 are read when asked for', async () => {
  const events = [sampleEvent({ version: 3, type: 'order.noted', note: 'The newest' })];
  const order = { ...sofa, version: 3, events };
  const { person } = openApp({ orders: [order], at: `/orders/${sofa.id}` });
  answer('GET /api/v1/orders/:order_id/events', {
    data: [sampleEvent(), sampleEvent({ version: 2, type: 'order.noted', note: 'The older' }), ...events],
    next_cursor: null,
  });
  await person.click(await screen.findByRole('button', { name: 'Show 2 older entries' }));
  expect(await screen.findByText('The older')).toBeVisible();
  expect(screen.getByText('The newest')).toBeVisible();
  expect(screen.queryByRole('button', { name: /older/ })).toBeNull();
});
