import { render, screen, within } from '@testing-library/react';
import { describe, expect, test } from 'vitest';
import type { Status } from '../api/generated/types.gen';
import { stepsOf } from './progress';
import { Stepper } from './Stepper';

const move = (status: Status, minute = 0, type = 'order.status_changed') => ({
  type,
  status,
  occurred_at: `2026-11-22T10:${String(minute).padStart(2, '0')}:00Z`,
});
const created = move('created', 0, 'order.created');

test('is an ordered list of four, of which one is the current step', () => {
  render(<Stepper status="started" events={[created, move('started', 5)]} />);
  const steps = within(screen.getByRole('list', { name: 'Progress' })).getAllByRole('listitem');
  expect(steps).toHaveLength(4);
  expect(steps.map((step) => step.getAttribute('aria-current'))).toEqual([null, 'step', null, null]);
  expect(steps[1]).toHaveTextContent('Started, now');
  expect(screen.queryAllByRole('button')).toEqual([]);
});

test('says when each step was reached', () => {
  render(<Stepper status="started" events={[created, move('started', 5)]} />);
  const times = screen.getAllByRole('time').map((time) => time.getAttribute('datetime'));
  expect(times).toEqual(['2026-11-22T10:00:00Z', '2026-11-22T10:05:00Z']);
});

describe('where an order is on its road', () => {
  const states = (status: Status, ...moves: ReturnType<typeof move>[]) =>
    stepsOf(status, [created, ...moves]).map(({ state }) => state);

  test.each<[string, string[], string[]]>([
    ['newly created', states('created'), ['current', 'ahead', 'ahead', 'ahead']],
    [
      'completed',
      states('completed', move('started'), move('in_progress'), move('completed')),
      ['done', 'done', 'done', 'done'],
    ],
    ['held where it was', states('on_hold', move('started'), move('on_hold')), ['done', 'held', 'ahead', 'ahead']],
    ['cancelled before it began', states('cancelled', move('cancelled')), ['cancelled', 'ahead', 'ahead', 'ahead']],
    [
      'completion taken back',
      states('in_progress', move('started'), move('in_progress'), move('completed'), move('in_progress')),
      ['done', 'done', 'current', 'ahead'],
    ],
    [
      'completion taken back, then held',
      states('on_hold', move('started'), move('in_progress'), move('completed'), move('in_progress'), move('on_hold')),
      ['done', 'done', 'held', 'ahead'],
    ],
  ])('%s', (_, found, expected) => expect(found).toEqual(expected));
});
