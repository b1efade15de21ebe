import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { http, HttpResponse } from 'msw';
import { beforeEach, expect, test, vi } from 'vitest';
import type { PublicOrder } from '@shared/api/generated/types.gen';
import { FakeSocket } from '@shared/testing/fakeSocket';
import { sampleProblem } from '@shared/testing/samples';
import { answer, server } from '@shared/testing/server';
import { App } from './App';

const created = {
  version: 1,
  previous_version: null,
  type: 'order.created',
  status: 'created',
  reason: null,
  message: null,
  location: null,
  estimated_at: null,
  occurred_at: '2026-11-22T10:00:00Z',
} as const;
const order: PublicOrder = {
  order_id: '7K3M9Q2XTB',
  status: 'created',
  version: 1,
  created_at: created.occurred_at,
  updated_at: created.occurred_at,
  due_at: null,
  estimated_at: null,
  completed_at: null,
  events: [created],
};
const started = { ...created, version: 3, previous_version: 1, type: 'order.status_changed', status: 'started' };

beforeEach(() => {
  FakeSocket.all = [];
  vi.stubGlobal('WebSocket', FakeSocket);
  return () => vi.unstubAllGlobals();
});

function openAt(path: string) {
  window.history.replaceState(null, '', path);
  render(<App />);
}

const heading = (name: string) => screen.findByRole('heading', { level: 1, name });

test('shows the status and follows it live, from the version that was read', async () => {
  answer('GET /api/v1/track/:order_id', order);
  openAt('/t/7k3-m9q-2xtb');
  await heading('Created');
  expect(window.location.pathname).toBe('/t/7K3M9Q2XTB');
  expect(document.title).toBe('Created · 7K3 M9Q 2XTB · Order Tracker');

  act(() => FakeSocket.last.accept());
  expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic: 'track:7K3M9Q2XTB', after: 1 }]);
  expect(screen.getByText('Live')).toBeVisible();
  act(() => FakeSocket.last.says({ type: 'event', topic: 'track:7K3M9Q2XTB', event: started }));
  await heading('Started');
  expect(screen.getAllByRole('list', { name: 'History' })[0]).toHaveTextContent('Started');
  // Said aloud, too.
  expect(screen.getAllByRole('status').some((region) => region.textContent === 'Started')).toBe(true);
});

test('who goes to the skip link while the order loads still has the focus there when it comes', async () => {
  let goOn = () => {};
  const mayAnswer = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  server.use(
    http.get('*/api/v1/track/:id', async () => {
      await mayAnswer;
      return HttpResponse.json(order);
    }),
  );
  openAt('/t/7K3M9Q2XTB');
  await userEvent.tab();
  expect(screen.getByRole('link', { name: 'Skip to the content' })).toHaveFocus();
  goOn();
  await heading('Created');
  expect(screen.getByRole('link', { name: 'Skip to the content' })).toHaveFocus();
});

test('an event that is known already changes nothing', async () => {
  answer('GET /api/v1/track/:order_id', order);
  openAt('/t/7K3M9Q2XTB');
  await heading('Created');
  act(() => {
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic: 'track:7K3M9Q2XTB', version: 1, events: [created] });
  });
  expect(screen.getAllByText('Order created')).toHaveLength(1);
});

test('polls with the ETag when sockets are blocked', async () => {
  const asked: (string | null)[] = [];
  server.use(
    http.get('*/api/v1/track/:id', ({ request }) => {
      asked.push(request.headers.get('If-None-Match'));
      if (asked.length === 2) return new HttpResponse(null, { status: 304 });
      const now = asked.length === 1 ? order : { ...order, status: 'started', version: 3, events: [created, started] };
      return HttpResponse.json(now as PublicOrder, { headers: { ETag: `"${asked.length}"` } });
    }),
  );
  vi.spyOn(Math, 'random').mockReturnValue(0);
  vi.stubGlobal(
    'WebSocket',
    class extends FakeSocket {
      constructor(url: string) {
        super(url);
        setTimeout(() => this.ends(), 0);
      }
    },
  );
  openAt('/t/7K3M9Q2XTB');
  await heading('Created');
  expect(await screen.findByText('Checking regularly')).toBeVisible();
  await screen.findByRole('heading', { level: 1, name: 'Started' }, { timeout: 12_000 });
  expect(asked.slice(0, 3)).toEqual([null, '"1"', '"1"']);
  vi.restoreAllMocks();
}, 15_000);

