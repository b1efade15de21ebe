import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import fs from 'node:fs';
import path from 'node:path';
import { Account } from './support/api';
import { expect, test } from './support/fixtures';
import { expectGoodLooks } from './support/looks';

test.describe.configure({ timeout: 240_000 });

/** How Swagger UI is built, which is not ours: all that can be seen, and whatever else is ours, is looked at. */
const swaggersOwn = ['nested-interactive', 'heading-order', 'landmark-main-is-top-level', 'landmark-no-duplicate-main', 'landmark-unique'];

const pages = ['', 'webhooks', 'reliability', 'live', 'problems'];

test('each page looks well, and leads to the others and to nothing that is missing', async ({ visitor, server, request }) => {
  const { page } = await visitor();
  const addresses = new Set<string>();
  for (const name of pages) {
    await page.goto(`/docs/${name}`);
    await expect(page.getByRole('link', { name: 'Reference', exact: true })).toBeVisible();
    await expectGoodLooks(page, `docs ${name || 'guide'}`);
    const links = page.locator('a[href]');
    for (const link of await links.evaluateAll((all) => all.map((one) => (one as HTMLAnchorElement).href))) addresses.add(link);
  }
  for (const address of addresses) {
    const { origin, hash, pathname } = new URL(address);
    if (origin !== server.url) continue;
    const answer = await request.get(server.url + pathname);
    expect(answer.status(), address).toBe(200);
    const id = decodeURIComponent(hash.slice(1));
    if (id) expect(await answer.text(), address).toContain(`id="${id}"`);
  }
});

test('a language is chosen once for all pages, and code is copied', async ({ visitor }) => {
  const who = await visitor();
  const { page, context } = who;
  await context.grantPermissions(['clipboard-read', 'clipboard-write']);
  await page.goto('/docs');
  await expect(page).toHaveURL(/\/docs\/$/);
  await page.getByRole('tab', { name: 'Python' }).first().click();
  await expect(page.getByRole('tab', { name: 'Python', selected: true })).toHaveCount(await page.getByRole('tab', { name: 'Python' }).count());
  const panel = page.getByRole('tabpanel').filter({ hasText: 'import requests' });
  await panel.hover();
  await who.copies(panel.getByRole('button', { name: 'Copy' }), panel);
  expect(await page.evaluate(() => navigator.clipboard.readText())).toContain('import requests\n');

  await page.goto('/docs/webhooks');
  await expect(page.getByRole('tab', { name: 'Python', selected: true })).toBeVisible();
  await page.getByRole('tab', { name: 'Python', selected: true }).press('ArrowRight');
  await expect(page.getByRole('tab', { name: 'JavaScript', selected: true })).toBeFocused();

  await page.getByRole('button', { name: 'Dark' }).click();
  await page.goto('/sign-in');
  await expect(page.locator('html')).toHaveAttribute('data-mantine-color-scheme', 'dark');
});

test('on a phone the pages are behind a button', async ({ visitor }) => {
  const { page } = await visitor({ viewport: { width: 360, height: 700 } });
  await page.goto('/docs/problems');
  const link = page.getByRole('navigation', { name: 'Pages' }).getByRole('link', { name: 'Live updates' });
  await expect(link).toBeHidden();
  await page.getByRole('button', { name: 'Pages' }).click();
  await link.click();
  await expect(page.getByRole('heading', { level: 1, name: 'Live updates' })).toBeVisible();
  await expect(link).toBeHidden();
});

test('the reference tries an operation out, by token and by API key', async ({ server, visitor }) => {
  const user = await Account.user(server, 'Uma Rao');
  const who = await visitor();
  const { page } = who;
  await who.signsInAsUser(user.credentials);
  await page.goto('/docs/reference');
  await expect(page.locator('.opblock').first()).toBeVisible();
  await expectGoodReference(page, 'docs reference');

  await page.getByRole('button', { name: 'The users’ session' }).click();
  await expect(page.getByText('Uma Rao, user; an access token')).toBeVisible();
  const operation = page.locator('#operations-orders-createOrder');
  await operation.getByRole('button', { name: /Create an order/ }).click();
  await operation.getByRole('button', { name: 'Try it out' }).click();
  await operation.getByRole('button', { name: 'Execute' }).click();
  await expect(operation.locator('.live-responses-table .response-col_status').last()).toContainText('201');
  await expectGoodReference(page, 'docs reference tried out');

  const key = await user.makeKey({ name: 'Docs', scopes: ['orders:read'] });
  await page.getByLabel('Access token or API key').fill(key);
  await page.getByRole('button', { name: 'Use it' }).click();
  await expect(page.getByText('Uma Rao, user, by API key')).toBeVisible();
  who.complaints.expect(/POST \/api\/v1\/orders: 403/, /status of 403/);
  await operation.getByRole('button', { name: 'Execute' }).click();
  await expect(operation.locator('.live-responses-table')).toContainText('insufficient_scope');
});

async function expectGoodReference(page: Page, name: string) {
  for (const width of [360, 1280]) {
    await page.setViewportSize({ width, height: 800 });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const look = `${name}-${width}-${colorScheme}`.replaceAll(' ', '-');
      if (process.env.SHOTS) {
        fs.mkdirSync(process.env.SHOTS, { recursive: true });
        await page.screenshot({ path: path.join(process.env.SHOTS, `${look}.png`), fullPage: true });
      }
      const wider = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      expect.soft(wider, `scrolls sideways: ${look}`).toBe(0);
      const { violations } = await new AxeBuilder({ page }).disableRules(swaggersOwn).analyze();
      const told = violations.flatMap(({ id, nodes }) =>
        nodes.map(({ target, any, all }) => `${id} at ${target.join(' ')}: ${[...any, ...all].map(({ message }) => message).join('; ')}`),
      );
      expect.soft(told, `axe: ${look}`).toEqual([]);
    }
  }
}
