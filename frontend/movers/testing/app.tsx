import { notifications } from '@mantine/notifications';
import type { Order, Target } from '@shared/api';
import { renderApp } from '@shared/testing/render';
import { sampleAccount, sampleEvent, sampleOrder, sampleOrderWithEvents, sampleSignedIn } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { screen } from '@testing-library/react';
import { MoversRoutes } from '../routes';
// What the app loads late is loaded here before a test's clock runs.
import '../MoversShell';
import '../features/board/components/BatchResults';
import '../features/board/components/BoardPage';
import '../features/moves/components/MoveDialog';
import '../features/order/components/HandOverDialog';
import '../features/order/components/OrderPage';
import '../features/palette/components/Palette';
import '../features/people/components/PeoplePage';
import '@shared/auth/SignedIn';
import texts from '../texts.en.json';

export const ana = { id: '01920000-0000-7000-8000-0000000000a1', name: 'Ana Silva' };

export const sofa = sampleOrder({ allowed: ['started', 'on_hold', 'cancelled'] });
export const piano = sampleOrder({
  id: '8N4P0R3YVC',
  title: 'Upright piano',
  reference: null,
  created_at: '2026-11-22T09:00:00Z',
  allowed: ['started', 'on_hold', 'cancelled'],
});

/** The order after a move, as the server would answer: what may follow is whatever the test says. */
export function moved(order: Order, status: Order['status'], allowed: Target[] = ['in_progress', 'on_hold', 'cancelled']): Order {
  const version = order.version + 1;
  return { ...order, status, version, allowed, undo: { version, status: order.status, until: null } };
}

export function moveEvent(order: Order) {
  return sampleEvent({ order_id: order.id, version: order.version, type: 'order.status_changed', status: order.status });
}

/** Without a layout every menu seems to be scrolled out of sight, and hides. */
export function menuItem(name: string) {
  return screen.findByRole('menuitem', { name, hidden: true });
}

/** The movers' app of somebody who is signed in, on a server that has these orders. `orders` may be changed later. */
export function openApp({ orders = [], at = '/', role = 'mover' }: { orders?: Order[]; at?: string; role?: 'mover' | 'admin' }) {
  // Notices are kept outside of React, and would be there in the next test.
  notifications.clean();
  const held = { orders };
  const counts = () => {
    const all = { created: 0, started: 0, in_progress: 0, on_hold: 0, completed: 0, cancelled: 0 };
    for (const { status } of held.orders) all[status]++;
    return all;
  };
  const asked: URL[] = [];
  answer('GET /api/v1/orders', ({ url }) => {
    asked.push(url);
    const statuses = url.searchParams.getAll('status');
    return { data: held.orders.filter(({ status }) => statuses.includes(status)), next_cursor: null };
  });
  answer('GET /api/v1/orders/:order_id', ({ url }) => {
    const order = held.orders.find(({ id }) => url.pathname.endsWith(id));
    return sampleOrderWithEvents(order);
  });
  // Last, since its address fits the one above too.
  answer('GET /api/v1/orders/counts', () => ({ counts: counts(), total: held.orders.length }));
  const signedIn = sampleSignedIn({ account: sampleAccount({ ...ana, realm: 'movers', role, email: 'ana@movers.example' }) });
  return { ...renderApp(<MoversRoutes />, { realm: 'movers', texts, at, signedIn }), held, asked };
}