test('what could not be read is read as soon as the line is there', async () => {
  answer('GET /api/v1/track/:order_id', sampleProblem({ status: 503, code: 'database_unavailable' }));
  openAt('/t/7K3M9Q2XTB');
  await heading('No answer');
  answer('GET /api/v1/track/:order_id', order);
  act(() => FakeSocket.last.accept());
  // By itself it would be read again only after four seconds.
  await screen.findByRole('heading', { level: 1, name: 'Created' }, { timeout: 3_000 });
});

test('an ID that shows nothing says so, and asks for another', async () => {
  answer('GET /api/v1/track/:order_id', sampleProblem({ status: 404, code: 'not_found' }));
  openAt('/t/7K3M9Q2XTB');
  await heading('No such order');
  expect(screen.getByRole('textbox', { name: 'Order ID' })).toHaveValue('7K3 M9Q 2XTB');

  answer('GET /api/v1/track/:order_id', { ...order, order_id: '0123456789' });
  const person = userEvent.setup();
  await person.clear(screen.getByRole('textbox', { name: 'Order ID' }));
  await person.type(screen.getByRole('textbox', { name: 'Order ID' }), 'OI2-345 6789');
  await person.click(screen.getByRole('button', { name: 'Track' }));
  await heading('Created');
  expect(window.location.pathname).toBe('/t/0123456789');
});

test('the same ID may be asked for again, and is followed when it is found', async () => {
  answer('GET /api/v1/track/:order_id', sampleProblem({ status: 404, code: 'not_found' }));
  openAt('/t/7K3M9Q2XTB');
  await heading('No such order');
  const entries = window.history.length;
  const person = userEvent.setup();
  await person.click(screen.getByRole('button', { name: 'Track' }));
  expect(await heading('No such order')).toHaveFocus();

  answer('GET /api/v1/track/:order_id', order);
  await person.click(screen.getByRole('button', { name: 'Track' }));
  await heading('Created');
  expect(window.history.length).toBe(entries);
  act(() => FakeSocket.last.accept());
  expect(FakeSocket.last.sent).toEqual([{ type: 'subscribe', topic: 'track:7K3M9Q2XTB', after: 1 }]);
});

test('a history that was rewritten takes the place of the one before, and goes on from there', async () => {
  answer('GET /api/v1/track/:order_id', { ...order, status: 'completed', version: 9, events: [created, { ...created, version: 9, status: 'completed', type: 'order.status_changed' }] });
  openAt('/t/7K3M9Q2XTB');
  await heading('Completed');
  const topic = 'track:7K3M9Q2XTB';
  act(() => {
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'subscribed', topic, version: 3, events: [created, started], reset: true });
  });
  await heading('Started');
  expect(screen.getAllByText('Order created')).toHaveLength(1);
  act(() => FakeSocket.last.says({ type: 'event', topic, event: { ...started, version: 4, previous_version: 3, status: 'in_progress' } }));
  await heading('In progress');
});

test('tracking that is switched off while one looks', async () => {
  answer('GET /api/v1/track/:order_id', order);
  openAt('/t/7K3M9Q2XTB');
  await heading('Created');
  act(() => {
    FakeSocket.last.accept();
    FakeSocket.last.says({ type: 'gone', topic: 'track:7K3M9Q2XTB' });
  });
  await heading('No such order');
});

test('/t/ alone is the field; what can be no ID is said there', async () => {
  openAt('/t/');
  await heading('Where is your order?');
  const person = userEvent.setup();
  await person.type(screen.getByRole('textbox', { name: 'Order ID' }), 'too short');
  await person.click(screen.getByRole('button', { name: 'Track' }));
  expect(screen.getByRole('alert')).toHaveTextContent('ten letters and digits');
  expect(screen.getByRole('textbox', { name: 'Order ID' })).toHaveFocus();
});
