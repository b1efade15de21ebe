import { expect, type BrowserContext, type Locator, type Page } from '@playwright/test';
import { someone, type Credentials } from './api';
import type { Complaints } from './complaints';

/** A person at a browser of their own: what they do in more than one test, by the names that they read on the screen. */
export class Visitor {
  constructor(
    readonly context: BrowserContext,
    readonly page: Page,
    readonly complaints: Complaints,
  ) {}

  /** The same person's second tab. */
  async newTab(): Promise<Visitor> {
    return new Visitor(this.context, await this.context.newPage(), this.complaints);
  }

  /** With the link of an invitation. */
  async joins(link: string, who: Credentials = someone('Max Stone')): Promise<Credentials> {
    await this.page.goto(link);
    await this.fillsInAccount(who);
    await this.page.getByRole('button', { name: 'Join' }).click();
    await expect(this.heading('Board')).toBeVisible();
    return who;
  }

  async fillsInAccount({ name, email, password }: Credentials) {
    await this.page.getByLabel('Name', { exact: true }).fill(name);
    await this.page.getByLabel('Email').fill(email);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
  }

  async signsInAsUser(who: Credentials) {
    await this.#signsIn('/sign-in', who);
    await expect(this.heading('Orders')).toBeVisible();
  }

  async signsInAsMover(who: Credentials) {
    await this.#signsIn('/movers/sign-in', who);
    await expect(this.heading('Board')).toBeVisible();
  }

  async signsOut() {
    await this.page.getByRole('button', { name: /^Account menu/ }).click();
    await this.page.getByRole('menuitem', { name: 'Sign out' }).click();
    await expect(this.page.getByRole('button', { name: 'Sign in' })).toBeVisible();
  }

  async createsOrder({ title, pickup, delivery }: { title: string; pickup?: string; delivery?: string }): Promise<string> {
    await this.page.goto('/orders/new');
    await this.page.getByRole('textbox', { name: 'Title' }).fill(title);
    if (pickup) await this.page.getByRole('textbox', { name: 'Pickup address' }).fill(pickup);
    if (delivery) await this.page.getByRole('textbox', { name: 'Delivery address' }).fill(delivery);
    await this.page.getByRole('button', { name: 'Create order' }).click();
    await expect(this.heading(title)).toBeVisible();
    return new URL(this.page.url()).pathname.split('/').pop()!;
  }

  /** By a button that says so for a moment only. */
  async copies(button: Locator, where: Page | Locator = this.page) {
    const copied = expect(where.getByRole('button', { name: 'Copied' })).toBeVisible();
    await button.click();
    await copied;
  }

  heading(name: string | RegExp): Locator {
    return this.page.getByRole('heading', { level: 1, name, exact: typeof name === 'string' });
  }

  /** What the page says of its line to the server. */
  pill(says: 'Connecting' | 'Live' | 'Reconnecting' | 'Checking regularly' | 'Offline'): Locator {
    return this.page.getByRole('banner').getByRole('status').filter({ hasText: new RegExp(`^${says}$`) });
  }

  /** The entries of the history, newest first. */
  history(): Locator {
    return this.page.getByRole('list', { name: 'History' }).getByRole('listitem');
  }

  /** The order's status, on the user's page of it. */
  status(): Locator {
    return this.page.getByRole('status', { name: 'Status' });
  }

  /** When a heading or a status says so. Looks at every frame; an expectation does so less and less often. */
  async momentOf(says: string): Promise<number> {
    const moment = await this.page.waitForFunction((says) => {
      const signs = [...document.querySelectorAll('h1, [role="status"]')];
      return signs.some(({ textContent }) => textContent.trim() === says) && Date.now();
    }, says);
    return (await moment.jsonValue()) as number;
  }

  /** An order's card on the board. */
  card(title: string): Locator {
    return this.page.getByRole('article', { name: title, exact: true });
  }

  async choosesFromMenu(title: string, item: string | RegExp) {
    await this.page.getByRole('button', { name: `More for ${title}` }).click();
    await this.page.getByRole('menuitem', { name: item }).click();
  }

  async #signsIn(path: string, { email, password }: Credentials) {
    await this.page.goto(path);
    await this.page.getByLabel('Email').fill(email);
    await this.page.getByLabel('Password', { exact: true }).fill(password);
    await this.page.getByRole('button', { name: 'Sign in' }).click();
  }
}
