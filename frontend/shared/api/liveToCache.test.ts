import { QueryClient, QueryObserver, type QueryFunctionContext } from '@tanstack/react-query';
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest';
import { failToConnect, FakeSocket } from '../testing/fakeSocket';
import { sampleEvent, sampleOrder, sampleOrderWithEvents } from '../testing/samples';
import { getOrderQueryKey, listOrdersInfiniteQueryKey, listOrdersQueryKey } from './generated/@tanstack/react-query.gen';
import type { OrderPage, OrderWithEvents } from './generated/types.gen';
import { Live } from './live';
import { followOrder, followOrders, keepNewer, storeOrder } from './liveToCache';

const order = sampleOrder();
const detailKey = getOrderQueryKey({ path: { order_id: order.id } });
const started = sampleEvent({ version: 2, type: 'order.status_changed', status: 'started', recorded_at: '2026-11-22T11:00:00Z' });
let queries: QueryClient;
let live: Live;

beforeEach(async () => {
  vi.useFakeTimers();
  FakeSocket.all = [];
  queries = new QueryClient();
  keepNewer(queries);
  queries.setQueryData(detailKey, sampleOrderWithEvents());
  live = new Live({ url: 'ws://here', openSocket: FakeSocket.open });
  live.start();
  await vi.advanceTimersByTimeAsync(0);
  FakeSocket.last.accept();
});

