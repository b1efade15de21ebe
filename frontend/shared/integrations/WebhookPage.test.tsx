import { screen, within } from '@testing-library/react';
import { Route, Routes } from 'react-router';
import { beforeEach, expect, test } from 'vitest';
import type { Delivery, Webhook } from '../api/generated/types.gen';
import { renderApp } from '../testing/render';
import { sampleAccount, sampleProblem, sampleSignedIn } from '../testing/samples';
import { answer } from '../testing/server';
import WebhookPage from './WebhookPage';

const webhook: Webhook = {
  id: '01920000-0000-7000-8000-0000000000d1',
  url: 'https://shop.example/webhooks',
  event_types: ['order.created'],
  description: 'Our shop',
  active: true,
  disabled_reason: null,
  disabled_at: null,
  failing_since: null,
  paused_until: null,
  previous_secret_until: null,
  created_at: '2026-11-22T10:00:00Z',
  updated_at: '2026-11-22T10:00:00Z',
};
const delivery: Delivery = {
  id: '01920000-0000-7000-8000-0000000000e1',
  message_id: 'msg_1',
  type: 'order.created',
  order_id: '7K3M9Q2XTB',
  version: 1,
  status: 'pending',
  created_at: '2026-11-22T10:00:00Z',
  next_attempt_at: '2099-11-22T10:00:00Z',
};

beforeEach(() => {
  answer('GET /api/v1/webhooks/:webhook_id', webhook);
  answer('GET /api/v1/webhooks/:webhook_id/deliveries', { data: [delivery], next_cursor: null });
});

function open(role: 'user' | 'mover' = 'user') {
  const pages = (
    <Routes>
      <Route path="/integrations" element={<h1>Back</h1>} />
      <Route path="/integrations/webhooks/:webhookId" element={<WebhookPage />} />
    </Routes>
  );
  const realm = role === 'user' ? 'users' : 'movers';
  const signedIn = sampleSignedIn({ account: sampleAccount({ realm, role }) });
  return renderApp(pages, { realm, texts: {}, at: `/integrations/webhooks/${webhook.id}`, signedIn });
}

const menuItem = (name: string) => screen.findByRole('menuitem', { name, hidden: true });

test('the log tells what became of each message, and each attempt when asked', async () => {
  answer('GET /api/v1/webhooks/:webhook_id/deliveries/:delivery_id', {
    ...delivery,
    attempts: [
      { started_at: '2026-11-22T10:00:00Z', status: null, error: 'connection refused', duration_ms: 12, response: null },
      { started_at: '2026-11-22T10:00:05Z', status: 500, error: null, duration_ms: 340, response: 'Oh no' },
      { started_at: '2026-11-22T10:05:05Z', status: 204, error: null, duration_ms: 34, response: '' },
    ],
  });
  const { person } = open();
  const log = await screen.findByRole('list', { name: 'What was sent' });
  expect(log).toHaveTextContent('WaitingOrder created7K3M9Q2XTBentry 1');
  expect(within(log).getByRole('link', { name: '7K3M9Q2XTB' })).toHaveAttribute('href', '/orders/7K3M9Q2XTB');
  const toggle = within(log).getByRole('button', { name: 'Order created, 7K3M9Q2XTB: attempts' });
  expect(toggle).toHaveAttribute('aria-expanded', 'false');
  await person.click(toggle);
  const attempts = within(await screen.findByRole('list', { name: 'Attempts' })).getAllByRole('listitem');
  expect(attempts[0]).toHaveTextContent(/No answer.*12 ms.*connection refused/);
  expect(attempts[1]).toHaveTextContent(/Answer 500.*340 ms.*Oh no/);
  expect(attempts[2]).toHaveTextContent(/Answer 204.*The answer was empty/);
});

