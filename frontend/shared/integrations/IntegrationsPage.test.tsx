import { screen, waitFor, within } from '@testing-library/react';
import { beforeEach, expect, test } from 'vitest';
import type { ApiKey, CreatedApiKey, Webhook } from '../api/generated/types.gen';
import { renderApp } from '../testing/render';
import { sampleAccount, sampleProblem, sampleSignedIn } from '../testing/samples';
import { answer } from '../testing/server';
import IntegrationsPage from './IntegrationsPage';
import { stateOf } from './webhookState';

const listed: ApiKey = {
  id: '01920000-0000-7000-8000-0000000000c1',
  name: 'Web shop',
  last_four: 'x9Yz',
  scopes: ['orders:read', 'events:write'],
  created_at: '2026-11-22T10:00:00Z',
  last_used_at: null,
  expires_at: null,
};
const made: CreatedApiKey = { ...listed, key: `otk_${'a'.repeat(39)}x9Yz` };
const webhook: Webhook = {
  id: '01920000-0000-7000-8000-0000000000d1',
  url: 'https://shop.example/webhooks',
  event_types: [],
  description: null,
  active: true,
  disabled_reason: null,
  disabled_at: null,
  failing_since: null,
  paused_until: null,
  previous_secret_until: null,
  created_at: '2026-11-22T10:00:00Z',
  updated_at: '2026-11-22T10:00:00Z',
};

beforeEach(() => {
  answer('GET /api/v1/api-keys', { data: [], next_cursor: null });
  answer('GET /api/v1/webhooks', { data: [], next_cursor: null });
});

function open(role: 'user' | 'mover' | 'admin' = 'user') {
  const realm = role === 'user' ? 'users' : 'movers';
  return renderApp(<IntegrationsPage />, { realm, texts: {}, signedIn: sampleSignedIn({ account: sampleAccount({ realm, role }) }) });
}

test('a key is made with what it may do, and shown once', async () => {
  let sent: unknown;
  answer('POST /api/v1/api-keys', ({ body }) => {
    sent = body;
    answer('GET /api/v1/api-keys', { data: [listed], next_cursor: null });
    return made;
  });
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'Make a key' }));
  const dialog = await screen.findByRole('dialog', { name: 'Make a key' });
  const read = within(dialog).getByRole('checkbox', { name: 'Read orders' });
  expect(read).toHaveAccessibleDescription(/the export of your orders/);
  await person.type(within(dialog).getByLabelText('Name'), 'Web shop');
  await person.click(within(dialog).getByRole('checkbox', { name: 'Cancel orders, add notes' }));
  await person.click(within(dialog).getByRole('button', { name: 'Make the key' }));

  const shown = await screen.findByRole('region', { name: 'The key “Web shop” is ready' });
  expect(shown).toHaveTextContent(made.key);
  expect(shown).toHaveTextContent(/shown only this once/);
  expect(sent).toEqual({ name: 'Web shop', scopes: ['orders:read', 'events:write'] });
  const item = await within(await screen.findByRole('list', { name: 'API keys' })).findByRole('listitem');
  expect(item).toHaveTextContent('…x9Yz');
  expect(item).toHaveTextContent('never used');
  await person.click(within(shown).getByRole('button', { name: 'I have kept it' }));
  expect(screen.queryByText(made.key)).toBeNull();
});

test('what is missing is told at its field; a day that is chosen is the last one', async () => {
  let sent: { expires_at?: string } = {};
  answer('POST /api/v1/api-keys', ({ body }) => {
    sent = body;
    return sampleProblem({ errors: [{ pointer: '/expires_at', code: 'invalid_value', detail: 'must be in the future' }] });
  });
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'Make a key' }));
  const dialog = await screen.findByRole('dialog', { name: 'Make a key' });
  await person.click(within(dialog).getByRole('checkbox', { name: 'Read orders' }));
  await person.selectOptions(within(dialog).getByLabelText('Good for'), 'own');
  await person.click(within(dialog).getByRole('button', { name: 'Make the key' }));
  for (const text of ['Please fill this in', 'Choose at least one', 'Choose a day']) expect(await screen.findByText(text)).toBeVisible();
  expect(within(dialog).getByLabelText('Name')).toHaveFocus();
  await person.type(within(dialog).getByLabelText('Name'), 'x');
  await person.click(within(dialog).getByRole('checkbox', { name: 'Read orders' }));
  await person.type(within(dialog).getByLabelText('Last day'), '2020-01-31');
  await person.click(within(dialog).getByRole('button', { name: 'Make the key' }));
  expect(await screen.findByText('must be in the future')).toBeVisible();
  expect(sent.expires_at).toBe(new Date('2020-02-01T00:00').toISOString());
});