afterEach(() => {
  live.stop();
  vi.useRealTimers();
  vi.restoreAllMocks();
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

test('a poll of the lists reads what is looked at, and breaks off what takes too long', async () => {
  queries.setQueryData<OrderPage>(listOrdersQueryKey(), { data: [order], next_cursor: null });
  const signals: AbortSignal[] = [];
  const queryFn = ({ signal }: QueryFunctionContext) => (signals.push(signal), new Promise<OrderPage>(() => {}));
  onTestFinished(new QueryObserver(queries, { queryKey: listOrdersQueryKey(), queryFn, staleTime: Infinity }).subscribe(() => undefined));
  followOrders(live, queries);
  // No socket can be had any more: after three failures it polls.
  vi.spyOn(Math, 'random').mockReturnValue(1);
  await failToConnect(4);
  await vi.advanceTimersByTimeAsync(0);
  expect(signals).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(10_000);
  expect(signals[0]!.aborted).toBe(true);
});

test('an answer that is older than what is held is dropped', () => {
  queries.setQueryData(detailKey, sampleOrderWithEvents({ version: 5, status: 'in_progress' }));
  storeOrder(queries, sampleOrder({ version: 4, status: 'started' }));
  expect(detail().status).toBe('in_progress');
});

test('after a move, what could follow before is marked as such, and the undo of the move before is gone', () => {
  const undo = { version: 2, status: 'created', until: null } as const;
  queries.setQueryData(detailKey, sampleOrderWithEvents({ status: 'started', version: 2, allowed: ['in_progress'], undo }));
  followOrder(live, queries, order.id, 2);
  says(`order:${order.id}`, sampleEvent({ version: 3, status: 'started', note: 'Dog' }));
  expect(detail()).toMatchObject({ allowed: ['in_progress'], undo });
  // A mover took it back: nothing in `allowed` of "started" would tell.
  says(`order:${order.id}`, sampleEvent({ version: 4, type: 'order.status_changed', status: 'created', undoes: 2 }));
  expect(detail().undo).toBeNull();
  expect(detail().allowed).toContain('created');
});

/** Reads by hand: each waits until the test answers. */
function slowReads<T>(queryKey: readonly unknown[]) {
  const asked: ((data: T) => void)[] = [];
  const queryFn = ({ signal }: QueryFunctionContext) => {
    // Who takes the signal is broken off when nobody looks any more, as the generated reads are.
    signal.throwIfAborted();
    return new Promise<T>((resolve) => asked.push(resolve));
  };
  const leave = new QueryObserver(queries, { queryKey, queryFn, staleTime: Infinity }).subscribe(() => undefined);
  onTestFinished(leave);
  const settle = async (answer: T) => {
    asked.at(-1)!(answer);
    await vi.advanceTimersByTimeAsync(0);
  };
  return { asked, settle, leave };
}

test('reads that are slower than the events come to an end, and are repeated for what came meanwhile', async () => {
  queries.setQueryData<OrderPage>(listOrdersQueryKey(), { data: [order], next_cursor: null });
  const reads = slowReads<OrderPage>(listOrdersQueryKey());
  followOrders(live, queries);
  for (let version = 2; version < 7; version++) {
    says('orders', { ...started, version });
    await vi.advanceTimersByTimeAsync(1_000);
  }
  expect(reads.asked).toHaveLength(1);
  await reads.settle({ data: [sampleOrder({ version: 2, title: 'Sofa, red' })], next_cursor: null });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(reads.asked).toHaveLength(2);
  await reads.settle({ data: [sampleOrder({ version: 6, title: 'Sofa, red', status: 'started' })], next_cursor: null });
  await vi.advanceTimersByTimeAsync(5_000);
  expect(reads.asked).toHaveLength(2);
  expect(queries.getQueryData<OrderPage>(listOrdersQueryKey())!.data[0]).toMatchObject({ title: 'Sofa, red', version: 6 });
});

test('a read that was begun before an event does not take it back', async () => {
  const page: OrderPage = { data: [order], next_cursor: null };
  queries.setQueryData(listOrdersQueryKey(), page);
  const [one, list] = [slowReads<OrderWithEvents>(detailKey), slowReads<OrderPage>(listOrdersQueryKey())];
  followOrder(live, queries, order.id, 1);
  followOrders(live, queries);
  void queries.invalidateQueries();
  says(`order:${order.id}`);
  says('orders');
  await one.settle(sampleOrderWithEvents());
  await list.settle(page);
  expect(detail()).toMatchObject({ version: 2, status: 'started' });
  expect(queries.getQueryData<OrderPage>(listOrdersQueryKey())!.data[0]!.status).toBe('started');
});

test('a server that was restored from a backup is believed', async () => {
  queries.setQueryData(detailKey, sampleOrderWithEvents({ version: 9, status: 'completed' }));
  queries.setQueryData<OrderPage>(listOrdersQueryKey(), { data: [sampleOrder({ version: 9 })], next_cursor: null });
  const [one, list] = [slowReads<OrderWithEvents>(detailKey), slowReads<OrderPage>(listOrdersQueryKey())];
  followOrder(live, queries, order.id, 9);
  followOrders(live, queries);
  FakeSocket.last.says({ type: 'subscribed', topic: `order:${order.id}`, version: 4, events: [], reset: true });
  FakeSocket.last.says({ type: 'subscribed', topic: 'orders' });
  await one.settle(sampleOrderWithEvents({ version: 4 }));
  await list.settle({ data: [sampleOrder({ version: 4 })], next_cursor: null });
  expect(detail()).toMatchObject({ version: 4, status: 'created' });
  expect(queries.getQueryData<OrderPage>(listOrdersQueryKey())!.data[0]!.version).toBe(4);
});

test.each([
  ['before it is read again', 100],
  ['while it is read again', 400],
])('an order that one leaves %s is read by the next visit', async (_, after) => {
  const reads = slowReads<OrderWithEvents>(detailKey);
  const stop = followOrder(live, queries, order.id, 1);
  says(`order:${order.id}`);
  await vi.advanceTimersByTimeAsync(after);
  says(`order:${order.id}`, { ...started, version: 3 });
  reads.leave();
  stop();
  await vi.advanceTimersByTimeAsync(0);
  expect(queries.getQueryState(detailKey)!.isInvalidated).toBe(true);
  expect(detail().version).toBe(3);
});
