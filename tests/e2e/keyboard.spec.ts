import type { Locator, Page } from '@playwright/test';
import { Account } from './support/api';
import { expect, test } from './support/fixtures';

test('a user signs in and creates an order with the keyboard alone', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const who = await visitor();
  const { page } = who;
  const { email, password } = user.credentials;
  await page.goto('/sign-in');
  await tabTo(page, page.getByLabel('Email'));
  await page.keyboard.type(email);
  await tabTo(page, page.getByLabel('Password', { exact: true }));
  await page.keyboard.type(password);
  await page.keyboard.press('Enter');
  await expect(who.heading('Orders')).toBeVisible();

  await tabTo(page, page.getByRole('link', { name: 'Create an order' }));
  await page.keyboard.press('Enter');
  await expect(who.heading('New order')).toBeFocused();
  await tabTo(page, page.getByRole('textbox', { name: 'Title' }));
  await page.keyboard.type('Wardrobe');
  await tabTo(page, page.getByRole('textbox', { name: 'Delivery address' }));
  await page.keyboard.type('2 Hill St, Porto');
  await tabTo(page, page.getByRole('switch', { name: 'Public tracking' }));
  await tabTo(page, page.getByRole('button', { name: 'Create order' }));
  await page.keyboard.press('Enter');
  await expect(who.heading('Wardrobe')).toBeFocused();

  await test.step('the dialog takes the focus, keeps it and gives it back', async () => {
    const opener = page.getByRole('button', { name: 'Cancel order' });
    await tabTo(page, opener);
    await page.keyboard.press('Enter');
    const dialog = page.getByRole('dialog', { name: 'Cancel this order?' });
    await expectTrapped(page, dialog);
    await page.keyboard.press('Escape');
    await expect(dialog).toBeHidden();
    await expect(opener).toBeFocused();
  });

  await test.step('the account menu opens, moves with the arrows and closes with Escape', async () => {
    const menu = page.getByRole('button', { name: /^Account menu/ });
    await menu.focus();
    await page.keyboard.press('Enter');
    await expect(page.getByRole('menu')).toBeVisible();
    await page.keyboard.press('ArrowDown');
    await expect(page.getByRole('menuitem').or(page.getByRole('menuitemradio')).and(page.locator(':focus'))).toHaveCount(1);
    await page.keyboard.press('Escape');
    await expect(page.getByRole('menu')).toBeHidden();
    await expect(menu).toBeFocused();
  });
});

test('a mover moves orders with the keyboard alone', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const title = 'Chest of drawers';
  await user.create(title);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsMover(mover.credentials);
  const card = who.card(title);
  await expect(card).toBeVisible();

  await tabTo(page, card.getByRole('button', { name: 'Start' }), 200);
  await page.keyboard.press('Enter');
  await expect(card).toContainText('Started');
  await expect(page.locator('body'), 'whoever moved the order is still somewhere on the page').not.toBeFocused();

  const more = page.getByRole('button', { name: `More for ${title}` });
  await more.focus();
  await page.keyboard.press('Enter');
  await arrowTo(page, page.getByRole('menuitem', { name: 'On hold…' }));
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Put the order on hold' });
  await expectTrapped(page, dialog);
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(more).toBeFocused();

  await page.keyboard.press('Enter');
  await arrowTo(page, page.getByRole('menuitem', { name: 'On hold…' }));
  await page.keyboard.press('Enter');
  await expect(dialog).toBeVisible();
  await tabTo(page, dialog.getByRole('radio').first());
  await page.keyboard.press('Space');
  await expect(dialog.getByRole('radio', { name: 'Nobody was there' })).toBeChecked();
  await page.keyboard.press('ArrowDown');
  await expect(dialog.getByRole('radio', { name: 'Refused by the recipient' })).toBeChecked();
  await tabTo(page, dialog.getByRole('button', { name: 'Put on hold' }));
  await page.keyboard.press('Enter');
  await expect(card).toContainText('On hold');
  await expect(dialog).toBeHidden();

  await test.step('Ctrl+K leads to an order', async () => {
    await page.keyboard.press('Control+k');
    await expect(page.getByRole('textbox', { name: 'Jump to an order' })).toBeFocused();
    await page.keyboard.type('chest of');
    await expect(page.getByRole('dialog', { name: 'Jump to an order' }).getByText(title)).toBeVisible();
    await page.keyboard.press('ArrowDown');
    await page.keyboard.press('Enter');
    await expect(who.heading(title)).toBeVisible();
  });
});

test('the skip link leads past the navigation, in all three entries', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const id = await user.create('Lamp');
  const [owner, driver, anyone] = [await visitor(), await visitor(), await visitor()];
  await owner.signsInAsUser(user.credentials);
  await driver.signsInAsMover(mover.credentials);
  for (const [who, address] of [[owner, '/orders'], [driver, '/movers/'], [anyone, `/t/${id}`]] as const) {
    const tab = await who.newTab();
    const { page } = tab;
    await page.goto(address);
    await expect(tab.pill('Live')).toBeVisible();
    await painted(page);
    await page.keyboard.press('Tab');
    const skip = page.getByRole('link', { name: 'Skip to the content' });
    await expect(skip).toBeFocused();
    await expect(skip).toBeInViewport({ ratio: 1 });
    await page.keyboard.press('Enter');
    await expect(page.getByRole('main')).toBeFocused();
  }
});

