import { replaceEqualDeep, type QueryClient, type QueryFilters, type QueryKey } from '@tanstack/react-query';
import type { Event, Order, OrderPage, OrderWithEvents, Target } from './generated/types.gen';
import { getOrderQueryKey } from './generated/@tanstack/react-query.gen';
import { getOrder } from './generated/sdk.gen';
import type { Live } from './live';

/**
 * The one place where live events meet the query cache. What an event tells (status, version, estimate, assignee, the
 * entry itself) is written at once, so that everybody sees it the moment it happens; what it cannot tell (details,
 * what this account may do next) is then read again.
 */

/** Reads after events are gathered: a burst of moves causes one read, not one a move. */
const GATHER = 300;
const LIST_GATHER = 1_000;
/** By then, what was put into the cache is on the page. */
const SHOWN = 50;

/** Keeps one order and its history current. `version` is what the cache holds already. */
export function followOrder(live: Live, queries: QueryClient, orderId: string, version: number): () => void {
  const queryKey = getOrderQueryKey({ path: { order_id: orderId } });
  const readAgain = () => queries.invalidateQueries({ queryKey });
  const reads = gathered(queries, { queryKey }, GATHER);
  const apply = (event: Event) => {
    queries.setQueryData<OrderWithEvents>(queryKey, (order) => order && withEvent(order, event));
    reads.soon();
  };
  const stop = live.subscribe(
    `order:${orderId}`,
    {
      onSnapshot: ({ events, reset }) => {
        if (!reset) return events.forEach(apply);
        believeNext(queries, { queryKey });
        void readAgain();
      },
      onEvent: apply,
      onResync: readAgain,
      onError: readAgain,
      poll: pollOrder(queries, orderId),
    },
    version,
  );
  return () => {
    stop();
    void reads.stop();
  };
}

/** Keeps every list of orders, and the counts above it, current. `onEvent` lets an app announce what happened. */
export function followOrders(live: Live, queries: QueryClient, onEvent?: (event: Event) => void): () => void {
  const readAgain = () => queries.invalidateQueries(listsOfOrders);
  const reads = gathered(queries, listsOfOrders, LIST_GATHER);
  const stop = live.subscribe('orders', {
    onSnapshot: () => {
      // The line was lost, and who knows what happened to the server meanwhile.
      believeNext(queries, { predicate: ({ queryKey }) => idOf(queryKey) === 'listOrders' });
      void readAgain();
    },
    onResync: readAgain,
    onEvent: (event) => {
      queries.setQueriesData<ListData>({ predicate: ({ queryKey }) => idOf(queryKey) === 'listOrders' }, (list) =>
        list && mapOrders(list, (order) => (order.id === event.order_id ? afterEvent(order, event) : order)),
      );
      reads.soon();
      onEvent?.(event);
    },
    poll: (signal) => refetch(queries, listsOfOrders, signal),
  });
  return () => {
    stop();
    void reads.stop();
  };
}

/**
 * Reads an order by ETag. That of the last poll is good for as long as just what came with it is held: an event may have been
 * written into it since that could not tell everything. The answer is in no cache of the browser, so it is kept here.
 */
function pollOrder(queries: QueryClient, orderId: string) {
  const path = { order_id: orderId };
  const queryKey = getOrderQueryKey({ path });
  let polled: { order: OrderWithEvents | undefined; etag: string } | undefined;
  return async (signal: AbortSignal) => {
    const held = queries.getQueryState<OrderWithEvents>(queryKey);
    const isWhole = polled && held?.data === polled.order && !held?.isInvalidated;
    const headers = polled && isWhole ? { 'If-None-Match': polled.etag } : {};
    const { data, error, response } = await getOrder({ path, headers, signal });
    if (response?.status === 304) return;
    if (!data) throw error;
    queries.setQueryData(queryKey, data);
    const etag = response.headers.get('ETag');
    polled = etag ? { order: queries.getQueryData(queryKey), etag } : undefined;
  };
}

