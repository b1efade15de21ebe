import { screen, waitFor } from '@testing-library/react';
import { expect, test } from 'vitest';
import { renderApp } from '@shared/testing/render';
import { sampleOrder, sampleSignedIn } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import texts from '../../texts.en.json';
import OrdersPage from './OrdersPage';

test('an account is not called empty because nothing was found before', async () => {
  const counts = { created: 1, started: 0, in_progress: 0, on_hold: 0, completed: 0, cancelled: 0 };
  answer('GET /api/v1/orders/counts', { counts, total: 1 });
  let finish = () => {};
  answer('GET /api/v1/orders', async ({ url }) => {
    if (url.searchParams.has('status')) return { data: [], next_cursor: null };
    await new Promise<void>((resolve) => (finish = resolve));
    return { data: [sampleOrder()], next_cursor: null };
  });
  const { person } = renderApp(<OrdersPage />, { texts, at: '/orders?status=completed', signedIn: sampleSignedIn() });
  await person.click(await screen.findByRole('button', { name: 'Show all orders' }));
  await waitFor(() => expect(screen.queryByRole('heading', { name: 'No order fits' })).toBeNull());
  expect(screen.queryByRole('heading', { name: 'Create your first order' })).toBeNull();
  expect(screen.getByRole('searchbox', { name: 'Search orders' })).toBeVisible();
  finish();
  expect(await screen.findByRole('link', { name: 'Sofa, three seats' })).toBeVisible();
});

test('the export has the filters of the list', async () => {
  const counts = { created: 1, started: 0, in_progress: 0, on_hold: 0, completed: 0, cancelled: 0 };
  answer('GET /api/v1/orders/counts', { counts, total: 1 });
  answer('GET /api/v1/orders', { data: [sampleOrder()], next_cursor: null });
  const asked = new Promise<URLSearchParams>((resolve) =>
    answer('GET /api/v1/orders/export.csv', ({ url }) => {
      resolve(url.searchParams);
      return 'id\r\n';
    }),
  );
  const { person } = renderApp(<OrdersPage />, { texts, at: '/orders?status=created&q=sofa&sort=due', signedIn: sampleSignedIn() });
  await person.click(await screen.findByRole('button', { name: 'Export CSV' }));
  expect((await asked).toString()).toBe('status=created&q=sofa');
  expect(screen.getByRole('link', { name: 'Import CSV' })).toHaveAttribute('href', '/orders/import');
});