test('the eye of a password field is reachable by keyboard and says what it does', async ({ visitor }) => {
  const { page } = await visitor();
  for (const address of ['/sign-in', '/register', '/movers/sign-in']) {
    await page.goto(address);
    const password = page.getByLabel('Password', { exact: true });
    await password.fill('correct horse');
    await expect(password).toHaveAttribute('type', 'password');
    await tabTo(page, page.getByRole('button', { name: 'Show the password' }), 3);
    await page.keyboard.press('Enter');
    await expect(password).toHaveAttribute('type', 'text');
    await expect(page.getByRole('button', { name: 'Hide the password' })).toBeFocused();
    await page.keyboard.press('Space');
    await expect(password).toHaveAttribute('type', 'password');
    await expect(password).toHaveValue('correct horse');
  }
});

test('a key is made and ended, and a file imported, with the keyboard alone', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await tabTo(page, page.getByRole('link', { name: 'Integrations' }));
  await page.keyboard.press('Enter');
  await expect(who.heading('Integrations')).toBeFocused();
  const opener = page.getByRole('button', { name: 'Make a key' });
  await tabTo(page, opener);
  await page.keyboard.press('Enter');
  const dialog = page.getByRole('dialog', { name: 'Make a key' });
  await expectTrapped(page, dialog);
  await page.keyboard.press('Escape');
  await expect(opener).toBeFocused();
  await page.keyboard.press('Enter');
  await tabTo(page, dialog.getByRole('textbox', { name: 'Name' }));
  await page.keyboard.type('Web shop');
  await tabTo(page, dialog.getByRole('checkbox', { name: 'Manage webhooks' }));
  await page.keyboard.press('Space');
  await page.keyboard.press('Enter');
  const made = page.getByRole('region', { name: 'The key “Web shop” is ready' });
  await expect(made.getByRole('heading')).toBeFocused();
  await tabTo(page, made.getByRole('button', { name: 'I have kept it' }), 3);
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('button', { name: 'End the key: Web shop' }));
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('dialog').getByRole('button', { name: 'End the key' }));
  await page.keyboard.press('Enter');
  await expect(page.getByText('No keys yet.')).toBeVisible();

  await tabTo(page, page.getByRole('link', { name: 'Orders', exact: true }));
  await page.keyboard.press('Enter');
  await tabTo(page, page.getByRole('link', { name: 'Import CSV' }));
  await page.keyboard.press('Enter');
  // Before the way there: a key may overtake Playwright's asking to be told of the chooser, which nobody would see then.
  const chooser = page.waitForEvent('filechooser');
  await tabTo(page, page.getByLabel('Choose a file'));
  await page.keyboard.press('Enter');
  await (await chooser).setFiles({ name: 'orders.csv', mimeType: 'text/csv', buffer: Buffer.from('title\nSofa\n') });
  await expect(page.getByRole('heading', { name: '1 order can be created' })).toBeFocused();
  await tabTo(page, page.getByRole('button', { name: 'Create 1 order' }), 3);
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: '1 order was created' })).toBeFocused();
});

/** Chromium ignores keys as long as nobody could have seen the page. */
function painted(page: Page) {
  return page.evaluate(() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve))));
}

/** Presses Tab until it is there, as somebody without a mouse does; and whatever has the focus on the way shows it. */
async function tabTo(page: Page, target: Locator, limit = 60) {
  await expect(target).toBeVisible();
  for (let presses = 0; presses < limit; presses++) {
    await page.keyboard.press('Tab');
    if (await target.evaluate((element) => element === document.activeElement)) {
      expect(await showsFocus(target), 'the focus can be seen').toBe(true);
      return;
    }
  }
  throw new Error(`${target} was not reached by ${limit} presses of Tab`);
}

async function arrowTo(page: Page, item: Locator) {
  await expect(item).toBeVisible();
  for (let presses = 0; presses < 15; presses++) {
    if (await item.evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('ArrowDown');
  }
  throw new Error(`${item} was not reached with the arrow keys`);
}

/** An outline, a ring or a border, at the element itself or at what draws it (a radio's label, a switch's track). */
function showsFocus(target: Locator): Promise<boolean> {
  return target.evaluate((element) => {
    const ring = (candidate: Element | null) => {
      if (!candidate) return '';
      const { outlineStyle, outlineWidth, boxShadow, borderColor, backgroundColor } = getComputedStyle(candidate);
      return [outlineStyle !== 'none' && parseFloat(outlineWidth) > 0 ? 'outline' : '', boxShadow, borderColor, backgroundColor].join('|');
    };
    const drawn = () => [element, element.parentElement, element.parentElement?.parentElement ?? null, element.nextElementSibling].map(ring);
    const focused = drawn();
    (element as HTMLElement).blur();
    const blurred = drawn();
    (element as HTMLElement).focus();
    return focused.some((look, index) => look !== blurred[index]);
  });
}

/** Forwards and backwards through the whole dialog, and never out of it. */
async function expectTrapped(page: Page, dialog: Locator) {
  await expect(dialog).toBeVisible();
  const isInside = () => dialog.evaluate((element) => element.contains(document.activeElement));
  await expect.poll(isInside, { message: 'the focus is in the dialog' }).toBe(true);
  for (const key of ['Tab', 'Shift+Tab']) {
    for (let presses = 0; presses < 20; presses++) {
      await page.keyboard.press(key);
      expect(await isInside(), `the focus left the dialog by ${key}`).toBe(true);
    }
  }
}