test('a key is ended after a question', async () => {
  answer('GET /api/v1/api-keys', { data: [listed], next_cursor: null });
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'End the key: Web shop' }));
  answer('DELETE /api/v1/api-keys/:key_id', sampleProblem({ status: 503, code: 'overloaded' }));
  const dialog = await screen.findByRole('dialog', { name: 'End “Web shop”?' });
  await person.click(within(dialog).getByRole('button', { name: 'End the key' }));
  expect(await within(dialog).findByText(/very busy/)).toBeVisible();
  answer('DELETE /api/v1/api-keys/:key_id', () => {
    answer('GET /api/v1/api-keys', { data: [], next_cursor: null });
    return null;
  });
  await person.click(within(dialog).getByRole('button', { name: 'End the key' }));
  expect(await screen.findByText('No keys yet.')).toBeVisible();
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('who may do what decides what is offered', async () => {
  const { person, unmount } = open('mover');
  await person.click(await screen.findByRole('button', { name: 'Make a key' }));
  const scopes = () => screen.getAllByRole('checkbox').map((box) => box.closest('div[class*=choice]')?.textContent);
  await screen.findByRole('dialog');
  expect(scopes().map((text) => text?.replace(/(orders)[A-Z].*/, '$1'))).toEqual(['Read orders', 'Move orders']);
  expect(screen.queryByRole('heading', { name: 'Webhooks' })).toBeNull();
  unmount();
  open('admin');
  expect(await screen.findByText(/each event of all orders/)).toBeVisible();
});

test('a webhook is added, with its secret shown once', async () => {
  let sent: unknown;
  answer('POST /api/v1/webhooks', ({ body }) => {
    sent = body;
    answer('GET /api/v1/webhooks', { data: [webhook], next_cursor: null });
    return { ...webhook, secret: 'whsec_abc' };
  });
  const { person } = open();
  await person.click(await screen.findByRole('button', { name: 'Add a webhook' }));
  const dialog = await screen.findByRole('dialog', { name: 'Add a webhook' });
  await person.type(within(dialog).getByLabelText('Address (URL)'), 'https://shop.example/webhooks');
  await person.click(within(dialog).getByRole('checkbox', { name: 'All events' }));
  await person.click(within(dialog).getByRole('button', { name: 'Add the webhook' }));
  expect(await within(dialog).findByText('Choose at least one, or all')).toBeVisible();
  await person.click(within(dialog).getByRole('checkbox', { name: 'Status changed' }));
  await person.click(within(dialog).getByRole('button', { name: 'Add the webhook' }));
  expect(await screen.findByRole('region', { name: 'The webhook is ready' })).toHaveTextContent('whsec_abc');
  expect(sent).toEqual({ url: 'https://shop.example/webhooks', event_types: ['order.status_changed'], description: null });
  expect(await screen.findByRole('link', { name: webhook.url })).toHaveAttribute('href', `/integrations/webhooks/${webhook.id}`);
});

test('each state of a webhook is told with its reason', async () => {
  const off = { ...webhook, active: false };
  const all: Webhook[] = [
    webhook,
    { ...webhook, id: 'b', failing_since: '2026-11-20T10:00:00Z', paused_until: '2026-11-22T11:00:00Z' },
    { ...webhook, id: 'p', failing_since: '2026-11-20T10:00:00Z', paused_until: new Date(Date.now() + 3_600_000).toISOString() },
    { ...off, id: 'c', disabled_reason: 'gone', disabled_at: '2026-11-20T10:00:00Z' },
    { ...off, id: 'd', disabled_reason: 'failing', disabled_at: '2026-11-20T10:00:00Z' },
    { ...off, id: 'e' },
  ];
  const states = all.map((one) => stateOf(one, Date.now()));
  expect(states).toEqual(['active', 'failing', 'paused', 'switched_off', 'switched_off', 'off']);
  answer('GET /api/v1/webhooks', { data: all, next_cursor: null });
  open();
  const items = within(await screen.findByRole('list', { name: 'Webhooks' })).getAllByRole('listitem');
  const says = ['Active', /Nothing has been received since .+ We keep trying.*Failing/, /asked for a pause: nothing is sent until .*Paused/, /410 Gone.*Switched off/, /for five days.*Switched off/, /by hand.*Off/];
  await waitFor(() => says.forEach((text, index) => expect(items[index]).toHaveTextContent(text)));
});
