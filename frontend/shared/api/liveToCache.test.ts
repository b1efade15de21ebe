import { QueryClient } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { FakeSocket } from '../testing/fakeSocket';
import { sampleEvent, sampleOrder, sampleOrderWithEvents } from '../testing/samples';
import { getOrderQueryKey, listOrdersInfiniteQueryKey, listOrdersQueryKey } from './generated/@tanstack/react-query.gen';
import type { OrderPage, OrderWithEvents } from './generated/types.gen';
import { Live } from './live';
import { followOrder, followOrders, storeOrder } from './liveToCache';

const order = sampleOrder();
const detailKey = getOrderQueryKey({ path: { order_id: order.id } });
const started = sampleEvent({ version: 2, type: 'order.status_changed', status: 'started', recorded_at: '2026-11-22T11:00:00Z' });
let queries: QueryClient;
let live: Live;

beforeEach(async () => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  queries = new QueryClient();
  queries.setQueryData(detailKey, sampleOrderWithEvents());
  live = new Live({ url: 'ws://here', openSocket: FakeSocket.open });
  live.start();
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.last.accept();
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
});

const detail = () => queries.getQueryData<OrderWithEvents>(detailKey)!;
const says = (topic: string, event = started) => FakeSocket.last.says({ type: 'event', topic, event });

test('an event shows at once, and what it cannot tell is read soon after', async () => {
  const read = vi.spyOn(queries, 'invalidateQueries');
  followOrder(live, queries, order.id, 1);
  says(`order:${order.id}`);
  expect(detail()).toMatchObject({ status: 'started', version: 2, updated_at: started.recorded_at });
  expect(detail().events.map(({ version }) => version)).toEqual([1, 2]);
  expect(read).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(300);
  expect(read).toHaveBeenCalledExactlyOnceWith({ queryKey: detailKey });
});

test('the same event twice is one entry, and an old one changes no status', () => {
  followOrder(live, queries, order.id, 1);
  says(`order:${order.id}`);
  says(`order:${order.id}`);
  says(`order:${order.id}`, sampleEvent({ version: 1 }));
  expect(detail().events).toHaveLength(2);
  expect(detail().status).toBe('started');
});

test('a list shows the move in place, whether it is read by page or by "load more"', () => {
  const page: OrderPage = { data: [order, sampleOrder({ id: '0000000001' })], next_cursor: null };
  queries.setQueryData(listOrdersQueryKey(), page);
  queries.setQueryData(listOrdersInfiniteQueryKey(), { pages: [page], pageParams: [{}] });
  followOrders(live, queries);
  says('orders');
  const single = queries.getQueryData<OrderPage>(listOrdersQueryKey())!;
  const several = queries.getQueryData<{ pages: OrderPage[] }>(listOrdersInfiniteQueryKey())!;
  for (const shown of [single, several.pages[0]!]) {
    expect(shown.data.map(({ status }) => status)).toEqual(['started', 'created']);
  }
});

test('a burst of moves causes one read of the lists', async () => {
  const read = vi.spyOn(queries, 'invalidateQueries');
  const heard = vi.fn();
  followOrders(live, queries, heard);
  for (let version = 2; version < 50; version++) says('orders', sampleEvent({ version }));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(read).toHaveBeenCalledOnce();
  expect(heard).toHaveBeenCalledTimes(48);
});

test('the lists are read again after each subscription and on resync', () => {
  const read = vi.spyOn(queries, 'invalidateQueries');
  followOrders(live, queries);
  FakeSocket.last.says({ type: 'subscribed', topic: 'orders' });
  FakeSocket.last.says({ type: 'resync', topic: 'orders' });
  expect(read).toHaveBeenCalledTimes(2);
});

test('an answer that is older than what is held is dropped', () => {
  queries.setQueryData(detailKey, sampleOrderWithEvents({ version: 5, status: 'in_progress' }));
  storeOrder(queries, sampleOrder({ version: 4, status: 'started' }));
  expect(detail().status).toBe('in_progress');
});
