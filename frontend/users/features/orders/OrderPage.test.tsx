import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { renderApp } from '@shared/testing/render';
import { sampleOrderWithEvents, sampleSignedIn } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { UsersRoutes } from '../../routes';
// What the app loads late is loaded here before a test's clock runs.
import '../../UsersShell';
import './EditOrderPage';
import './NewOrderPage';
import './OrderPage';
import '@shared/auth/SignedIn';
import texts from '../../texts.en.json';

// A field that grows with its text listens to the fonts, which happy-dom does not have.
Object.defineProperty(document, 'fonts', { value: new EventTarget(), configurable: true });

test.each([
  ['/orders/7k3-m9q-2xtb', 'Sofa, three seats'],
  ['/orders/7k3-m9q-2xtb/edit', 'Edit details'],
])('%s is the order, however its ID is typed', async (at, heading) => {
  const asked: string[] = [];
  answer('GET /api/v1/orders/:order_id', ({ url }) => {
    asked.push(url.pathname);
    return sampleOrderWithEvents();
  });
  renderApp(<UsersRoutes />, { texts, at, signedIn: sampleSignedIn() });
  expect(await screen.findByRole('heading', { level: 1, name: heading })).toBeVisible();
  // Live events name the exact ID: under any other the page would not hear of them.
  expect(new Set(asked)).toEqual(new Set(['/api/v1/orders/7K3M9Q2XTB']));
});

test('an ID that cannot be is not asked for', async () => {
  renderApp(<UsersRoutes />, { texts, at: '/orders/what', signedIn: sampleSignedIn() });
  expect(await screen.findByRole('heading', { name: 'Nothing here' })).toBeVisible();
});
