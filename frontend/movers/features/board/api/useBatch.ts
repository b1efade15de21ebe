import { addEvents, ProblemError, type BatchItem, type Order, type Problem } from '@shared/api';
import { storeOrders } from '@shared/api/liveToCache';
import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

/** The contract's limit for one request. */
const AT_ONCE = 200;

export interface BatchResult {
  order: Order;
  /** Absent: it went well, and `order` is as it is now. */
  problem?: Error;
}

/**
 * One event for each of several orders. Whatever part of it fails, the results say which; only when the first request gets
 * no answer is there nothing to say, and that is an error.
 */
export function useBatch() {
  const queries = useQueryClient();
  const [isSending, setIsSending] = useState(false);

  const send = async (orders: Order[], event: Omit<BatchItem, 'order_id' | 'expected_status'>): Promise<BatchResult[]> => {
    setIsSending(true);
    try {
      const results: BatchResult[] = [];
      for (let start = 0; start < orders.length; start += AT_ONCE) {
        const some = orders.slice(start, start + AT_ONCE);
        try {
          results.push(...(await sendSome(some, event)));
        } catch (error) {
          if (start === 0) throw error;
          // What went before is done; the rest would hardly fare better.
          results.push(...orders.slice(start).map((order) => ({ order, problem: error as Error })));
          break;
        }
      }
      storeOrders(queries, results.map(({ order }) => order));
      return results;
    } finally {
      setIsSending(false);
    }
  };
  return { send, isSending };
}

async function sendSome(orders: Order[], event: Omit<BatchItem, 'order_id' | 'expected_status'>): Promise<BatchResult[]> {
  const items = orders.map((order) => ({ ...event, order_id: order.id, expected_status: order.status }));
  const { data } = await addEvents({ body: { items }, throwOnError: true });
  return orders.map((order, index) => {
    const result = data.results[index];
    if (result && 'order' in result) return { order: result.order };
    const problem = new ProblemError(result ? result.problem : unanswered);
    return { order: problem.order ?? order, problem };
  });
}

/** Results come one an item; should one be missing, that order is not taken for moved. */
const unanswered: Problem = {
  type: 'about:blank',
  title: 'No result',
  status: 500,
  detail: 'The server gave no result for this order.',
  code: 'internal',
  request_id: '–',
};
