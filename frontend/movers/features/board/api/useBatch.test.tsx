import { sampleOrder, sampleProblem } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { act, renderHook } from '@testing-library/react';
import type { ReactNode } from 'react';
import { expect, test } from 'vitest';
import { moved, moveEvent } from '../../../testing/app';
import { useBatch, type BatchResult } from './useBatch';

test('when the second part of a large batch fails, the results still say what the first has done', async () => {
  const orders = Array.from({ length: 201 }, (_, index) => sampleOrder({ id: String(index).padStart(10, '0') }));
  let requests = 0;
  answer('POST /api/v1/events/batch', () => {
    if (++requests === 2) return sampleProblem({ status: 503, code: 'overloaded' });
    const after = orders.slice(0, 200).map((order) => moved(order, 'started'));
    return { results: after.map((order) => ({ status: 201, event: moveEvent(order), order })) };
  });
  const queries = new QueryClient();
  const wrapper = ({ children }: { children: ReactNode }) => <QueryClientProvider client={queries}>{children}</QueryClientProvider>;
  const { result } = renderHook(useBatch, { wrapper });
  let results: BatchResult[] = [];
  await act(async () => void (results = await result.current.send(orders, { status: 'started' })));
  expect(results.slice(0, 200).every(({ order, problem }) => order.status === 'started' && !problem)).toBe(true);
  expect(results.slice(200)).toMatchObject([{ order: { status: 'created' }, problem: { code: 'overloaded' } }]);
});
