import { expect, test } from 'vitest';
import { relativeTime } from './time';

const now = new Date(2026, 10, 22, 12, 0).getTime();
const before = (minutes: number) => relativeTime(new Date(now - minutes * 60_000).toISOString(), now);

test.each([
  [0.2, 'just now'],
  [1, '1 minute ago'],
  [-5, 'in 5 minutes'],
  [60, '1 hour ago'],
  [24 * 60, 'yesterday'],
  [3 * 24 * 60, '3 days ago'],
])('%d minutes before is %j', (minutes, text) => expect(before(minutes)).toBe(text));

test('beyond a week the date says more', () => expect(before(10 * 24 * 60)).toMatch(/2026/));
