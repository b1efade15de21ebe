import type { Locator } from '@playwright/test';
import { Account, someone } from './support/api';
import { expect, test } from './support/fixtures';
import type { Visitor } from './support/visitor';

const sofa = { title: 'Sofa, three seats', pickup: '1 Dock Rd, Lisbon', delivery: '2 Hill St, Porto' };

test('the walk: a user creates, a mover moves, everybody sees it at once', async ({ server, visitor }) => {
  test.slow();
  const uma = await visitor({ permissions: ['clipboard-read', 'clipboard-write'] });
  const ada = await visitor();
  const anyone = await visitor();
  let id = '';
  let link = '';

  await test.step('the user registers; the empty page says what to do first', async () => {
    await uma.page.goto('/');
    await uma.page.getByRole('link', { name: 'Create an account' }).click();
    await expect(uma.heading('Create your account')).toBeVisible();
    await uma.fillsInAccount(someone('Uma Rao'));
    await uma.page.getByRole('button', { name: 'Create account' }).click();
    await expect(uma.heading('Orders')).toBeVisible();
    await expect(uma.page.getByRole('heading', { name: 'Create your first order' })).toBeVisible();
    await expect(uma.page.getByText('Pass on its ID or link')).toBeVisible();
  });

  await test.step('creates a sofa, and sees its ID, status, history and public link', async () => {
    await uma.page.getByRole('link', { name: 'Create an order' }).click();
    await expect(uma.heading('New order')).toBeVisible();
    await uma.page.getByRole('textbox', { name: 'Title' }).fill(sofa.title);
    await uma.page.getByRole('textbox', { name: 'Pickup address' }).fill(sofa.pickup);
    await uma.page.getByRole('textbox', { name: 'Delivery address' }).fill(sofa.delivery);
    await uma.page.getByRole('button', { name: 'Create order' }).click();

    await expect(uma.heading(sofa.title)).toBeVisible();
    id = uma.page.url().split('/').pop()!;
    expect(id).toMatch(/^[0-9A-HJKMNP-TV-Z]{10}$/);
    const shown = uma.page.getByText(id, { exact: true }).first();
    expect(await fontSize(shown), 'the ID is in large type').toBeGreaterThanOrEqual(24);
    await expect(uma.status()).toHaveText('Created');
    await expect(uma.history()).toHaveCount(1);
    await expect(uma.history()).toContainText('Order created');
    await expect(uma.page.getByText(sofa.pickup)).toBeVisible();
    await expect(uma.page.getByText(sofa.delivery)).toBeVisible();

    await uma.copies(uma.page.getByRole('button', { name: 'Copy ID' }));
    expect(await uma.page.evaluate(() => navigator.clipboard.readText())).toBe(id);
    link = (await uma.page.getByRole('link', { name: new RegExp(`/t/${id}`) }).getAttribute('href'))!;
    expect(link).toBe(`${server.url}/t/${id}`);
  });

  await test.step('the admin joins with the link from the command line and is on the board, where the order stands', async () => {
    await ada.joins(await server.invite({ admin: true }), someone('Ada Quist'));
    await expect(ada.card(sofa.title)).toBeVisible();
    await expect(ada.card(sofa.title)).toContainText('Created');
    await expect(ada.page.getByRole('link', { name: 'People' })).toBeVisible();
  });

  await test.step('anybody with the link follows, and sees no more than the public may', async () => {
    await anyone.page.goto(link);
    await expect(anyone.heading('Created')).toBeVisible();
    await expect(anyone.history()).toHaveCount(1);
    for (const secret of [sofa.title, sofa.pickup, sofa.delivery, 'Uma', 'Ada']) {
      await expect(anyone.page.getByText(secret)).toHaveCount(0);
    }
    for (const watcher of [uma, ada, anyone]) await expect(watcher.pill('Live')).toBeVisible();
  });

  await test.step('Start: user and public see it within a second, and the history grows by one', async () => {
    const marks = await Promise.all([uma, anyone].map(leaveMark));
    const seen = [uma, anyone].map((watcher) => watcher.momentOf('Started'));
    const press = await noteNextPress(ada);
    await ada.card(sofa.title).getByRole('button', { name: 'Start' }).click();
    const pressed = await press();
    for (const moment of await Promise.all(seen)) expect(moment - pressed).toBeLessThan(1000);
    for (const watcher of [uma, anyone]) {
      await expect(watcher.history()).toHaveCount(2);
      await expect(watcher.history().first()).toContainText('Started');
    }
    for (const mark of marks) expect(await mark(), 'the page was not loaded again').toBe(true);
    await expect(ada.card(sofa.title)).toContainText('Started');
  });

  await test.step('In progress', async () => {
    await ada.card(sofa.title).getByRole('button', { name: 'In progress' }).click();
    await expectEverywhere([uma, anyone], 'In progress', 3);
  });

  await test.step('On hold asks for a reason and offers a message that everyone sees', async () => {
    await ada.choosesFromMenu(sofa.title, 'On hold…');
    const dialog = ada.page.getByRole('dialog', { name: 'Put the order on hold' });
    await expect(dialog.getByRole('radiogroup', { name: 'Reason' })).toBeVisible();
    await expect(dialog.getByRole('textbox', { name: 'Message' })).toHaveAccessibleDescription(/Everyone with the link sees it/);
    await dialog.getByRole('button', { name: 'Put on hold' }).click();
    await expect(dialog.getByText('Please choose a reason')).toBeVisible();
    await dialog.getByRole('radio', { name: 'Nobody was there' }).check();
    await dialog.getByRole('textbox', { name: 'Message' }).fill('We come again tomorrow at ten.');
    await dialog.getByRole('textbox', { name: 'Note' }).fill('The dog bites.');
    await dialog.getByRole('button', { name: 'Put on hold' }).click();
    await expect(dialog).toBeHidden();
    await expectEverywhere([uma, anyone], 'On hold', 4);
    for (const watcher of [uma, anyone]) {
      await expect(watcher.history().first()).toContainText('Nobody was there');
      await expect(watcher.history().first()).toContainText('We come again tomorrow at ten.');
    }
    await expect(uma.history().first()).toContainText('The dog bites.');
    await expect(anyone.page.getByText('The dog bites.')).toHaveCount(0);
  });

  await test.step('In progress again, Completed, and that taken back', async () => {
    await ada.page.getByRole('link', { name: sofa.title }).click();
    await expect(ada.heading(sofa.title)).toBeVisible();
    const moves = ada.page.getByRole('group', { name: 'Moves' });
    await moves.getByRole('button', { name: 'In progress', exact: true }).click();
    await expectEverywhere([uma, anyone], 'In progress', 5);
    await moves.getByRole('button', { name: 'Complete', exact: true }).click();
    await expectEverywhere([uma, anyone], 'Completed', 6);
    await moves.getByRole('button', { name: 'Undo: In progress again' }).click();
    await expectEverywhere([uma, anyone], 'In progress', 7);
    await expect(uma.history().first()).toContainText('Taken back: In progress again');
    await expect(ada.history()).toHaveCount(7);
  });

  await test.step('reload everything: all is as it was', async () => {
    await Promise.all([uma, ada, anyone].map(({ page }) => page.reload()));
    await expectEverywhere([uma, anyone], 'In progress', 7);
    await expect(ada.heading(sofa.title)).toBeVisible();
    await expect(ada.history()).toHaveCount(7);
    await expect(uma.history().nth(3)).toContainText('We come again tomorrow at ten.');
  });
});

