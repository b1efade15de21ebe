import fs from 'node:fs/promises';
import type { Download, Page } from '@playwright/test';
import { Account } from './support/api';
import { expect, test } from './support/fixtures';

test('a CSV file becomes orders, but for the line that is wrong; and the export becomes orders again', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await page.getByRole('link', { name: 'Import CSV' }).click();
  await expect(who.heading('Import orders')).toBeFocused();

  await test.step('what is no CSV is told of', async () => {
    await choose(page, 'orders.csv', '');
    await expect(page.getByRole('alert')).toContainText('It is empty.');
    await choose(page, 'orders.xlsx', Buffer.from('504b0304140006', 'hex'));
    await expect(page.getByRole('alert')).toContainText('save it as CSV');
    await choose(page, 'orders.csv', 'name;price\nSofa;3');
    await expect(page.getByRole('alert')).toContainText('None of the columns');
  });

  await test.step('each line is tried, and nothing is created yet', async () => {
    await choose(
      page,
      'orders.csv',
      [
        'title,reference,recipient_phone,delivery_address,metadata,due_at,colour',
        `Sofa,PO-1,'+351 210 000 000,"2 Hill St, Porto","{""Floor"":""3""}",2030-11-23T12:00:00Z,red`,
        `${'x'.repeat(121)},PO-2,,,,,`,
        "'=1+1,PO-3,,\"1 Dock Rd\nLisbon\",,,",
        'Lamp,PO-1,,,,soon,',
      ].join('\r\n'),
    );
    await expect(page.getByRole('heading', { name: '2 orders can be created' })).toBeFocused();
    await expect(page.getByText('Columns that we don’t know'.replace('’', "'"))).toContainText('colour');
    const refused = page.getByRole('list', { name: 'What is wrong' }).getByRole('listitem');
    await expect(refused).toHaveCount(2);
    await expect(refused.first()).toContainText('Line 3');
    await expect(refused.first()).toContainText('title: must have at most 120 characters');
    await expect(refused.last()).toContainText('Line 6');
    await expect(refused.last()).toContainText('due_at: must be a time');
    expect(await user.list()).toEqual([]);
  });

  await test.step('the good ones are created, and the others can be saved to be mended', async () => {
    await page.getByRole('button', { name: 'Create 2 orders' }).click();
    await expect(page.getByRole('heading', { name: '2 orders were created' })).toBeFocused();
    const saved = await text(await saving(page, 'Save these lines as CSV'));
    expect(saved).toContain('Lamp,PO-1,,,,soon,,due_at: must be a time');
    const orders = await user.list();
    expect(orders.map(({ title }) => title).sort()).toEqual(['=1+1', 'Sofa']);
    expect(orders.find(({ title }) => title === 'Sofa')).toMatchObject({
      reference: 'PO-1',
      recipient: { name: null, phone: '+351 210 000 000' },
      delivery_address: '2 Hill St, Porto',
      metadata: { Floor: '3' },
      due_at: '2030-11-23T12:00:00.000Z',
    });
  });

  await test.step('the export has them with the filters of the list', async () => {
    await page.getByRole('link', { name: 'To your orders' }).first().click();
    await expect(page.getByRole('article')).toHaveCount(2);
    const all = await saving(page, 'Export CSV');
    expect(all.suggestedFilename()).toMatch(/^orders-\d{4}-\d\d-\d\d\.csv$/);
    expect(await text(all)).toContain("'+351 210 000 000");
    await page.getByRole('searchbox', { name: 'Search orders' }).fill('PO-3');
    await expect(page.getByRole('article')).toHaveCount(1);
    const some = await text(await saving(page, 'Export CSV'));
    expect(some).toContain("'=1+1");
    expect(some).not.toContain('Sofa');

    await page.getByRole('link', { name: 'Import CSV' }).click();
    await choose(page, 'orders-export.csv', some.replace('PO-3', 'PO-4'));
    await expect(page.getByText('Columns that a new order can\'t have')).toContainText('id, status, version');
    await page.getByRole('button', { name: 'Create 1 order' }).click();
    await expect(page.getByRole('heading', { name: '1 order was created' })).toBeVisible();
    expect((await user.list()).map(({ title, reference }) => [title, reference])).toContainEqual(['=1+1', 'PO-4']);
  });
});

test('ten thousand lines come through a lost answer and a server that restarts meanwhile, each once', async ({ server, visitor }) => {
  test.slow();
  const user = await Account.user(server);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await page.goto('/orders/import');
  const lines = Array.from({ length: 10_000 }, (_, index) => `Parcel ${index + 1}`);
  await choose(page, 'parcels.csv', ['title', ...lines].join('\n'));
  const start = page.getByRole('button', { name: 'Create 10,000 orders' });
  await expect(start).toBeVisible({ timeout: 90_000 });

  let batches = 0;
  let stop = () => {};
  const stopped = new Promise<void>((resolve) => (stop = resolve));
  await page.route('**/api/v1/orders/batch', async (route) => {
    batches++;
    if (batches === 3) {
      // It is done, and its answer does not come through.
      await route.fetch();
      return route.abort();
    }
    if (batches === 6) {
      await server.stop();
      stop();
    }
    return route.continue();
  });
  who.complaints.beginOutage();
  await start.click();
  await stopped;
  await expect(page.getByText("The server doesn't answer right now.")).toBeVisible();
  await server.start();
  await expect(page.getByRole('heading', { name: '10,000 orders were created' })).toBeVisible({ timeout: 90_000 });
  expect(batches).toBeGreaterThan(20);
  expect(await user.count()).toBe(10_000);
});

test('admins export what the board shows', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const admin = await Account.mover(server, { name: 'Ada Quist', admin: true });
  const mover = await Account.mover(server);
  await user.create('Sofa');
  const done = await user.create('Piano');
  for (const status of ['started', 'in_progress', 'completed']) await mover.move(done, status);
  const [ada, max] = [await visitor(), await visitor()];
  await ada.signsInAsMover(admin.credentials);
  await expect(ada.card('Sofa')).toBeVisible();
  const saved = await text(await saving(ada.page, 'Export CSV'));
  expect(saved).toContain('Sofa');
  expect(saved).not.toContain('Piano');
  await max.signsInAsMover(mover.credentials);
  await expect(max.card('Sofa')).toBeVisible();
  await expect(max.page.getByRole('button', { name: 'Export CSV' })).toHaveCount(0);
});

async function choose(page: Page, name: string, content: string | Buffer) {
  const buffer = typeof content === 'string' ? Buffer.from(content) : content;
  await page.getByLabel('Choose a file').setInputFiles({ name, mimeType: 'text/csv', buffer });
}

async function saving(page: Page, button: string): Promise<Download> {
  const download = page.waitForEvent('download');
  await page.getByRole('button', { name: button }).click();
  return download;
}

async function text(download: Download): Promise<string> {
  return fs.readFile(await download.path(), 'utf8');
}
