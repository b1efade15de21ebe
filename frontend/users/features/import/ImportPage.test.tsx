import type { OrderBatchResult } from '@shared/api';
import { renderApp } from '@shared/testing/render';
import { sampleOrder, sampleProblem, sampleSignedIn } from '@shared/testing/samples';
import { answer, server } from '@shared/testing/server';
import { fireEvent, screen, waitFor, within } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { expect, test } from 'vitest';
import texts from '../../texts.en.json';
import ImportPage from './ImportPage';

function open() {
  return renderApp(<ImportPage />, { texts, at: '/orders/import', signedIn: sampleSignedIn() });
}

const csv = (content: string, name = 'orders.csv') => new File([content], name, { type: 'text/csv' });

test('a file is checked, shown with what is wrong in it, imported and summed up', async () => {
  answer('POST /api/v1/orders/batch', ({ body, url }) => {
    const results = (body.items as { title: string }[]).map(({ title }): OrderBatchResult['results'][number] => {
      const errors = [{ pointer: '/recipient/name', code: 'too_long' as const, detail: 'must have at most 100 characters' }];
      if (title === 'Bad') return { status: 422, problem: sampleProblem({ errors }) };
      if (title === 'Taken') return { status: 409, problem: sampleProblem({ status: 409, code: 'reference_taken' }) };
      return { status: 201, order: url.searchParams.has('dry_run') ? null : sampleOrder({ title }) };
    });
    return { results };
  });
  const { person } = open();
  await person.upload(await screen.findByLabelText('Choose a file'), csv('title,colour\nSofa,red\nBad,\nTaken,\n,blue\n'));

  expect(await screen.findByRole('heading', { name: '1 order can be created' })).toHaveFocus();
  expect(screen.getByText('3 lines can\'t be imported as they are, and will be left out.')).toBeVisible();
  expect(screen.getByText(/Columns that we don't know, and leave out: colour/)).toBeVisible();
  const refused = within(screen.getByRole('list', { name: 'What is wrong' })).getAllByRole('listitem');
  expect(refused.map((item) => item.textContent)).toEqual([
    'Line 3Badrecipient_name: must have at most 100 characters',
    'Line 4TakenAnother of your orders has this reference.',
    'Line 5without a titletitle: is missing',
  ]);

  await person.click(screen.getByRole('button', { name: 'Create 1 order' }));
  expect(await screen.findByRole('heading', { name: '1 order was created' })).toHaveFocus();
  expect(screen.getAllByRole('link', { name: 'To your orders' })).toHaveLength(2);
  await person.click(screen.getByRole('button', { name: 'Import another file' }));
  expect(await screen.findByLabelText('Choose a file')).toBeVisible();
});

test('a file that is none is told of, and another can be chosen', async () => {
  const { person } = open();
  await person.upload(await screen.findByLabelText('Choose a file'), csv('', 'nothing.csv'));
  expect(await screen.findByText('nothing.csv')).toBeVisible();
  expect(screen.getByRole('alert')).toHaveTextContent('It is empty.');
  await person.upload(screen.getByLabelText('Choose a file'), csv('reference\nPO-1\n'));
  expect(await screen.findByText(/no column “title”/)).toBeVisible();
});

test('who stops it can go on', async () => {
  let finish = () => {};
  answer('POST /api/v1/orders/batch', async ({ body }) => {
    await new Promise<void>((resolve) => (finish = resolve));
    return { results: (body.items as unknown[]).map(() => ({ status: 201 as const, order: null })) };
  });
  const { person } = open();
  await person.upload(await screen.findByLabelText('Choose a file'), csv('title\nSofa\n'));
  const bar = await screen.findByRole('progressbar', { name: 'Checking orders.csv' });
  expect(bar).toHaveAttribute('aria-valuetext', '0 of 1');
  await person.click(screen.getByRole('button', { name: 'Stop' }));
  await person.click(await screen.findByRole('button', { name: 'Go on' }));
  await waitFor(() => {
    finish();
    expect(screen.getByRole('heading', { name: '1 order can be created' })).toBeVisible();
  });
});

test('who leaves the page stops it', async () => {
  const brokenOff = new Promise<void>((resolve) =>
    server.use(
      http.post('*/api/v1/orders/batch', async ({ request }) => {
        if (new URL(request.url).searchParams.has('dry_run')) return HttpResponse.json({ results: [{ status: 201, order: null }] });
        request.signal.addEventListener('abort', () => resolve());
        window.dispatchEvent(new Event('test:sent'));
        return new Promise<never>(() => {});
      }),
    ),
  );
  const sent = new Promise((resolve) => window.addEventListener('test:sent', resolve, { once: true }));
  const { person, unmount } = open();
  await person.upload(await screen.findByLabelText('Choose a file'), csv('title\nSofa\n'));
  await person.click(await screen.findByRole('button', { name: 'Create 1 order' }));
  await sent;
  unmount();
  await brokenOff;
});

test('a file can be dropped', async () => {
  answer('POST /api/v1/orders/batch', { results: [{ status: 201, order: null }] });
  open();
  const files = [csv('title\nSofa\n')];
  fireEvent.drop(await screen.findByText('Drop a file here, or'), { dataTransfer: { files } });
  expect(await screen.findByRole('heading', { name: '1 order can be created' })).toBeVisible();
});
