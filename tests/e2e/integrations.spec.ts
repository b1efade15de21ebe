import { Account } from './support/api';
import { expect, test } from './support/fixtures';
import { Receiver } from './support/receiver';

test('a user makes an API key, a program works with it, and it is ended', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const who = await visitor({ permissions: ['clipboard-read', 'clipboard-write'] });
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await page.getByRole('link', { name: 'Integrations' }).click();
  await expect(who.heading('Integrations')).toBeFocused();
  await expect(page.getByText('No keys yet.')).toBeVisible();

  await page.getByRole('button', { name: 'Make a key' }).click();
  const dialog = page.getByRole('dialog', { name: 'Make a key' });
  await dialog.getByRole('checkbox', { name: 'Read orders' }).uncheck();
  await dialog.getByRole('button', { name: 'Make the key' }).click();
  await expect(dialog.getByText('Please fill this in')).toBeVisible();
  await expect(dialog.getByText('Choose at least one')).toBeVisible();
  await dialog.getByRole('textbox', { name: 'Name' }).fill('Web shop');
  await dialog.getByRole('checkbox', { name: 'Create and change orders' }).check();
  await dialog.getByRole('combobox', { name: 'Good for' }).selectOption('90 days');
  await dialog.getByRole('button', { name: 'Make the key' }).click();

  const made = page.getByRole('region', { name: 'The key “Web shop” is ready' });
  await expect(made.getByRole('heading')).toBeFocused();
  await who.copies(made.getByRole('button', { name: 'Copy the key' }), made);
  const key = await page.evaluate(() => navigator.clipboard.readText());
  expect(key).toMatch(/^otk_[0-9A-Za-z]{43}$/);

  const shop = Account.program(server, key);
  const id = await shop.create('Sofa, ordered in the shop');
  await expect(shop.list()).rejects.toThrow(/403.*insufficient_scope/s);
  await made.getByRole('button', { name: 'I have kept it' }).click();
  await expect(page.getByText(key)).toHaveCount(0);
  await page.reload();
  const item = page.getByRole('list', { name: 'API keys' }).getByRole('listitem').filter({ hasText: 'Web shop' });
  await expect(item).toContainText(`…${key.slice(-4)}`);
  await expect(item).toContainText('last used');
  await expect(item).toContainText('Create and change orders');
  await page.getByRole('link', { name: 'Orders' }).first().click();
  await page.getByRole('link', { name: 'Sofa, ordered in the shop' }).click();
  await expect(page).toHaveURL(new RegExp(`/orders/${id}$`));

  await page.getByRole('link', { name: 'Integrations' }).click();
  await page.getByRole('button', { name: 'End the key: Web shop' }).click();
  await page.getByRole('dialog').getByRole('button', { name: 'End the key' }).click();
  await expect(page.getByText('No keys yet.')).toBeVisible();
  await expect(shop.create('Too late')).rejects.toThrow(/401.*invalid_api_key/s);
});

