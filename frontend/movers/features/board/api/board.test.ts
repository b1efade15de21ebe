import { expect, test } from 'vitest';
import { piano, sofa } from '../../../testing/app';
import { noFilters, readFilters, writeFilters } from './filters';
import { movesOf } from './selection';

test('the address holds only what differs from the plain board, and gives it back', () => {
  const filters = { ...noFilters, status: 'on_hold' as const, q: 'sofa & chair' };
  expect(writeFilters(filters).toString()).toBe('status=on_hold&q=sofa+%26+chair');
  expect(readFilters(writeFilters(filters))).toEqual(filters);
});

test('what makes no sense in an address is as if it were not there', () => {
  expect(readFilters(new URLSearchParams('status=lost&whose=nobody&sort=3'))).toEqual(noFilters);
});

test('a selection offers moves along the road first, each with the orders it suits', () => {
  const started = { ...piano, status: 'started' as const, allowed: ['in_progress' as const, 'on_hold' as const] };
  expect(movesOf([sofa, started]).map(({ target, orders }) => [target, orders.length])).toEqual([
    ['started', 1],
    ['in_progress', 1],
    ['on_hold', 2],
    ['cancelled', 1],
  ]);
});

test('an order whose moves are being asked for offers none', () => {
  expect(movesOf([{ ...sofa, status: 'started' }])).toEqual([]);
});
