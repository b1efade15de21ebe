import type { Page } from '@playwright/test';
import { Account, someone } from './support/api';
import { expect, test } from './support/fixtures';
import type { Visitor } from './support/visitor';

/** What the server answers when Postgres is away. */
const unavailable = {
  status: 503,
  headers: { 'Retry-After': '1' },
  contentType: 'application/problem+json',
  body: JSON.stringify({
    type: 'about:blank',
    title: 'Service Unavailable',
    status: 503,
    code: 'database_unavailable',
    detail: 'The database cannot be reached.',
    request_id: 'test',
  }),
};

interface Case {
  name: string;
  open: (who: Visitor, accounts: { user: Account; mover: Account; id: string }) => Promise<void>;
  address: (id: string) => string;
  reads: RegExp;
  shows: (who: Visitor) => ReturnType<Visitor['heading']>;
}

const title = 'Kitchen table';
const pages: Case[] = [
  {
    name: 'orders',
    open: (who, { user }) => who.signsInAsUser(user.credentials),
    address: () => '/orders',
    reads: /\/api\/v1\/orders\?/,
    shows: ({ page }) => page.getByRole('link', { name: title }),
  },
  {
    name: 'order',
    open: (who, { user }) => who.signsInAsUser(user.credentials),
    address: (id) => `/orders/${id}`,
    reads: /\/api\/v1\/orders\/[0-9A-Z]{10}$/,
    shows: (who) => who.heading(title),
  },
  {
    name: 'board',
    open: (who, { mover }) => who.signsInAsMover(mover.credentials),
    address: () => '/movers/',
    reads: /\/api\/v1\/orders\?/,
    shows: (who) => who.card(title),
  },
  {
    name: 'order in the movers’ app',
    open: (who, { mover }) => who.signsInAsMover(mover.credentials),
    address: (id) => `/movers/orders/${id}`,
    reads: /\/api\/v1\/orders\/[0-9A-Z]{10}$/,
    shows: (who) => who.heading(title),
  },
];

for (const { name, open, address, reads, shows } of pages) {
  test(`${name}: a skeleton while it loads; an error that can be tried again`, async ({ server, visitor }) => {
    const accounts = await accountsWithOrder(server);
    const who = await visitor();
    const { page, complaints } = who;
    await open(who, accounts);

    const tap = await tapOf(page, reads);
    tap.hold();
    await page.goto(address(accounts.id));
    await expect(page.getByRole('main').getByText('Loading…').first()).toBeAttached();
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    tap.pass();
    await expect(shows(who)).toBeVisible();
    await expect(page.getByRole('main').getByText('Loading…')).toHaveCount(0);

    complaints.expect(/\b503\b/);
    tap.refuse();
    await page.goto(address(accounts.id));
    const alert = page.getByRole('alert').filter({ hasText: "That didn't work" }).first();
    await expect(alert).toBeVisible();
    await expect(alert).toContainText('Try again in a moment');
    tap.pass();
    await alert.getByRole('button', { name: 'Try again' }).click();
    await expect(shows(who)).toBeVisible();
    await expect(alert).toBeHidden();
  });
}

test('the public page: a skeleton, an error that is tried again by itself, and by a button', async ({ server, visitor }) => {
  const { id } = await accountsWithOrder(server);
  const who = await visitor();
  const { page, complaints } = who;
  const reads = /\/api\/v1\/track\//;
  const tap = await tapOf(page, reads);
  tap.hold();
  await page.goto(`/t/${id}`);
  await expect(page.getByRole('status').filter({ hasText: 'Looking the order up' })).toBeAttached();
  tap.pass();
  await expect(who.heading('Created')).toBeVisible();

  complaints.expect(/\b503\b/);
  tap.refuse();
  await page.goto(`/t/${id}`);
  await expect(who.heading('No answer')).toBeVisible();
  tap.pass();
  await expect(who.heading('Created')).toBeVisible();

  // Neither the clock nor the line tries before the button does.
  await page.routeWebSocket(/\/live$/, () => {});
  await page.clock.install();
  await page.clock.pauseAt(Date.now() + 3_600_000);
  tap.refuse();
  await page.goto(`/t/${id}`);
  await expect(who.heading('No answer')).toBeVisible();
  tap.pass();
  await page.getByRole('button', { name: 'Try now' }).click();
  await expect(who.heading('Created')).toBeVisible();
});

test('a server that is away when the app starts: it says so, and goes on by itself', async ({ server, visitor }) => {
  const { user } = await accountsWithOrder(server);
  const who = await visitor();
  const { page, complaints } = who;
  await who.signsInAsUser(user.credentials);
  complaints.expect(/\b503\b/);
  const tap = await tapOf(page, /\/sessions\/refresh$/);
  tap.refuse();
  await page.reload();
  await expect(page.getByText("The server can't be reached.")).toBeVisible();
  tap.pass();
  await expect(who.heading('Orders')).toBeVisible();
});

test('a write that fails says so and keeps what was typed', async ({ server, visitor }) => {
  const { user } = await accountsWithOrder(server);
  const who = await visitor();
  const { page, complaints } = who;
  await who.signsInAsUser(user.credentials);
  // Without a connection it could not be loaded.
  const nextPage = page.waitForResponse(/\/assets\/OrderPage-[^/]*\.js$/);
  await page.goto('/orders/new');
  await (await nextPage).finished();
  await page.getByRole('textbox', { name: 'Title' }).fill('Mirror');
  complaints.expect(/\b503\b/, /ERR_INTERNET_DISCONNECTED/);
  const tap = await tapOf(page, /\/api\/v1\/orders$/);
  tap.refuse();
  await page.getByRole('button', { name: 'Create order' }).click();
  await expect(page.getByText('The server is catching its breath.')).toBeVisible();
  tap.pass();
  await who.context.setOffline(true);
  await page.getByRole('button', { name: 'Create order' }).click();
  await expect(page.getByText("The server can't be reached.")).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Title' })).toHaveValue('Mirror');
  await who.context.setOffline(false);
  await page.getByRole('button', { name: 'Create order' }).click();
  await expect(who.heading('Mirror')).toBeVisible();
});

