import { listOrdersInfiniteOptions, type Order, type Status } from '@shared/api';
import { keepPreviousData, useInfiniteQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { countsQuery, openStatuses, type BoardFilters } from './filters';

export interface Column {
  status: Status;
  orders: Order[];
  isPending: boolean;
  /** What is shown was asked for with other filters; the right one is on its way. */
  isOld: boolean;
  /** Null where there is something to show, even if reading it again failed. */
  error: unknown;
  retry: () => unknown;
  hasMore: boolean;
  isLoadingMore: boolean;
  /** Why no more of it came. */
  moreError: unknown;
  loadMore: () => unknown;
}

/** The columns that the filters ask for: one, or the four open ones. */
export function useColumns(filters: BoardFilters): Column[] {
  // A fixed number of queries, since hooks may not be called in a loop; those that nobody looks at are asleep.
  const lists = {
    created: useList('created', filters),
    started: useList('started', filters),
    in_progress: useList('in_progress', filters),
    on_hold: useList('on_hold', filters),
    completed: useList('completed', filters),
    cancelled: useList('cancelled', filters),
  };
  const shown = filters.status === 'open' ? openStatuses : [filters.status];
  const read = shown.flatMap((status) => lists[status].data?.pages.flatMap(({ data }) => data) ?? []);
  const orders = useWhileReading(newestOf(read), filters, shown.some((status) => lists[status].isFetching));
  return shown.map((status) => {
    const list = lists[status];
    return {
      status,
      orders: inOrder(orders.filter((order) => order.status === status), filters.sort),
      isPending: list.isPending,
      isOld: list.isPlaceholderData,
      error: list.data ? null : list.error,
      retry: list.refetch,
      hasMore: list.hasNextPage,
      isLoadingMore: list.isFetchingNextPage,
      moreError: list.isFetchNextPageError ? list.error : null,
      loadMore: list.fetchNextPage,
    };
  });
}

function useList(status: Status, filters: BoardFilters) {
  return useInfiniteQuery({
    ...listOrdersInfiniteOptions({ query: { ...countsQuery(filters), status: [status], sort: filters.sort } }),
    initialPageParam: {},
    getNextPageParam: (page) => page.next_cursor,
    enabled: filters.status === status || (filters.status === 'open' && openStatuses.includes(status)),
    // While filters change, what was there stays, dimmed, instead of jumping to a skeleton and back.
    placeholderData: keepPreviousData,
  });
}

/**
 * The lists are read side by side. An order that was moved is gone from one of them a moment before it is in the other, if that
 * one takes longer: until all are read it stays where it was seen last.
 */
function useWhileReading(read: Order[], filters: BoardFilters, isReading: boolean): Order[] {
  const [before, setBefore] = useState({ filters, orders: read });
  const orders = isReading && before.filters === filters ? newestOf([...read, ...before.orders]) : read;
  const isSame = orders.length === before.orders.length && orders.every((order, index) => order === before.orders[index]);
  if (!isSame || before.filters !== filters) setBefore({ filters, orders });
  return orders;
}

/**
 * An order that was just moved still stands in the list of the status that it left, with its new status. Taking all lists
 * together and sorting them by what the orders say now puts it in its new column at once.
 */
function newestOf(orders: Order[]): Order[] {
  const byId = new Map<string, Order>();
  for (const order of orders) {
    const held = byId.get(order.id);
    if (!held || order.version > held.version) byId.set(order.id, order);
  }
  return [...byId.values()];
}

/** As the server sorts; ties by ID, so that nothing jumps. */
function inOrder(orders: Order[], sort: BoardFilters['sort']): Order[] {
  const newestFirst = (a: Order, b: Order) => b.created_at.localeCompare(a.created_at) || b.id.localeCompare(a.id);
  const dueFirst = (a: Order, b: Order) =>
    (a.due_at ? Date.parse(a.due_at) : Infinity) - (b.due_at ? Date.parse(b.due_at) : Infinity) || newestFirst(a, b);
  return orders.sort(sort === 'due' ? (a, b) => (a.due_at || b.due_at ? dueFirst(a, b) : newestFirst(a, b)) : newestFirst);
}
