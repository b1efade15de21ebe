import type { QueryClient, QueryKey } from '@tanstack/react-query';
import type { Event, Order, OrderPage, OrderWithEvents } from './generated/types.gen';
import { getOrderQueryKey } from './generated/@tanstack/react-query.gen';
import type { Live } from './live';

/**
 * The one place where live events meet the query cache. What an event tells (status, version, estimate, assignee, the
 * entry itself) is written at once, so that everybody sees it the moment it happens; what it cannot tell (details,
 * what this account may do next) is then read again.
 */

/** Reads after events are gathered: a burst of moves causes one read, not one a move. */
const GATHER = 300;
const LIST_GATHER = 1_000;

/** Keeps one order and its history current. `version` is what the cache holds already. */
export function followOrder(live: Live, queries: QueryClient, orderId: string, version: number): () => void {
  const queryKey = getOrderQueryKey({ path: { order_id: orderId } });
  const readAgain = () => queries.invalidateQueries({ queryKey });
  const readSoon = gathered(GATHER, readAgain);
  const apply = (event: Event) => {
    queries.setQueryData<OrderWithEvents>(queryKey, (order) => order && withEvent(order, event));
    readSoon();
  };
  const stop = live.subscribe(
    `order:${orderId}`,
    {
      onSnapshot: ({ events, reset }) => (reset ? void readAgain() : events.forEach(apply)),
      onEvent: apply,
      onResync: readAgain,
      onError: readAgain,
      poll: () => queries.refetchQueries({ queryKey, type: 'active' }, { throwOnError: true }),
    },
    version,
  );
  return () => {
    stop();
    readSoon.cancel();
  };
}

/** Keeps every list of orders, and the counts above it, current. `onEvent` lets an app announce what happened. */
export function followOrders(live: Live, queries: QueryClient, onEvent?: (event: Event) => void): () => void {
  const readAgain = () => queries.invalidateQueries({ predicate: ({ queryKey }) => isListOfOrders(queryKey) });
  const readSoon = gathered(LIST_GATHER, readAgain);
  const stop = live.subscribe('orders', {
    onSnapshot: () => void readAgain(),
    onResync: readAgain,
    onEvent: (event) => {
      queries.setQueriesData<ListData>({ predicate: ({ queryKey }) => idOf(queryKey) === 'listOrders' }, (list) =>
        mapOrders(list, (order) => (order.id === event.order_id ? afterEvent(order, event) : order)),
      );
      readSoon();
      onEvent?.(event);
    },
    poll: () =>
      queries.refetchQueries({ type: 'active', predicate: ({ queryKey }) => isListOfOrders(queryKey) }, { throwOnError: true }),
  });
  return () => {
    stop();
    readSoon.cancel();
  };
}

/** Puts an order that the server just answered with everywhere it stands, and has the history read again. */
export function storeOrder(queries: QueryClient, order: Order, event?: Event | null) {
  put(queries, order, event);
  void queries.invalidateQueries({ predicate: ({ queryKey }) => isListOfOrders(queryKey) });
}

/** The same for the answers to a batch, with one read of the lists for all of them. */
export function storeOrders(queries: QueryClient, orders: Order[]) {
  for (const order of orders) put(queries, order);
  void queries.invalidateQueries({ predicate: ({ queryKey }) => isListOfOrders(queryKey) });
}

function put(queries: QueryClient, order: Order, event?: Event | null) {
  const queryKey = getOrderQueryKey({ path: { order_id: order.id } });
  queries.setQueryData<OrderWithEvents>(queryKey, (held) => {
    if (!held || held.version > order.version) return held;
    return { ...order, events: event ? withEvent(held, event).events : held.events };
  });
  queries.setQueriesData<ListData>({ predicate: ({ queryKey }) => idOf(queryKey) === 'listOrders' }, (list) =>
    mapOrders(list, (held) => (held.id === order.id && held.version <= order.version ? order : held)),
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
  return { ...order, status, version, estimated_at, assignee, completed_at, updated_at: event.recorded_at };
}

/** A list's query holds one page, or (read by "load more") several. */
type ListData = OrderPage | { pages: OrderPage[]; pageParams: unknown[] };

function mapOrders(list: ListData | undefined, change: (order: Order) => Order): ListData | undefined {
  if (!list) return list;
  const mapPage = (page: OrderPage) => ({ ...page, data: page.data.map(change) });
  return 'pages' in list ? { ...list, pages: list.pages.map(mapPage) } : mapPage(list);
}

function idOf(queryKey: QueryKey): unknown {
  return (queryKey[0] as { _id?: string } | undefined)?._id;
}

export function isListOfOrders(queryKey: QueryKey): boolean {
  return idOf(queryKey) === 'listOrders' || idOf(queryKey) === 'countOrders';
}

function gathered(wait: number, act: () => unknown) {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const call = () => {
    timer ??= setTimeout(() => {
      timer = undefined;
      act();
    }, wait);
  };
  call.cancel = () => clearTimeout(timer);
  return call;
}
