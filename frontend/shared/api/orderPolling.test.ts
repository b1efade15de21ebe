import { QueryClient } from '@tanstack/react-query';
import { http, HttpResponse } from 'msw';
import { beforeEach, expect, test, vi } from 'vitest';
import { sampleEvent, sampleOrderWithEvents, sampleProblem } from '../testing/samples';
import { server } from '../testing/server';
import { getOrderQueryKey } from './generated/@tanstack/react-query.gen';
import type { Event, OrderWithEvents } from './generated/types.gen';
import type { Live, TopicListener } from './live';
import { followOrder, keepNewer } from './liveToCache';

const { id, ...order } = sampleOrderWithEvents();
const queryKey = getOrderQueryKey({ path: { order_id: id } });
let queries: QueryClient;
let listener: TopicListener<Event>;
/** What the server has, and what it was asked with. */
let now: OrderWithEvents;
let asked: (string | null)[];

beforeEach(() => {
  queries = new QueryClient();
  keepNewer(queries);
  queries.setQueryData(queryKey, { id, ...order });
  now = { id, ...order };
  asked = [];
  const subscribe = vi.fn((_, its: TopicListener<Event>) => ((listener = its), () => {}));
  followOrder({ subscribe } as unknown as Live, queries, id, 1);
  server.use(
    http.get('*/api/v1/orders/:id', ({ request }) => {
      const known = request.headers.get('If-None-Match');
      asked.push(known);
      const headers = { ETag: `"${now.version}"` };
      return known === headers.ETag ? new HttpResponse(null, { status: 304, headers }) : HttpResponse.json({ ...now }, { headers });
    }),
  );
});

const poll = () => listener.poll!(new AbortController().signal);
const held = () => queries.getQueryData<OrderWithEvents>(queryKey)!;

test('polls name the ETag that they hold; what is unchanged is not sent again', async () => {
  await poll();
  const before = held();
  await poll();
  expect(held()).toBe(before);
  now = { ...now, version: 2, status: 'started' };
  await poll();
  expect(held()).toMatchObject({ version: 2, status: 'started' });
  await poll();
  expect(asked).toEqual([null, '"1"', '"1"', '"2"']);
});

test('after an event, which cannot tell everything, the whole is read', async () => {
  await poll();
  now = { ...now, version: 2, status: 'started', allowed: ['in_progress'] };
  listener.onEvent(sampleEvent({ version: 2, type: 'order.status_changed', status: 'started' }));
  await poll();
  expect(asked).toEqual([null, null]);
  expect(held().allowed).toEqual(['in_progress']);
});

test('so it is when somebody has asked for it to be read again', async () => {
  await poll();
  await queries.invalidateQueries({ queryKey });
  await poll();
  expect(asked).toEqual([null, null]);
});

test('a server that is not well was not reached', async () => {
  const unwell = sampleProblem({ status: 503, code: 'database_unavailable' });
  server.use(http.get('*/api/v1/orders/:id', () => HttpResponse.json({ ...unwell }, { status: 503 })));
  await expect(poll()).rejects.toMatchObject({ code: 'database_unavailable' });
  expect(held()).toMatchObject(order);
});

test('a poll that takes too long is broken off', async () => {
  server.use(http.get('*/api/v1/orders/:id', () => new Promise(() => {})));
  const giveUp = new AbortController();
  const polling = listener.poll!(giveUp.signal);
  giveUp.abort();
  await expect(polling).rejects.toMatchObject({ name: 'AbortError' });
});