/** Lists have no ETag. */
async function refetch(queries: QueryClient, filters: QueryFilters, signal: AbortSignal) {
  const active: QueryFilters = { ...filters, type: 'active' };
  if (queries.getQueryCache().findAll(active).length === 0) return false;
  const stop = () => void queries.cancelQueries(filters);
  signal.addEventListener('abort', stop);
  try {
    return await queries.refetchQueries(active, { throwOnError: true });
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

/** Puts an order that the server just answered with everywhere it stands, and has the history read again. */
export function storeOrder(queries: QueryClient, order: Order, event?: Event | null) {
  put(queries, order, event);
  readListsOnceShown(queries);
}

/** The same for the answers to a batch, with one read of the lists for all of them. */
export function storeOrders(queries: QueryClient, orders: Order[]) {
  for (const order of orders) put(queries, order);
  readListsOnceShown(queries);
}

/** Whoever shows several lists has to see an order's new status before it is gone from the list of the old one. */
function readListsOnceShown(queries: QueryClient) {
  setTimeout(() => void queries.invalidateQueries(listsOfOrders), SHOWN);
}

function put(queries: QueryClient, order: Order, event?: Event | null) {
  const queryKey = getOrderQueryKey({ path: { order_id: order.id } });
  queries.setQueryData<OrderWithEvents>(queryKey, (held) => {
    if (!held || held.version > order.version) return held;
    return { ...order, events: event ? withEvent(held, event).events : held.events };
  });
  queries.setQueriesData<ListData>({ predicate: ({ queryKey }) => idOf(queryKey) === 'listOrders' }, (list) =>
    list && mapOrders(list, (held) => (held.id === order.id && held.version <= order.version ? order : held)),
  );
  if (!event) void queries.invalidateQueries({ queryKey });
}

/** Idempotent, since an event may come both as the answer to a request and over the socket. */
function withEvent(order: OrderWithEvents, event: Event): OrderWithEvents {
  if (order.events.some(({ version }) => version === event.version)) return order;
  const events = [...order.events, event].sort((a, b) => a.version - b.version).slice(-50);
  return { ...afterEvent(order, event), events };
}

function afterEvent<O extends Order>(order: O, event: Event): O {
  if (event.version <= order.version) return order;
  const { status, version, estimated_at, assignee } = event;
  const completed_at = status === 'completed' ? (order.completed_at ?? event.occurred_at) : null;
  const after = { ...order, status, version, estimated_at, assignee, completed_at, updated_at: event.recorded_at };
  if (status === order.status) return after;
  // What may follow is not known before it is read. No order moves to the status that it is in: the apps take an
  // `allowed` that names it for one of the status before.
  return { ...after, undo: null, allowed: [...order.allowed, status as Target] };
}

/** A read that was on its way while an event came is older than what is held; then what is held stays until the next one. */
export function keepNewer(queries: QueryClient) {
  const keep = <D>(choose: (held: D, read: D) => D) => ({
    structuralSharing: (held: unknown, read: unknown) => replaceEqualDeep(held, held ? choose(held as D, read as D) : read),
  });
  queries.setQueryDefaults([{ _id: 'getOrder' }], keep<OrderWithEvents>(newer));
  queries.setQueryDefaults(
    [{ _id: 'listOrders' }],
    keep<ListData>((held, read) => {
      const orders = new Map(ordersOf(held).map((order) => [order.id, order]));
      return mapOrders(read, (order) => newer(orders.get(order.id), order));
    }),
  );
}

function newer<O extends Order>(held: O | undefined, read: O): O {
  return held && held.id === read.id && held.version > read.version ? held : read;
}

/**
 * What is read next counts even if its version is lower than ours: the server may have been restored from a backup. Goes
 * past `setQueryData`, which keeps what is newer.
 */
function believeNext(queries: QueryClient, filters: QueryFilters) {
  const forget = <O extends Order>(order: O): O => ({ ...order, version: 0 });
  for (const query of queries.getQueryCache().findAll(filters)) {
    const data = query.state.data as OrderWithEvents | ListData | undefined;
    if (data) query.setState({ data: 'events' in data ? forget(data) : mapOrders(data, forget) });
  }
}

/** A list's query holds one page, or (read by "load more") several. */
type ListData = OrderPage | { pages: OrderPage[]; pageParams: unknown[] };

function mapOrders(list: ListData, change: (order: Order) => Order): ListData {
  const mapPage = (page: OrderPage) => ({ ...page, data: page.data.map(change) });
  return 'pages' in list ? { ...list, pages: list.pages.map(mapPage) } : mapPage(list);
}

function ordersOf(list: ListData): Order[] {
  return 'pages' in list ? list.pages.flatMap(({ data }) => data) : list.data;
}

function idOf(queryKey: QueryKey): unknown {
  return (queryKey[0] as { _id?: string } | undefined)?._id;
}

/** Every list, and the counts above it. */
export const listsOfOrders: QueryFilters = { predicate: ({ queryKey }) => ['listOrders', 'countOrders'].includes(String(idOf(queryKey))) };

/**
 * Reads a moment after the first of several events, and once more if others came while it was reading. It waits for each
 * read: asked again before it has come, the cache would break it off, and on a busy day no read would ever end.
 */
function gathered(queries: QueryClient, filters: QueryFilters, wait: number) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let reading: Promise<void> | undefined;
  let isBehind = false;
  let isOver = false;
  const soon = () => {
    isBehind = true;
    if (reading || isOver) return;
    timer ??= setTimeout(() => {
      timer = undefined;
      isBehind = false;
      reading = queries.invalidateQueries(filters).finally(() => {
        reading = undefined;
        if (isBehind) soon();
      });
    }, wait);
  };
  const stop = async () => {
    isOver = true;
    clearTimeout(timer);
    await reading;
    // The event's own data made it look as if just read; whoever comes next has to read the rest.
    if (isBehind) await queries.invalidateQueries({ ...filters, refetchType: 'none' });
  };
  return { soon, stop };
}