test('what the server finds wrong stands at its field, which has the focus', async ({ server, visitor }) => {
  const taken = (await Account.user(server)).credentials;
  const who = await visitor();
  const { page, complaints } = who;
  complaints.expect(/\b409\b/, /\b422\b/);

  await page.goto('/register');
  await who.fillsInAccount(taken);
  await page.getByRole('button', { name: 'Create account' }).click();
  const email = page.getByLabel('Email');
  await expect(email).toHaveAccessibleDescription(/There is an account with this email already/);
  await expect(email).toBeFocused();

  // 40 letters, but 80 bytes: only the server counts those.
  await who.fillsInAccount({ ...someone('Uma Rao'), password: 'ä'.repeat(40) });
  await page.getByRole('button', { name: 'Create account' }).click();
  const password = page.getByLabel('Password', { exact: true });
  await expect(password).toHaveAttribute('aria-invalid', 'true');
  await expect(password).toHaveAccessibleDescription(/72/);
  await expect(password).toBeFocused();
  await password.fill('correct horse');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(who.heading('Orders')).toBeVisible();

  for (const orderTitle of ['Desk', 'Chair']) {
    await page.goto('/orders/new');
    await page.getByRole('textbox', { name: 'Title' }).fill(orderTitle);
    await page.getByRole('textbox', { name: 'Reference' }).fill('PO-1');
    await page.getByRole('button', { name: 'Create order' }).click();
    if (orderTitle === 'Desk') await expect(who.heading('Desk')).toBeVisible();
  }
  const reference = page.getByRole('textbox', { name: 'Reference' });
  await expect(reference).toHaveAccessibleDescription(/Another of your orders has this reference/);
  await expect(reference).toBeFocused();

  await page.goto('/profile');
  await page.getByLabel('Current password', { exact: true }).fill('not the one');
  await page.getByLabel('New password', { exact: true }).fill('another horse');
  await page.getByRole('button', { name: 'Change the password' }).click();
  const current = page.getByLabel('Current password', { exact: true });
  await expect(current).toHaveAttribute('aria-invalid', 'true');
  await expect(current).toBeFocused();
});

test('a dialog that cannot be loaded says so, leaves the board, and opens after a reload', async ({ server, visitor }) => {
  const { mover } = await accountsWithOrder(server);
  const who = await visitor();
  const { page, complaints } = who;
  const chunk = /\/assets\/MoveDialog-.*\.js$/;
  complaints.expect(/MoveDialog/, /ERR_FAILED/);
  await page.route(chunk, (route) => route.abort());
  await who.signsInAsMover(mover.credentials);
  await who.choosesFromMenu(title, 'On hold…');
  await expect(page.getByText('This could not be opened.')).toBeVisible();
  await expect(who.card(title)).toBeVisible();
  await page.unroute(chunk);
  // Chromium may remember the failure for as long as the page stands.
  await page.getByRole('button', { name: 'Reload' }).first().click();
  await expect(who.pill('Live')).toBeVisible();
  await who.choosesFromMenu(title, 'On hold…');
  await expect(page.getByRole('dialog', { name: 'Put the order on hold' })).toBeVisible();
});

test('every violation of a form is told at once, before anything is sent', async ({ server, visitor }) => {
  const { user } = await accountsWithOrder(server);
  const who = await visitor();
  const { page } = who;
  await page.goto('/register');
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByLabel('Name', { exact: true })).toHaveAccessibleDescription(/Please fill this in/);
  await expect(page.getByLabel('Email')).toHaveAccessibleDescription(/Please fill this in/);
  await expect(page.getByLabel('Password', { exact: true })).toHaveAccessibleDescription(/Please fill this in|At least 8 characters/);
  await who.signsInAsUser(user.credentials);
  await page.goto('/orders/new');
  await page.getByRole('textbox', { name: 'Title' }).fill('x'.repeat(121));
  await page.getByRole('textbox', { name: 'Reference' }).fill('x'.repeat(65));
  await page.getByRole('button', { name: 'Create order' }).click();
  await expect(page.getByText('At most 120 characters')).toBeVisible();
  await expect(page.getByText('At most 64 characters')).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Title' })).toBeFocused();
});

async function accountsWithOrder(server: Parameters<typeof Account.user>[0]) {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  return { user, mover, id: await user.create(title) };
}

/** Stands between the page and the server for some requests: lets them wait, refuses them, lets them pass. */
async function tapOf(page: Page, requests: RegExp) {
  let mode: 'hold' | 'refuse' | 'pass' = 'pass';
  let release = () => {};
  let released = Promise.resolve();
  await page.route(requests, async (route) => {
    if (mode === 'refuse') return route.fulfill(unavailable);
    await released;
    await route.continue();
  });
  return {
    hold: () => {
      mode = 'hold';
      released = new Promise((resolve) => (release = resolve));
    },
    refuse: () => void (mode = 'refuse'),
    pass: () => {
      mode = 'pass';
      release();
    },
  };
}
