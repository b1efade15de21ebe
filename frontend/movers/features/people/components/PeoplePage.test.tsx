import type { CreatedInvitation, Invitation } from '@shared/api';
import { sampleProblem } from '@shared/testing/samples';
import { answer } from '@shared/testing/server';
import { screen, within } from '@testing-library/react';
import { beforeEach, expect, test } from 'vitest';
import { ana, menuItem, openApp } from '../../../testing/app';
import { isLocalLink, stateOf } from '../api/invitations';

const listed: Invitation = {
  id: '01920000-0000-7000-8000-0000000000b1',
  role: 'mover',
  note: 'Max from the night shift',
  created_at: '2026-11-22T10:00:00Z',
  expires_at: '2099-11-25T10:00:00Z',
  used_at: null,
  withdrawn_at: null,
  invited_by: ana,
  used_by: null,
};
const invitation: CreatedInvitation = { ...listed, link: 'http://localhost:8080/movers/join#V7u0bRkq3oZ2xJm1' };

beforeEach(() => {
  answer('GET /api/v1/movers', {
    data: [
      { ...ana, active: true, email: 'ana@movers.example', role: 'admin' },
      { id: '01920000-0000-7000-8000-0000000000a2', name: 'Max', active: true, email: 'max@movers.example', role: 'mover' },
    ],
    next_cursor: null,
  });
  answer('GET /api/v1/movers/invitations', { data: [], next_cursor: null });
});

test('an invitation gives a link, its QR code, and a warning when the link works only here', async () => {
  let sent: unknown;
  answer('POST /api/v1/movers/invitations', ({ body }) => {
    sent = body;
    return invitation;
  });
  const { person } = openApp({ at: '/people', role: 'admin' });
  await person.type(await screen.findByLabelText('For whom'), 'Max from the night shift');
  await person.click(screen.getByRole('button', { name: 'Make an invitation' }));

  const made = await screen.findByRole('region', { name: 'The invitation is ready' });
  expect(made).toHaveTextContent(invitation.link);
  expect(within(made).getByRole('img', { name: 'QR code of the link' })).toBeVisible();
  expect(within(made).getByRole('button', { name: 'Copy the link' })).toBeVisible();
  expect(within(made).getByRole('alert')).toHaveTextContent(/works only on this machine. Set PUBLIC_URL/);
  expect(sent).toEqual({ role: 'mover', note: 'Max from the night shift' });
});

test('a link that others can reach has no warning', async () => {
  answer('POST /api/v1/movers/invitations', { ...invitation, link: 'https://orders.example/movers/join#V7u0' });
  const { person } = openApp({ at: '/people', role: 'admin' });
  await person.click(await screen.findByRole('button', { name: 'Make an invitation' }));
  const made = await screen.findByRole('region', { name: 'The invitation is ready' });
  expect(within(made).queryByRole('alert')).toBeNull();
});

test('an open invitation can be withdrawn', async () => {
  answer('GET /api/v1/movers/invitations', { data: [listed], next_cursor: null });
  answer('DELETE /api/v1/movers/invitations/:invitation_id', () => {
    answer('GET /api/v1/movers/invitations', {
      data: [{ ...listed, withdrawn_at: '2026-11-22T11:00:00Z' }],
      next_cursor: null,
    });
    return null;
  });
  const { person } = openApp({ at: '/people', role: 'admin' });
  await person.click(await screen.findByRole('button', { name: 'Withdraw: Max from the night shift' }));
  expect(await screen.findByText('Withdrawn')).toBeVisible();
  expect(screen.queryByRole('button', { name: /^Withdraw/ })).toBeNull();
});

test('why the last admin stays one is explained', async () => {
  answer('PATCH /api/v1/movers/:mover_id', sampleProblem({ status: 409, code: 'last_admin' }));
  const { person } = openApp({ at: '/people', role: 'admin' });
  await person.click(await screen.findByRole('button', { name: 'More for Ana Silva' }));
  await person.click(await menuItem('Deactivate'));
  expect(await screen.findByText(/Make another mover an admin first/)).toBeVisible();
});

test('the page is for admins', async () => {
  openApp({ at: '/people', role: 'mover' });
  expect(await screen.findByRole('heading', { name: 'Nothing here' })).toBeVisible();
  expect(screen.queryByRole('link', { name: 'People' })).toBeNull();
});

test('the state of an invitation', () => {
  const now = Date.parse('2026-11-23T00:00:00Z');
  expect(stateOf(listed, now)).toBe('open');
  expect(stateOf({ ...listed, expires_at: '2026-11-22T23:00:00Z' }, now)).toBe('expired');
  expect(stateOf({ ...listed, used_at: '2026-11-22T11:00:00Z', expires_at: '2026-11-22T23:00:00Z' }, now)).toBe('used');
  expect(stateOf({ ...listed, withdrawn_at: '2026-11-22T11:00:00Z' }, now)).toBe('withdrawn');
});

test('which links work only on this machine', () => {
  for (const host of ['localhost:8080', '127.0.0.1', '127.3.0.1:80', '[::1]:8080']) {
    expect(isLocalLink(`http://${host}/movers/join#x`), host).toBe(true);
  }
  for (const host of ['orders.example', '192.168.1.7:8080', 'localhost.example']) {
    expect(isLocalLink(`http://${host}/movers/join#x`), host).toBe(false);
  }
});