test('an admin invites a mover, who joins with the link, once', async ({ server, visitor }) => {
  const ada = await visitor();
  const max = await visitor();
  const stranger = await visitor();
  await ada.joins(await server.invite({ admin: true }), someone('Ada Quist'));
  await ada.page.getByRole('link', { name: 'People' }).click();
  await expect(ada.heading('People')).toBeVisible();

  await ada.page.getByRole('textbox', { name: 'For whom' }).fill('Max from the night shift');
  await ada.page.getByRole('button', { name: 'Make an invitation' }).click();
  const made = ada.page.getByRole('region', { name: 'The invitation is ready' });
  const link = await made.getByText(/\/movers\/join#/).innerText();
  expect(link).toContain(`${server.url}/movers/join#`);
  await expect(made.getByRole('img', { name: 'QR code of the link' })).toBeVisible();
  await expect(made.getByRole('button', { name: 'Copy the link' })).toBeVisible();
  await expect(made.getByRole('alert')).toContainText('works only on this machine');

  await max.joins(link, someone('Max Stone'));
  await expect(max.page.getByRole('link', { name: 'People' })).toHaveCount(0);

  stranger.complaints.expect(/\b410\b/);
  await stranger.page.goto(link);
  await stranger.fillsInAccount(someone('Second User'));
  await stranger.page.getByRole('button', { name: 'Join' }).click();
  await expect(stranger.page.getByRole('heading', { name: "This invitation can't be used" })).toBeVisible();
  await expect(stranger.page.getByText('This invitation was used already.')).toBeVisible();

  await ada.page.reload();
  const used = ada.page.getByRole('listitem').filter({ hasText: 'Max from the night shift' });
  await expect(used).toContainText('Used by Max Stone');
});

test('user and mover side by side in one browser: neither disturbs the other', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const asUser = await visitor();
  const asMover = await asUser.newTab();
  await asUser.signsInAsUser(user.credentials);
  await asMover.signsInAsMover(mover.credentials);
  const id = await asUser.createsOrder({ title: 'Piano, upright' });
  await expect(asUser.pill('Live')).toBeVisible();
  await asMover.card('Piano, upright').getByRole('button', { name: 'Start' }).click();
  await expect(asUser.status()).toHaveText('Started');

  await Promise.all([asUser.page.reload(), asMover.page.reload()]);
  await expect(asUser.heading('Piano, upright')).toBeVisible();
  await expect(asMover.heading('Board')).toBeVisible();

  await asMover.signsOut();
  await asUser.page.reload();
  await expect(asUser.heading('Piano, upright')).toBeVisible();
  await expect(asUser.pill('Live')).toBeVisible();

  await asMover.signsInAsMover(mover.credentials);
  await asUser.signsOut();
  await asMover.page.reload();
  await expect(asMover.heading('Board')).toBeVisible();
  await expect(asMover.pill('Live')).toBeVisible();
  await asUser.page.goto(`/orders/${id}`);
  await expect(asUser.heading('Welcome back')).toBeVisible();
});

/** Status and number of entries, on the user's page and the public one. */
async function expectEverywhere([owner, anyone]: [Visitor, Visitor] | Visitor[], status: string, entries: number) {
  await expect(owner!.status()).toHaveText(status);
  await expect(anyone!.heading(status)).toBeVisible();
  for (const watcher of [owner!, anyone!]) await expect(watcher.history()).toHaveCount(entries);
}

/** When the button went down: the page knows, while a click of Playwright's takes its time before and after. */
async function noteNextPress({ page }: Visitor) {
  await page.evaluate(() => {
    const note = () => Object.assign(window, { pressedAt: Date.now() });
    document.addEventListener('pointerdown', note, { capture: true, once: true });
  });
  return () => page.evaluate(() => (window as unknown as { pressedAt: number }).pressedAt);
}

/** A reload would wipe it away. */
async function leaveMark({ page }: Visitor) {
  await page.evaluate(() => Object.assign(window, { wasHere: true }));
  return () => page.evaluate(() => 'wasHere' in window);
}

async function fontSize(locator: Locator): Promise<number> {
  return locator.evaluate((element) => parseFloat(getComputedStyle(element).fontSize));
}
