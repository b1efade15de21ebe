import { act, renderHook } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { Event } from '../api/generated/types.gen';
import { sampleEvent, sampleOrderWithEvents } from '../testing/samples';
import { answer } from '../testing/server';
import { useWholeHistory } from './wholeHistory';

/** The order as it is read when it has that many events: with the newest 50. */
function orderOf(version: number) {
  return sampleOrderWithEvents({ version, events: eventsOf(Math.max(1, version - 49), version) });
}

function eventsOf(first: number, last: number): Event[] {
  return Array.from({ length: last - first + 1 }, (_, index) => sampleEvent({ version: first + index }));
}

/** The server, which has that many events; says after which ones it was asked. */
function serve(version: number) {
  const asked: number[] = [];
  answer('GET /api/v1/orders/:order_id/events', ({ url }) => {
    const after = Number(url.searchParams.get('after'));
    asked.push(after);
    const last = Math.min(after + 100, version);
    return { data: eventsOf(after + 1, last), next_cursor: last < version ? String(last) : null };
  });
  return asked;
}

const show = (version: number) => renderHook(useWholeHistory, { initialProps: orderOf(version) });
const versions = (events: Event[]) => events.map(({ version }) => version);
const upTo = (version: number) => Array.from({ length: version }, (_, index) => index + 1);

test('a short history misses nothing', () => {
  expect(show(7).result.current).toMatchObject({ missing: 0, events: { length: 7 } });
});

test('what is missing is read, page by page, and stays joined to what comes', async () => {
  const asked = serve(270);
  const { result, rerender } = show(270);
  expect(result.current.missing).toBe(220);
  await act(result.current.load);
  expect(asked).toEqual([0, 100, 200]);
  expect(versions(result.current.events)).toEqual(upTo(270));

  for (let version = 271; version <= 330; version++) rerender(orderOf(version));
  expect(versions(result.current.events)).toEqual(upTo(330));
  expect(result.current.missing).toBe(0);
});

test('after a hole only what comes behind it is shown, and reading fills it', async () => {
  serve(60);
  const { result, rerender } = show(60);
  await act(result.current.load);
  rerender(orderOf(200));
  expect(versions(result.current.events)).toEqual(upTo(200).slice(150));
  expect(result.current.missing).toBe(150);

  const asked = serve(200);
  await act(result.current.load);
  expect(asked).toEqual([60]);
  expect(versions(result.current.events)).toEqual(upTo(200));
});

test('a read that fails can be tried again', async () => {
  answer('GET /api/v1/orders/:order_id/events', { status: 503, code: 'overloaded', title: '', detail: '', type: '', request_id: '' });
  const { result } = show(60);
  await act(async () => expect(result.current.load()).rejects.toMatchObject({ code: 'overloaded' }));
  expect(result.current).toMatchObject({ missing: 10, isLoading: false });
});
