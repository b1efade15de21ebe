import { act, render, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { sleepFor } from '../testing/sleep';
import { RelativeTime } from './Time';

beforeEach(() => void vi.useFakeTimers({ now: Date.now() }));
afterEach(() => void vi.useRealTimers());

const minutesFromNow = (minutes: number) => new Date(Date.now() + minutes * 60_000).toISOString();

test('times go on while one looks', () => {
  render(<RelativeTime time={minutesFromNow(-5)} />);
  expect(screen.getByText('5 minutes ago')).toBeVisible();
  act(() => void vi.advanceTimersByTime(2 * 60_000));
  expect(screen.getByText('7 minutes ago')).toBeVisible();
});

test('after a while without any time on the page, the next one is right at once', () => {
  const view = render(<RelativeTime time={minutesFromNow(-1)} />);
  view.unmount();
  vi.advanceTimersByTime(60 * 60_000);
  render(<RelativeTime time={minutesFromNow(-5)} />);
  expect(screen.getByText('5 minutes ago')).toBeVisible();
});

test('after a sleep the time is right within a second', () => {
  render(<RelativeTime time={minutesFromNow(-5)} />);
  sleepFor(3 * 3600_000);
  act(() => void vi.advanceTimersByTime(1_000));
  expect(screen.getByText('3 hours ago')).toBeVisible();
});
