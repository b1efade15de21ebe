import { render, screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { sampleEvent } from '../testing/samples';
import { History } from './History';

const moved = { type: 'order.status_changed', actor: { role: 'mover', name: 'Max' } } as const;

test('is an ordered list, newest first', () => {
  render(<History events={[sampleEvent(), sampleEvent({ ...moved, version: 2, status: 'started' })]} />);
  const list = screen.getByRole('list', { name: 'History' });
  expect(list.tagName).toBe('OL');
  const entries = within(list).getAllByRole('listitem');
  expect(entries[0]).toHaveTextContent('Started');
  expect(entries[0]).toHaveTextContent('by Max');
  expect(entries[1]).toHaveTextContent('Order created');
});

test('shows reason, message, place and note, and says whom the note is for', () => {
  const hold = { ...moved, status: 'on_hold', reason: 'recipient_absent', message: 'We come again', location: 'Porto' } as const;
  render(<History events={[sampleEvent({ ...hold, note: 'Dog' })]} />);
  for (const text of ['Nobody was there', 'We come again', 'Porto', 'Note for you and the movers']) {
    expect(screen.getByText(text)).toBeVisible();
  }
  expect(screen.getByText('Dog')).toBeVisible();
});

test('says what was taken back, changed, taken over and given back', () => {
  render(
    <History
      events={[
        sampleEvent({ ...moved, version: 2, status: 'in_progress', undoes: 1 }),
        sampleEvent({ version: 3, type: 'order.details_changed', changed: ['delivery_address', 'due_at'] }),
        sampleEvent({ version: 4, type: 'order.assignee_changed', assignee: { id: 'x', name: 'Max' } }),
        sampleEvent({ version: 5, type: 'order.assignee_changed' }),
      ]}
    />,
  );
  expect(screen.getByText('Taken back: In progress again')).toBeVisible();
  expect(screen.getByText('Details changed: delivery address, due time')).toBeVisible();
  expect(screen.getByText('Taken by Max')).toBeVisible();
  expect(screen.getByText('Given back, nobody has it now')).toBeVisible();
});

test('names an estimate where it changed, and not in every entry after', () => {
  const estimated_at = '2026-11-23T12:00:00Z';
  render(
    <History
      events={[
        sampleEvent({ ...moved, version: 2, status: 'started', estimated_at }),
        sampleEvent({ ...moved, version: 3, status: 'in_progress', estimated_at }),
      ]}
    />,
  );
  expect(screen.getAllByText(/Expected/)).toHaveLength(1);
});

test('a public event, which names nobody, is shown without a person', () => {
  const { actor, ...rest } = sampleEvent();
  expect(actor).toBeDefined();
  render(<History events={[rest]} />);
  expect(screen.getByText('Order created')).toBeVisible();
  expect(screen.queryByText(/^by/)).toBeNull();
});
