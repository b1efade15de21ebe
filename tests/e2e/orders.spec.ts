import { Account } from './support/api';
import { expect, test } from './support/fixtures';

test('an owner edits, says something, cancels and takes it back; the public sees what it may', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const id = await user.create({ title: 'Dining table', delivery_address: '2 Hill St' });
  const [owner, anyone] = [await visitor(), await visitor()];
  const { page } = owner;
  await owner.signsInAsUser(user.credentials);
  await page.getByRole('link', { name: 'Dining table' }).click();
  await anyone.page.goto(`/t/${id}`);
  await expect(anyone.pill('Live')).toBeVisible();

  await page.getByRole('link', { name: 'Edit details' }).click();
  await page.getByRole('textbox', { name: 'Delivery address' }).fill('4 Hill St');
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(owner.heading('Dining table')).toBeVisible();
  await expect(owner.history().first()).toContainText('Details changed: delivery address');
  await expect(page.getByText('4 Hill St')).toBeVisible();

  await page.getByRole('textbox', { name: 'Note' }).fill('Ring twice');
  await page.getByRole('button', { name: 'Add note' }).click();
  await expect(owner.history().first()).toContainText('Ring twice');
  await page.getByRole('radiogroup', { name: 'Kind of entry' }).getByText('Message').click();
  await page.getByRole('textbox', { name: 'Message' }).fill('We are at home from ten');
  await page.getByRole('button', { name: 'Send message' }).click();
  await expect(anyone.history().first()).toContainText('We are at home from ten');
  await expect(anyone.history(), 'the change and the note are not for the public').toHaveCount(2);

  await page.getByRole('button', { name: 'Cancel order' }).click();
  const dialog = page.getByRole('dialog', { name: 'Cancel this order?' });
  await dialog.getByRole('button', { name: 'Cancel the order' }).click();
  await expect(owner.status()).toHaveText('Cancelled');
  await expect(anyone.heading('Cancelled')).toBeVisible();
  await page.getByRole('button', { name: 'Take it back' }).click();
  await expect(owner.status()).toHaveText('Created');
  await expect(anyone.heading('Created')).toBeVisible();
});

test('two tabs edit the same order: the second is shown both, and loses nothing', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const id = await user.create({ title: 'Shelf', description: 'White', delivery_address: '2 Hill St' });
  const who = await visitor();
  const { page, complaints } = who;
  await who.signsInAsUser(user.credentials);
  await page.goto(`/orders/${id}/edit`);
  await page.getByRole('textbox', { name: 'Description' }).fill('White, with a scratch');
  await page.getByRole('textbox', { name: 'Pickup address' }).fill('1 Dock Rd');
  await user.change(id, { description: 'White, two boards', delivery_address: '4 Hill St' });
  complaints.expect(/\b412\b/);
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(page.getByText('Somebody changed this order meanwhile')).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Delivery address' })).toHaveValue('4 Hill St');
  await expect(page.getByRole('textbox', { name: 'Pickup address' })).toHaveValue('1 Dock Rd');
  await expect(page.getByRole('textbox', { name: 'Description' })).toHaveValue('White, with a scratch');
  await page.getByRole('button', { name: 'Take theirs' }).click();
  await page.getByRole('button', { name: 'Save' }).click();
  await expect(who.heading('Shelf')).toBeVisible();
  for (const kept of ['White, two boards', '4 Hill St', '1 Dock Rd']) await expect(page.getByText(kept)).toBeVisible();
});

test('search, filter and sort find orders, and the address keeps them', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const lamp = await user.create({ title: 'Standing lamp', reference: 'LAMP-7' });
  await user.create('Carpet, red');
  await mover.move(lamp, 'started');
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  const search = page.getByRole('searchbox', { name: 'Search orders' });
  await expect(page.getByRole('article')).toHaveCount(2);
  for (const words of ['LAMP', 'standing', lamp.toLowerCase()]) {
    await search.fill(words);
    await expect(page.getByRole('article')).toHaveCount(1);
    await expect(page.getByRole('link', { name: 'Standing lamp' })).toBeVisible();
    await page.reload();
    await expect(page.getByRole('article')).toHaveCount(1);
    await expect(search).toHaveValue(words);
    // Or the next words would pass on what these have found.
    await search.fill('');
    await expect(page.getByRole('article')).toHaveCount(2);
  }
  await page.getByRole('group', { name: 'Filter by status' }).getByRole('button', { name: /^Created/ }).click();
  await expect(page.getByRole('link', { name: 'Carpet, red' })).toBeVisible();
  await expect(page.getByRole('link', { name: 'Standing lamp' })).toBeHidden();
});

test('who comes by a link signs in and gets there; who typed the ID loosely, too', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const id = await user.create('Cupboard');
  const [owner, driver, anyone] = [await visitor(), await visitor(), await visitor()];
  await owner.page.goto(`/orders/${id}`);
  await owner.page.getByLabel('Email').fill(user.credentials.email);
  await owner.page.getByLabel('Password', { exact: true }).fill(user.credentials.password);
  await owner.page.getByRole('button', { name: 'Sign in' }).click();
  await expect(owner.heading('Cupboard')).toBeVisible();
  await owner.page.goto(`/orders/${id.toLowerCase()}`);
  await expect(owner.pill('Live')).toBeVisible();
  await expect(owner.heading('Cupboard')).toBeVisible();
  await mover.move(id, 'started');
  await expect(owner.status(), 'a loosely typed ID is followed, too').toHaveText('Started');
  expect(new URL(owner.page.url()).pathname).toBe(`/orders/${id}`);

  await driver.page.goto('/movers');
  await expect(driver.heading('Sign in as a mover')).toBeVisible();
  await driver.signsInAsMover(mover.credentials);
  await driver.page.goto(`/movers/orders/${id.toLowerCase()}`);
  await expect(driver.heading('Cupboard')).toBeVisible();

  await anyone.page.goto('/t/');
  const loosely = `${id.slice(0, 3)}-${id.slice(3, 6)} ${id.slice(6)}`.toLowerCase().replaceAll('1', 'l').replaceAll('0', 'o');
  await anyone.page.getByRole('textbox', { name: 'Order ID' }).fill(loosely);
  await anyone.page.getByRole('button', { name: 'Track' }).click();
  await expect(anyone.heading('Started')).toBeVisible();
  expect(new URL(anyone.page.url()).pathname).toBe(`/t/${id}`);
});

test('somebody else’s order is not there', async ({ server, visitor }) => {
  const id = await (await Account.user(server)).create('Not yours');
  const stranger = await Account.user(server);
  const who = await visitor();
  await who.signsInAsUser(stranger.credentials);
  who.complaints.expect(/\b404\b/);
  await who.page.goto(`/orders/${id}`);
  await expect(who.heading('Nothing here')).toBeVisible();
  await expect(who.page.getByText('Not yours')).toHaveCount(0);
});