test('a message is sent again', async () => {
  answer('POST /api/v1/webhooks/:webhook_id/deliveries/:delivery_id/resend', () => {
    const sent = { ...delivery, status: 'succeeded' as const, next_attempt_at: null };
    answer('GET /api/v1/webhooks/:webhook_id/deliveries', { data: [sent], next_cursor: null });
    return delivery;
  });
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'Send again: Order created, 7K3M9Q2XTB' }));
  expect(await within(screen.getByRole('list', { name: 'What was sent' })).findByText('Received')).toBeVisible();
});

test('the log is filtered by state', async () => {
  answer('GET /api/v1/webhooks/:webhook_id/deliveries', ({ url }) => ({
    data: url.searchParams.get('status') === 'failed' ? [] : [delivery],
    next_cursor: null,
  }));
  const { person } = open();
  await screen.findByRole('list', { name: 'What was sent' });
  await person.selectOptions(screen.getByLabelText('Show'), 'failed');
  expect(await screen.findByText('Nothing with this state.')).toBeVisible();
});

test('it is switched off, which says what that means, and on again', async () => {
  answer('PATCH /api/v1/webhooks/:webhook_id', ({ body }) => ({ ...webhook, active: body.active as boolean }));
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'Switch off' }));
  expect(await screen.findByText(/Switched off by hand/)).toBeVisible();
  expect(screen.getByRole('button', { name: 'Send a test' })).toBeDisabled();
  await person.click(screen.getByRole('button', { name: 'Switch on' }));
  expect(await screen.findByRole('button', { name: 'Switch off' })).toBeVisible();
});

test('a time is replayed, and must be one', async () => {
  let sent: Record<string, unknown> = {};
  answer('POST /api/v1/webhooks/:webhook_id/replay', ({ body }) => {
    sent = body;
    return { deliveries: 3 };
  });
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'More for this webhook' }));
  await person.click(await menuItem('Replay a time…'));
  const dialog = await screen.findByRole('dialog', { name: 'Replay a time' });
  const to = within(dialog).getByLabelText('To');
  await person.clear(to);
  await person.type(to, '2020-01-01T10:00');
  await person.click(within(dialog).getByRole('button', { name: 'Send it' }));
  expect(await within(dialog).findByText('Must be after “From”')).toBeVisible();
  const from = within(dialog).getByLabelText('From');
  await person.clear(from);
  await person.type(from, '2019-12-31T10:00');
  await person.click(within(dialog).getByRole('button', { name: 'Send it' }));
  await screen.findByRole('button', { name: 'More for this webhook' });
  expect(sent).toEqual({ from: new Date('2019-12-31T10:00').toISOString(), to: new Date('2020-01-01T10:00').toISOString() });
});

test('the secret is replaced, and the new one shown once', async () => {
  const previous_secret_until = new Date(Date.now() + 86_400_000).toISOString();
  answer('POST /api/v1/webhooks/:webhook_id/secret', { ...webhook, previous_secret_until, secret: 'whsec_new' });
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'More for this webhook' }));
  await person.click(await menuItem('Replace the secret…'));
  await person.click(await screen.findByRole('button', { name: 'Replace it' }));
  expect(await screen.findByRole('region', { name: 'The new secret is ready' })).toHaveTextContent('whsec_new');
  expect(screen.getByText(/The one before signs, too, until/)).toBeVisible();
});

test('it is deleted after a question', async () => {
  answer('DELETE /api/v1/webhooks/:webhook_id', null);
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'More for this webhook' }));
  await person.click(await menuItem('Delete…'));
  await person.click(await screen.findByRole('button', { name: 'Delete it' }));
  expect(await screen.findByRole('heading', { name: 'Back' })).toBeVisible();
});

test('one that is not there is not, and plain movers have none', async () => {
  answer('GET /api/v1/webhooks/:webhook_id', sampleProblem({ status: 404, code: 'not_found' }));
  const { unmount } = open();
  expect(await screen.findByRole('heading', { name: 'Nothing here' })).toBeVisible();
  unmount();
  open('mover');
  expect(await screen.findByRole('heading', { name: 'Nothing here' })).toBeVisible();
});
