import { sampleProblem } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { act, screen, waitFor, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { menuItem, moved, moveEvent, openApp, piano, sofa } from '../../../testing/app';

const card = (name: string) => screen.findByRole('article', { name });
const aMoment = () => act(() => new Promise((resolve) => setTimeout(resolve, 100)));

test('the one big button moves the order, saying what the mover saw, and can be taken back', async () => {
  const sent: unknown[] = [];
  const { person, held } = openApp({ orders: [sofa] });
  answer('POST /api/v1/orders/:order_id/events', ({ body }) => {
    sent.push(body);
    const order = body.undo ? { ...sofa, version: 3 } : moved(sofa, 'started');
    held.orders = [order];
    return { event: moveEvent(order), order };
  });

  await person.click(within(await card('Sofa, three seats')).getByRole('button', { name: 'Start' }));

  const started = await screen.findByRole('region', { name: /^Started/ });
  expect(await within(started).findByRole('article', { name: 'Sofa, three seats' })).toBeVisible();
  expect(sent).toEqual([{ status: 'started', expected_status: 'created' }]);

  const notice = await screen.findByRole('alert');
  expect(notice).toHaveTextContent('Sofa, three seats');
  expect(notice).toHaveTextContent('Now: Started');
  await person.click(within(notice).getByRole('button', { name: 'Undo' }));

  const created = await screen.findByRole('region', { name: /^Created/ });
  expect(await within(created).findByRole('article', { name: 'Sofa, three seats' })).toBeVisible();
  expect(sent[1]).toEqual({ undo: true, expected_status: 'started' });
});

test('a moved order is on the board all the time, whichever list is read first, and the focus goes with it', async () => {
  const { person, held } = openApp({ orders: [sofa] });
  let readStarted = () => {};
  const startedIsRead = new Promise<void>((resolve) => (readStarted = resolve));
  let readsOfCreated = 0;
  answer('GET /api/v1/orders', async ({ url }) => {
    const status = url.searchParams.get('status');
    const isMoved = held.orders[0]?.status === 'started';
    if (isMoved && status === 'started') await startedIsRead;
    if (isMoved && status === 'created') readsOfCreated++;
    return { data: held.orders.filter((order) => order.status === status), next_cursor: null };
  });
  answer('POST /api/v1/orders/:order_id/events', () => {
    const order = moved(sofa, 'started');
    held.orders = [order];
    return { event: moveEvent(order), order };
  });

  await person.click(within(await card('Sofa, three seats')).getByRole('button', { name: 'Start' }));
  await waitFor(() => expect(readsOfCreated).toBe(1));
  await aMoment();

  const started = screen.getByRole('region', { name: /^Started/ });
  expect(within(started).getByRole('article', { name: 'Sofa, three seats' })).toHaveFocus();
  readStarted();
  await aMoment();
  expect(within(started).getByRole('article', { name: 'Sofa, three seats' })).toHaveFocus();
});

test('after the last order of all, the focus is on the content', async () => {
  const { person, held } = openApp({ orders: [{ ...sofa, status: 'in_progress', allowed: ['completed'] }] });
  answer('POST /api/v1/orders/:order_id/events', () => {
    const order = moved(sofa, 'completed', []);
    held.orders = [order];
    return { event: moveEvent(order), order };
  });
  await person.click(within(await card('Sofa, three seats')).getByRole('button', { name: 'Complete' }));
  expect(await screen.findByRole('heading', { name: 'Nothing to move' })).toBeVisible();
  expect(screen.getByRole('main')).toHaveFocus();
});

test('the next likely move is whatever the server says first', async () => {
  openApp({ orders: [{ ...sofa, status: 'on_hold', allowed: ['cancelled', 'started'] }] });
  expect(within(await card('Sofa, three seats')).getByRole('button', { name: 'Cancel order…' })).toBeVisible();
});

test('On hold asks for a reason and sends it with the message', async () => {
  let sent: unknown;
  const { person, held } = openApp({ orders: [sofa] });
  answer('POST /api/v1/orders/:order_id/events', ({ body }) => {
    sent = body;
    const order = moved(sofa, 'on_hold', ['started']);
    held.orders = [order];
    return { event: moveEvent(order), order };
  });

  await person.click(await screen.findByRole('button', { name: 'More for Sofa, three seats' }));
  await person.click(await menuItem('On hold…'));
  const dialog = await screen.findByRole('dialog', { name: 'Put the order on hold' });
  expect(within(dialog).getByLabelText('Message')).toHaveAccessibleDescription('Everyone with the link sees it');
  expect(within(dialog).getByLabelText('Note')).toHaveAccessibleDescription('Only movers and the owner see it');

  await person.click(within(dialog).getByRole('button', { name: 'Put on hold' }));
  expect(await within(dialog).findByText('Please choose a reason')).toBeVisible();
  expect(sent).toBeUndefined();

  await person.click(within(dialog).getByRole('radio', { name: 'Nobody was there' }));
  await person.type(within(dialog).getByLabelText('Message'), 'We come again tomorrow');
  await person.click(within(dialog).getByRole('button', { name: 'Put on hold' }));
  await expect.poll(() => screen.queryByRole('dialog')).toBeNull();
  expect(sent).toEqual({
    status: 'on_hold',
    expected_status: 'created',
    reason: 'recipient_absent',
    message: 'We come again tomorrow',
  });
});

test('who is too late sees what the order is now', async () => {
  const { person, held } = openApp({ orders: [sofa] });
  const now = moved(sofa, 'in_progress', ['completed']);
  answer('POST /api/v1/orders/:order_id/events', () => {
    held.orders = [now];
    return sampleProblem({ status: 409, code: 'status_changed', order: now });
  });

  await person.click(within(await card('Sofa, three seats')).getByRole('button', { name: 'Start' }));

  expect(await screen.findByText(/Somebody was faster: the order is in progress now/i)).toBeVisible();
  const column = await screen.findByRole('region', { name: /^In progress/ });
  expect(await within(column).findByRole('button', { name: 'Complete' })).toBeVisible();
});

test('several orders are moved at once, and each result is shown', async () => {
  let sent: unknown;
  const { person } = openApp({ orders: [sofa, piano] });
  answer('POST /api/v1/events/batch', ({ body }) => {
    sent = body;
    const order = moved(sofa, 'started');
    const late = moved(piano, 'cancelled', []);
    return {
      results: [
        { status: 201, event: moveEvent(order), order },
        { status: 409, problem: sampleProblem({ status: 409, code: 'status_changed', order: late }) },
      ],
    };
  });

  await person.click(await screen.findByRole('button', { name: 'Select' }));
  await person.click(await screen.findByRole('checkbox', { name: 'Select Sofa, three seats' }));
  await person.click(screen.getByRole('checkbox', { name: 'Select Upright piano' }));
  const bar = screen.getByRole('region', { name: 'Selected orders' });
  expect(bar).toHaveTextContent('2 orders selected');
  await person.click(within(bar).getByRole('button', { name: 'Start' }));

  const dialog = await screen.findByRole('dialog', { name: '1 of 2 moved' });
  const [first, second] = within(dialog).getAllByRole('listitem');
  expect(first).toHaveTextContent(/Sofa.*Started/);
  expect(second).toHaveTextContent(/Upright piano.*the order is cancelled now/i);
  expect(sent).toEqual({
    items: [
      { order_id: sofa.id, status: 'started', expected_status: 'created' },
      { order_id: piano.id, status: 'started', expected_status: 'created' },
    ],
  });
});

test('a batch that is taken back says how many were', async () => {
  const { person } = openApp({ orders: [sofa, piano] });
  const both = [sofa, piano];
  answer('POST /api/v1/events/batch', ({ body }) => {
    const isUndo = (body.items as { undo?: true }[]).every(({ undo }) => undo);
    return {
      results: both.map((order, index) => {
        const problem = sampleProblem({ status: 409, code: 'undo_not_allowed' });
        if (isUndo && index === 1) return { status: 409, problem };
        const after = isUndo ? { ...order, version: 3 } : moved(order, 'started');
        return { status: 201, event: moveEvent(after), order: after };
      }),
    };
  });
  await person.click(await screen.findByRole('button', { name: 'Select' }));
  await person.click(screen.getByRole('button', { name: 'Select all' }));
  await person.click(within(screen.getByRole('region', { name: 'Selected orders' })).getByRole('button', { name: 'Start' }));
  const moves = await screen.findByRole('dialog', { name: '2 moved' });
  await person.click(within(moves).getByRole('button', { name: 'Take all 2 back' }));
  const undone = await screen.findByRole('dialog', { name: '1 of 2 taken back' });
  expect(within(undone).getByText("This can't be taken back any more.")).toBeVisible();
});

test('what is typed just before "Mine" is pressed is searched for among mine', async () => {
  const { person, asked } = openApp({ orders: [sofa] });
  await card('Sofa, three seats');
  await person.type(screen.getByRole('searchbox', { name: 'Search orders' }), 'sofa');
  await person.click(screen.getByRole('radio', { name: 'Mine' }));
  await waitFor(() => expect(asked.at(-1)?.searchParams.get('q')).toBe('sofa'));
  expect(asked.at(-1)?.searchParams.get('assignee')).toBe('me');
  expect(screen.getByRole('radio', { name: 'Mine' })).toBeChecked();
});

test('a board is not called empty before it was read', async () => {
  const { person } = openApp({ orders: [], at: '/?q=nothing' });
  expect(await screen.findByRole('heading', { name: 'No order fits' })).toBeVisible();
  let finish = () => {};
  answer('GET /api/v1/orders', async () => {
    await new Promise<void>((resolve) => (finish = resolve));
    return { data: [sofa], next_cursor: null };
  });
  await person.click(screen.getByRole('button', { name: 'Clear the filters' }));
  await waitFor(() => expect(screen.getByRole('searchbox', { name: 'Search orders' })).toHaveValue(''));
  expect(screen.queryByRole('heading', { name: /Nothing to move|No order fits/ })).toBeNull();
  finish();
});

test('more of a column that cannot be read is told, and can be tried again', async () => {
  const { person } = openApp({ at: '/?status=created' });
  answer('GET /api/v1/orders', ({ url }) =>
    url.searchParams.has('cursor')
      ? sampleProblem({ status: 503, code: 'database_unavailable' })
      : { data: [sofa], next_cursor: 'more' },
  );
  await person.click(await screen.findByRole('button', { name: 'Load more' }));
  expect(await screen.findByText(/catching its breath/)).toBeVisible();
  answer('GET /api/v1/orders', { data: [piano], next_cursor: null });
  await person.click(screen.getByRole('button', { name: 'Load more' }));
  await card('Upright piano');
  expect(screen.queryByText(/catching its breath/)).toBeNull();
});

test('filters come from the address and are asked of the server', async () => {
  const { asked } = openApp({ orders: [sofa], at: '/?status=created&whose=none&sort=due&q=sofa' });
  await card('Sofa, three seats');
  expect(screen.getByRole('searchbox', { name: 'Search orders' })).toHaveValue('sofa');
  expect(screen.getByRole('radio', { name: 'Unassigned' })).toBeChecked();
  expect(await screen.findByRole('link', { name: 'Created 1' })).toHaveAttribute('aria-current');
  expect(Object.fromEntries(asked[0]?.searchParams ?? [])).toEqual({
    status: 'created',
    assignee: 'none',
    sort: 'due',
    q: 'sofa',
  });
  expect(screen.queryByRole('region', { name: /^Started/ })).toBeNull();
});

test('"/" leads to the search, and an empty board says that there is nothing to do', async () => {
  const { person } = openApp({});
  expect(await screen.findByRole('heading', { name: 'Nothing to move' })).toBeVisible();
  await person.keyboard('/');
  expect(screen.getByRole('searchbox', { name: 'Search orders' })).toHaveFocus();
});

test('a board that cannot be read says so once, and can be tried again', async () => {
  const { person } = openApp({ orders: [sofa] });
  answer('GET /api/v1/orders', sampleProblem({ status: 503, code: 'database_unavailable' }));
  expect(await screen.findByText(/catching its breath/)).toBeVisible();
  answer('GET /api/v1/orders', { data: [sofa], next_cursor: null });
  await person.click(screen.getByRole('button', { name: 'Try again' }));
  expect(await card('Sofa, three seats')).toBeVisible();
});
