import { Account } from './support/api';
import { expect, test } from './support/fixtures';
import { expectGoodLooks } from './support/looks';

/** A word that no page has room for, and texts as long as they may be: what people type is not up to us. */
const longWord = 'Donaudampfschifffahrtsgesellschaftskapitänskajütenschlüsselbrett';

test.describe.configure({ timeout: 240_000 });

test('users’ app, before signing in', async ({ visitor }) => {
  const { page } = await visitor();
  await page.goto('/sign-in');
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await expectGoodLooks(page, 'users sign-in');
  await page.getByRole('link', { name: 'Create an account' }).click();
  await page.getByRole('button', { name: 'Create account' }).click();
  await expect(page.getByText('Please fill this in').first()).toBeVisible();
  await expectGoodLooks(page, 'users register with errors');
});

test('users’ app: lists and forms', async ({ server, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const mover = await Account.mover(server);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await expect(page.getByRole('heading', { name: 'Create your first order' })).toBeVisible();
  await expectGoodLooks(page, 'users orders empty');

  await page.goto('/orders/new');
  await page.getByRole('button', { name: 'Add an extra detail' }).click();
  await page.getByRole('button', { name: 'Create order' }).click();
  await expect(page.getByText('Please fill this in').first()).toBeVisible();
  await expectGoodLooks(page, 'users new order with errors');

  await ordersOfAllKinds(user, mover);
  await page.goto('/orders');
  await expect(page.getByRole('article')).toHaveCount(7);
  await expectGoodLooks(page, 'users orders');
  await page.getByRole('searchbox', { name: 'Search orders' }).fill('no such thing');
  await expect(page.getByRole('heading', { name: 'No order fits' })).toBeVisible();
  await expectGoodLooks(page, 'users orders nothing found');
});

test('users’ app: order, dialogs, profile', async ({ server, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const mover = await Account.mover(server);
  const who = await visitor();
  const { page } = who;
  const { held, completed } = await ordersOfAllKinds(user, mover);
  await who.signsInAsUser(user.credentials);
  await page.goto(`/orders/${held}`);
  await expect(who.pill('Live')).toBeVisible();
  await expect(who.history().first()).toBeVisible();
  await expectGoodLooks(page, 'users order');
  await page.getByRole('button', { name: 'Cancel order' }).click();
  await expect(page.getByRole('dialog')).toBeVisible();
  await expectGoodLooks(page, 'users cancel dialog');
  await page.goto(`/orders/${held}/edit`);
  await expect(page.getByRole('textbox', { name: 'Title' })).not.toHaveValue('');
  await expectGoodLooks(page, 'users edit');
  await page.goto(`/orders/${completed}`);
  await expect(who.status()).toHaveText('Completed');
  await expectGoodLooks(page, 'users order completed');
  await page.goto('/profile');
  await expect(page.getByText('signed in').first()).toBeVisible();
  await expectGoodLooks(page, 'users profile');
  await page.getByRole('button', { name: /^Account menu/ }).click();
  await expect(page.getByRole('menuitem', { name: 'Sign out' })).toBeVisible();
  await expectGoodLooks(page, 'users account menu');
  await page.goto('/nothing/here');
  await expect(who.heading('Nothing here')).toBeVisible();
  await expectGoodLooks(page, 'users not found');
});

test('movers’ app, before signing in', async ({ server, visitor }) => {
  const { page, complaints } = await visitor();
  await page.goto('/movers/sign-in');
  await expect(page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  await expectGoodLooks(page, 'movers sign-in');
  complaints.expect(/\b401\b/);
  await page.getByLabel('Email').fill('nobody@example.com');
  await page.getByLabel('Password', { exact: true }).fill('not the one');
  await page.getByRole('button', { name: 'Sign in' }).click();
  await expect(page.getByText("Email and password don't match.")).toBeVisible();
  await expectGoodLooks(page, 'movers sign-in refused');
  await page.goto(await server.invite({ admin: false }));
  await expect(page.getByRole('button', { name: 'Join' })).toBeVisible();
  await expectGoodLooks(page, 'movers join');
  await page.goto('/movers/join');
  await expect(page.getByRole('heading', { name: 'The link is incomplete' })).toBeVisible();
  await expectGoodLooks(page, 'movers join without invitation');
});

test('movers’ app: board', async ({ server, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const mover = await Account.mover(server, { name: 'Max Stone' });
  await ordersOfAllKinds(user, mover);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsMover(mover.credentials);
  await expect(page.getByRole('article').first()).toBeVisible();
  await expect(who.pill('Live')).toBeVisible();
  await expectGoodLooks(page, 'movers board');
  await page.getByRole('button', { name: 'Select', exact: true }).click();
  await page.getByRole('checkbox', { name: /^Select / }).first().check();
  await expectGoodLooks(page, 'movers board selecting');
  await page.getByRole('button', { name: 'Done', exact: true }).click();
  await page.getByRole('searchbox', { name: 'Search orders' }).fill('no such thing');
  await expect(page.getByRole('heading', { name: 'No order fits' })).toBeVisible();
  await expectGoodLooks(page, 'movers board nothing found');
});

test('movers’ app: order and dialogs', async ({ server, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const mover = await Account.mover(server, { name: 'Max Stone', admin: true });
  const { moving, completed } = await ordersOfAllKinds(user, mover);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsMover(mover.credentials);
  await page.goto(`/movers/orders/${moving}`);
  await expect(who.history().first()).toBeVisible();
  await expectGoodLooks(page, 'movers order');
  await page.getByRole('button', { name: 'On hold…' }).click();
  const dialog = page.getByRole('dialog');
  await expect(dialog.getByRole('radiogroup')).toBeVisible();
  await dialog.getByRole('button', { name: 'Put on hold' }).click();
  await expect(dialog.getByText('Please choose a reason')).toBeVisible();
  await expectGoodLooks(page, 'movers hold dialog with error');
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await page.getByRole('button', { name: 'Hand over…' }).click();
  await expect(page.getByRole('dialog', { name: 'Hand the order over' })).toBeVisible();
  await expectGoodLooks(page, 'movers hand over dialog');
  await page.goto(`/movers/orders/${completed}`);
  await expect(who.history().first()).toContainText('Completed');
  await expectGoodLooks(page, 'movers order completed');
  who.complaints.expect(/\b404\b/);
  await page.goto('/movers/orders/0000000000');
  await expect(who.heading('Nothing here')).toBeVisible();
  await expectGoodLooks(page, 'movers not found');
});

test('movers’ app: people, profile, menus', async ({ server, visitor }) => {
  const admin = await Account.mover(server, { name: 'Ada Quist', admin: true });
  await Account.mover(server, { name: 'Max Stone' });
  const who = await visitor();
  const { page } = who;
  await who.signsInAsMover(admin.credentials);
  await page.goto('/movers/people');
  await expect(page.getByText('Max Stone').first()).toBeVisible();
  await page.getByRole('button', { name: 'Make an invitation' }).click();
  await expect(page.getByRole('region', { name: 'The invitation is ready' })).toBeVisible();
  await expectGoodLooks(page, 'movers people');
  await page.getByRole('button', { name: 'More for Max Stone' }).first().click();
  await expect(page.getByRole('menuitem').first()).toBeVisible();
  await expectGoodLooks(page, 'movers people menu');
  await page.goto('/movers/profile');
  await expect(page.getByText('signed in').first()).toBeVisible();
  await expectGoodLooks(page, 'movers profile');
  await page.goto(await server.invite({ admin: false }));
  await expect(page.getByRole('heading', { name: 'You are signed in as Ada Quist' })).toBeVisible();
  await expectGoodLooks(page, 'movers join, signed in');
  await page.getByRole('link', { name: 'To the board' }).click();
  await expect(who.heading('Board')).toBeVisible();
  await page.keyboard.press('Control+k');
  await expect(page.getByRole('dialog')).toBeVisible();
  await expectGoodLooks(page, 'movers palette');
});

test('both apps: integrations', async ({ server, database, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await page.goto('/integrations');
  await expect(page.getByText('No webhooks yet.')).toBeVisible();
  await expectGoodLooks(page, 'users integrations empty');
  const dialog = page.getByRole('dialog');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await dialog.getByRole('checkbox', { name: 'Read orders' }).uncheck();
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await expect(dialog.getByText('Choose at least one')).toBeVisible();
  await expectGoodLooks(page, 'users make key with errors');
  await dialog.getByRole('textbox', { name: 'Name' }).fill(longWord);
  await dialog.getByRole('checkbox', { name: 'Manage webhooks' }).check();
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await expect(page.getByRole('region', { name: /is ready/ })).toBeVisible();

  await user.makeKey({ name: 'Web shop', scopes: ['orders:read', 'orders:write', 'events:write', 'webhooks:manage'] });
  await user.makeKey({ name: 'Bookkeeping', scopes: ['orders:read'] });
  await database.run(`UPDATE api_keys SET created_at = now() - interval '40 days', expires_at = now() - interval '1 day' WHERE name = 'Bookkeeping'`);
  const [gone, failing, off] = [
    await user.addWebhook({ url: 'https://old.example/webhooks' }),
    await user.addWebhook({ url: 'https://shop.example/webhooks', description: 'Our shop', event_types: ['order.status_changed', 'order.created'] }),
    await user.addWebhook({ url: `https://${longWord.replace(/\W/g, '').slice(0, 60)}.example/${longWord.repeat(2)}` }),
  ];
  await user.addWebhook({ url: 'https://crm.example/orders' });
  await database.run(`UPDATE webhooks SET active = false, disabled_reason = 'gone', disabled_at = now() - interval '2 days' WHERE id = '${gone}'`);
  await database.run(`UPDATE webhooks SET failing_since = now() - interval '3 hours' WHERE id = '${failing}'`);
  await database.run(`UPDATE webhooks SET active = false WHERE id = '${off}'`);
  await page.reload();
  await expect(page.getByText('Expired')).toBeVisible();
  await page.getByRole('button', { name: 'Add a webhook' }).click();
  await dialog.getByRole('checkbox', { name: 'All events' }).uncheck();
  await dialog.getByRole('button', { name: 'Add the webhook' }).click();
  await expect(dialog.getByText('Choose at least one, or all')).toBeVisible();
  await expectGoodLooks(page, 'users add webhook with errors');
  await page.keyboard.press('Escape');
  await page.getByRole('button', { name: 'Make a key' }).click();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Warehouse');
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await expect(page.getByRole('region', { name: /is ready/ })).toBeVisible();
  await expectGoodLooks(page, 'users integrations');

  const order = await user.create('Sofa');
  await database.run(`
    WITH made AS (
      INSERT INTO webhook_deliveries (id, webhook_id, order_id, version, created_at, due_at, succeeded_at)
      SELECT gen_random_uuid(), '${failing}', '${order}', n, now() - n * interval '1 hour',
        CASE n WHEN 2 THEN now() + interval '2 hours' END, CASE n WHEN 4 THEN now() END
      FROM generate_series(2, 4) AS n RETURNING id, version)
    INSERT INTO webhook_attempts SELECT id, now(), nullif(version, 3) * 0 + 503, CASE version WHEN 3 THEN 'connection refused' END,
      15, CASE version WHEN 3 THEN NULL ELSE '<html>' || repeat('<p>Service unavailable</p>', 30) END FROM made`);
  await page.goto(`/integrations/webhooks/${failing}`);
  const log = page.getByRole('list', { name: 'What was sent' });
  await expect(log).toContainText('Waiting');
  for (const state of ['Waiting', 'Failed']) {
    const delivery = log.getByRole('listitem').filter({ has: page.getByText(state, { exact: true }) }).last();
    await delivery.getByRole('button', { name: /: attempts$/ }).click();
    await expect(delivery.getByRole('list', { name: 'Attempts' })).toBeVisible();
  }
  await expectGoodLooks(page, 'users webhook');
  await page.getByRole('button', { name: 'More for this webhook' }).click();
  await expect(page.getByRole('menuitem').first()).toBeVisible();
  await expectGoodLooks(page, 'users webhook menu');
  await page.getByRole('menuitem', { name: 'Replay a time…' }).click();
  await expect(dialog).toBeVisible();
  await expectGoodLooks(page, 'users webhook replay');

  const admin = await Account.mover(server, { name: 'Ada Quist', admin: true });
  const ada = await visitor();
  await ada.signsInAsMover(admin.credentials);
  await ada.page.goto('/movers/integrations');
  await expect(ada.page.getByText('No webhooks yet.')).toBeVisible();
  await expectGoodLooks(ada.page, 'movers integrations');
  await ada.page.goto('/movers/');
  await expect(ada.page.getByRole('button', { name: 'Export CSV' })).toBeVisible();
  await expectGoodLooks(ada.page, 'movers board of an admin');
});

test('users’ app: import', async ({ server, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await page.goto('/orders/import');
  const choose = (content: string) =>
    page.getByLabel('Choose a file').setInputFiles({ name: `${longWord}.csv`, mimeType: 'text/csv', buffer: Buffer.from(content) });
  await choose('name;price\nSofa;3');
  await expect(page.getByRole('alert')).toContainText('None of the columns');
  await expectGoodLooks(page, 'users import');

  await page.route('**/orders/batch*', (route) => route.abort());
  who.complaints.expect(/net::ERR_FAILED/);
  const text = longWord.repeat(4);
  const lines = [`${longWord},PO-1,${text},`, `Lamp,PO-2,"2 Hill St, Porto",soon`, `${text},PO-3,,`, ',PO-4,,now', 'Piano,PO-5,1 Dock Rd,', 'Chair,PO-1,,'];
  await choose(['title,reference,delivery_address,due_at,colour,owner_name', ...lines.map((line) => `${line},,`)].join('\n'));
  await expect(page.getByText("The server doesn't answer right now.")).toBeVisible();
  await page.getByRole('button', { name: 'Stop' }).click();
  await expect(page.getByRole('button', { name: 'Go on' })).toBeVisible();
  await expectGoodLooks(page, 'users import stopped');
  await page.unroute('**/orders/batch*');
  await page.getByRole('button', { name: 'Go on' }).click();
  await expect(page.getByRole('heading', { name: '2 orders can be created' })).toBeVisible();
  await expectGoodLooks(page, 'users import checked');
  await page.getByRole('button', { name: 'Create 2 orders' }).click();
  await expect(page.getByRole('heading', { name: '2 orders were created' })).toBeVisible();
  await expectGoodLooks(page, 'users import done');
});

test('the public page', async ({ server, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const mover = await Account.mover(server);
  const { held, completed } = await ordersOfAllKinds(user, mover);
  const anyone = await visitor();
  const { page } = anyone;
  await page.goto('/t/');
  await expect(anyone.heading('Where is your order?')).toBeVisible();
  await expectGoodLooks(page, 'track look-up');
  await page.goto(`/t/${held}`);
  await expect(anyone.history().first()).toContainText('On hold');
  await expect(anyone.pill('Live')).toBeVisible();
  await expectGoodLooks(page, 'track on hold');
  await page.goto(`/t/${completed}`);
  await expect(anyone.history().first()).toContainText('Completed');
  await expectGoodLooks(page, 'track completed');
  anyone.complaints.expect(/\b404\b/);
  await page.goto('/t/0000000000');
  await expect(anyone.heading('No such order')).toBeVisible();
  await expectGoodLooks(page, 'track not found');
});

test('a content security policy is in force in all three entries', async ({ visitor }) => {
  const { page, complaints } = await visitor();
  for (const address of ['/sign-in', '/movers/sign-in', '/t/']) {
    await page.goto(address);
    await expect(page.getByRole('heading', { level: 1 })).toBeVisible();
    complaints.expect(/Content Security Policy/);
    const violated = page.waitForEvent('console', (message) => message.text().includes('Content Security Policy'));
    const ran = await page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'window.intruder = true';
      document.head.append(script);
      return 'intruder' in window;
    });
    await violated;
    expect(ran).toBe(false);
  }
});

/** One of each status, and one with everything as long as it may be. */
async function ordersOfAllKinds(user: Account, mover: Account) {
  const soon = new Date(Date.now() + 86_400_000).toISOString();
  const late = new Date(Date.now() - 3_600_000).toISOString();
  const full = {
    description: 'Third floor, no lift. Two people carry it, the legs come off.',
    reference: 'PO-1881',
    recipient: { name: 'Ana Lima', phone: '+351 210 000 000' },
    pickup_address: '1 Dock Rd, Lisbon',
    delivery_address: '2 Hill St, Porto',
    metadata: { Floor: '3', 'Door code': '4711' },
  };
  await user.create({ title: 'Sofa, three seats', ...full, reference: null, due_at: late });
  const started = await user.create({ title: 'Bookcase, oak', delivery_address: '7 Mill Lane, Braga' });
  await mover.move(started, 'started');
  const moving = await user.create({ title: 'Piano, upright', ...full, due_at: soon });
  await mover.take(moving);
  await mover.move(moving, 'started');
  await mover.move(moving, 'in_progress', { location: 'Lisbon', estimated_at: soon, message: 'Loaded, on our way' });
  const held = await user.create({ title: 'Washing machine', ...full, reference: null, due_at: soon });
  await mover.move(held, 'started');
  await mover.move(held, 'on_hold', { reason: 'recipient_absent', message: 'We come again tomorrow.', note: 'The dog bites.' });
  await user.change(held, { delivery_address: '4 Hill St, Porto' });
  const completed = await user.create({ title: 'Two armchairs' });
  for (const status of ['started', 'in_progress', 'completed']) await mover.move(completed, status);
  const cancelled = await user.create({ title: 'Garden table' });
  await user.move(cancelled, 'cancelled', { reason: 'by_request' });
  await user.create({
    title: `${longWord} ${longWord.slice(0, 55)}`,
    reference: longWord,
    recipient: { name: longWord, phone: '+351 210 000 000' },
    pickup_address: longWord.repeat(4),
    delivery_address: longWord.repeat(4),
    metadata: { [longWord.slice(0, 40)]: longWord.repeat(3) },
  });
  return { started, moving, held, completed, cancelled };
}