test('a user’s webhook is told of events, and its log tells what came of it', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const receiver = await Receiver.start();
  const who = await visitor();
  const { page } = who;
  const log = page.getByRole('list', { name: 'What was sent' }).getByRole('listitem');
  await who.signsInAsUser(user.credentials);
  await page.goto('/integrations');
  await page.getByRole('button', { name: 'Add a webhook' }).click();
  const dialog = page.getByRole('dialog');
  const address = dialog.getByRole('textbox', { name: 'Address (URL)' });

  await test.step('an address that is none is told of at its field', async () => {
    who.complaints.expect(/\b422\b/);
    await address.fill('https://10.0.0.1/webhooks');
    await dialog.getByRole('button', { name: 'Add the webhook' }).click();
    await expect(address).toHaveAttribute('aria-invalid', 'true');
    await expect(dialog.getByText('must lead to a public address')).toBeVisible();
  });

  await test.step('made, its secret is shown once', async () => {
    await address.fill(receiver.url);
    await dialog.getByRole('textbox', { name: 'Description' }).fill('Our shop');
    await dialog.getByRole('button', { name: 'Add the webhook' }).click();
    const made = page.getByRole('region', { name: 'The webhook is ready' });
    await expect(made).toContainText('whsec_');
    await made.getByRole('button', { name: 'I have kept it' }).click();
    await expect(page.getByText('whsec_')).toHaveCount(0);
    await page.getByRole('link', { name: receiver.url }).click();
    await expect(who.heading('Webhook')).toBeVisible();
  });

  await test.step('a test and an event are received', async () => {
    await page.getByRole('button', { name: 'Send a test' }).click();
    await expect(log.first()).toContainText('Received');
    const id = await user.create('Sofa');
    await expect.poll(() => receiver.types()).toEqual(['webhook.test', 'order.created']);
    await page.getByRole('button', { name: 'Refresh' }).click();
    await expect(log.filter({ hasText: id })).toContainText('Order created');
    await page.getByRole('button', { name: `Order created, ${id}: attempts` }).click();
    const attempts = page.getByRole('list', { name: 'Attempts' });
    await expect(attempts).toContainText('Answer 200');
    await expect(attempts).toContainText('Thank you');
  });

  await test.step('what fails is told with the reason, and can be sent again', async () => {
    receiver.status = 500;
    await page.getByRole('button', { name: 'Send a test' }).click();
    await expect(log.filter({ hasText: 'Test' })).toHaveCount(2);
    const test = log.filter({ hasText: 'Test' }).first();
    await test.getByRole('button', { name: /: attempts$/ }).click();
    await expect(test.getByRole('list', { name: 'Attempts' })).toContainText('Answer 500');
    await expect(test).toContainText('Waiting');
    // After the second attempt, in five seconds, it waits for minutes.
    const attempts = test.getByRole('list', { name: 'Attempts' }).getByRole('listitem');
    await expect(attempts).toHaveCount(2);
    receiver.status = 200;
    await test.getByRole('button', { name: /^Send again/ }).click();
    await expect(test).toContainText('Received');
    await expect(attempts).toHaveCount(3);
  });

  await test.step('the last day is replayed, with the same webhook-id', async () => {
    const before = receiver.messages.find(({ type }) => type === 'order.created')!;
    await page.getByRole('button', { name: 'More for this webhook' }).click();
    await page.getByRole('menuitem', { name: 'Replay a time…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Send it' }).click();
    await expect(page.getByText('1 message is on its way.')).toBeVisible();
    await expect.poll(() => receiver.messages.filter(({ type }) => type === 'order.created').map(({ id }) => id)).toEqual([before.id, before.id]);
  });

  await test.step('its secret is replaced; it is changed, switched off and on, and deleted', async () => {
    await page.getByRole('button', { name: 'More for this webhook' }).click();
    await page.getByRole('menuitem', { name: 'Replace the secret…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Replace it' }).click();
    await expect(page.getByRole('region', { name: 'The new secret is ready' })).toContainText('whsec_');
    await expect(page.getByText(/The one before signs, too, until/)).toBeVisible();

    await page.getByRole('button', { name: 'Edit' }).click();
    await page.getByRole('dialog').getByRole('checkbox', { name: 'All events' }).uncheck();
    await page.getByRole('dialog').getByRole('checkbox', { name: 'Status changed' }).check();
    await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click();
    await expect(page.getByRole('definition').filter({ hasText: 'Status changed' })).toBeVisible();

    await page.getByRole('button', { name: 'Switch off' }).click();
    await expect(page.getByText(/Switched off by hand/)).toBeVisible();
    await expect(page.getByRole('button', { name: 'Send a test' })).toBeDisabled();
    await page.getByRole('button', { name: 'Switch on' }).click();
    await expect(page.getByText('Active', { exact: true })).toBeVisible();

    await page.getByRole('button', { name: 'More for this webhook' }).click();
    await page.getByRole('menuitem', { name: 'Delete…' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete it' }).click();
    await expect(who.heading('Integrations')).toBeVisible();
    await expect(page.getByText('No webhooks yet.')).toBeVisible();
  });
  await receiver.stop();
});

test('movers have keys, and admins webhooks, too', async ({ server, visitor }) => {
  const mover = await Account.mover(server);
  const admin = await Account.mover(server, { name: 'Ada Quist', admin: true });
  const [max, ada] = [await visitor(), await visitor()];
  await max.signsInAsMover(mover.credentials);
  await max.page.getByRole('link', { name: 'Integrations' }).click();
  await expect(max.page.getByText('No keys yet.')).toBeVisible();
  await expect(max.page.getByRole('heading', { name: 'Webhooks' })).toHaveCount(0);
  await max.page.getByRole('button', { name: 'Make a key' }).click();
  await expect(max.page.getByRole('checkbox')).toHaveCount(2);
  await ada.signsInAsMover(admin.credentials);
  await ada.page.getByRole('link', { name: 'Integrations' }).click();
  await expect(ada.page.getByText('No webhooks yet.')).toBeVisible();
});
