import { sampleProblem } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { saveFile } from '@shared/ui/saveFile';
import { screen, waitFor } from '@testing-library/react';
import { beforeEach, expect, test, vi } from 'vitest';
import { openApp, sofa } from '../../../testing/app';

vi.mock('@shared/ui/saveFile', () => ({ saveFile: vi.fn<typeof saveFile>() }));
const saved = vi.mocked(saveFile);
beforeEach(() => void saved.mockClear());

test('an admin exports what the board shows', async () => {
  let asked = new URLSearchParams();
  const { person } = openApp({ orders: [sofa], role: 'admin', at: '/?whose=me&q=sofa' });
  // Last, since its address fits that of an order, too.
  answer('GET /api/v1/orders/export.csv', ({ url }) => {
    asked = url.searchParams;
    return 'id,title\r\n7K3M9Q2XTB,Sofa\r\n';
  });
  await person.click(await screen.findByRole('button', { name: 'Export CSV' }));
  await waitFor(() => expect(saved).toHaveBeenCalledOnce());
  const [content, name] = saved.mock.calls[0]!;
  expect(await content.text()).toBe('id,title\r\n7K3M9Q2XTB,Sofa\r\n');
  expect(name).toMatch(/^orders-\d{4}-\d{2}-\d{2}\.csv$/);
  expect(asked.getAll('status')).toEqual(['created', 'started', 'in_progress', 'on_hold']);
  expect([asked.get('assignee'), asked.get('q')]).toEqual(['me', 'sofa']);
});

test('an export that fails is told of, and nothing is saved', async () => {
  const { person } = openApp({ orders: [sofa], role: 'admin' });
  answer('GET /api/v1/orders/export.csv', sampleProblem({ status: 503, code: 'overloaded' }));
  await person.click(await screen.findByRole('button', { name: 'Export CSV' }));
  expect(await screen.findByText(/The server is very busy/)).toBeVisible();
  expect(saved).not.toHaveBeenCalled();
});

test('plain movers have no export', async () => {
  openApp({ orders: [sofa] });
  await screen.findByRole('link', { name: sofa.title });
  expect(screen.queryByRole('button', { name: 'Export CSV' })).toBeNull();
});
