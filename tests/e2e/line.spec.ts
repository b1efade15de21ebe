import type { Browser, BrowserContextOptions, Locator } from '@playwright/test';
import { Account } from './support/api';
import { expect, test } from './support/fixtures';
import type { Link } from './support/link';
import type { Server } from './support/server';
import type { Visitor } from './support/visitor';

type Open = (options?: BrowserContextOptions) => Promise<Visitor>;

/** What a bad line and a laptop that was asleep do to those who watch an order; live.spec.ts has the rest. */
async function watched(server: Server, link: Link, visitor: Open, title: string) {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const id = await user.create(title);
  const comes = withOwnClock(visitor);
  const [owner, board, anyone] = [await comes({ baseURL: link.url }), await comes({ baseURL: link.url }), await comes({ baseURL: link.url })];
  await owner.signsInAsUser(user.credentials);
  await owner.page.getByRole('link', { name: title }).click();
  await board.signsInAsMover(mover.credentials);
  await anyone.page.goto(`/t/${id}`);
  const all = [owner, board, anyone];
  for (const watcher of all) {
    await expect(watcher.pill('Live')).toBeVisible();
    watcher.complaints.beginOutage();
  }
  const shows = (status: string) => [
    owner.status().getByText(status, { exact: true }),
    board.card(title).getByText(status, { exact: true }).first(),
    anyone.heading(status),
  ];
  for (const sign of shows('Created')) await expect(sign).toBeVisible();

  const says = async (pill: Parameters<Visitor['pill']>[0], timeout?: number) => {
    for (const watcher of all) await expect(watcher.pill(pill)).toBeVisible({ timeout });
  };
  const showEverythingOnce = async (status: string, entries: number) => {
    for (const sign of shows(status)) await expect(sign).toBeVisible();
    for (const watcher of [owner, anyone]) await expect(watcher.history()).toHaveCount(entries);
  };
  return { id, mover, owner, anyone, all, shows, says, showEverythingOnce };
}

test('a link that falls silent is noticed by the heartbeats that do not come, and everything comes once it speaks', async ({ server, link, visitor }) => {
  const { id, mover, all, says, showEverythingOnce } = await watched(server, link, visitor, 'Piano, upright');
  link.stalls();
  await mover.move(id, 'started');
  await says('Live');
  for (const { page } of all) await page.clock.runFor(60_000);
  await says('Reconnecting');
  await mover.move(id, 'in_progress');
  link.goesOn();
  await says('Live', 60_000);
  await showEverythingOnce('In progress', 3);
});

test('where sockets are blocked the pages ask by ETag, say so, and come back by themselves', async ({ server, link, visitor }) => {
  test.slow();
  const { id, mover, owner, anyone, says, showEverythingOnce } = await watched(server, link, visitor, 'Two mattresses');
  const unchanged = [answersUnchanged(owner, /\/api\/v1\/orders\/\w+$/), answersUnchanged(anyone, /\/api\/v1\/track\/\w+$/)];
  link.blocksSockets();
  await says('Checking regularly', 60_000);
  await mover.move(id, 'started');
  await showEverythingOnce('Started', 2);
  for (const answers of unchanged) await expect.poll(() => answers.count).toBeGreaterThan(0);

  link.letsSocketsThrough();
  await says('Live', 90_000);
  const asked = unchanged.map(({ count }) => count);
  await mover.move(id, 'in_progress');
  await showEverythingOnce('In progress', 3);
  expect(unchanged.map(({ count }) => count)).toEqual(asked);
});

test('the laptop wakes up after a night: its lines look open and are dead, and all is right within 2 s', async ({ server, link, visitor }) => {
  const { id, mover, all, shows, says, showEverythingOnce } = await watched(server, link, visitor, 'Garden bench');
  link.forgetsConnections();
  await mover.move(id, 'started');
  await mover.move(id, 'in_progress');
  for (const [index, watcher] of all.entries()) {
    // The lid is opened: the clock has gone on, no timer has, and no event tells.
    await pausesAfter(watcher, 8 * 3600_000);
    await expectWithin2s(server, watcher, shows('In progress')[index]!);
  }
  await says('Live');
  await mover.move(id, 'on_hold', { reason: 'delayed' });
  await showEverythingOnce('On hold', 4);
});

test('the laptop sleeps for a few seconds only, and no event tells: all is right within 2 s', async ({ server, link, visitor, browser }) => {
  const { id, mover, anyone } = await oneLooks(server, link, visitor, 'Wardrobe');
  const waits: number[] = [];
  // This clock is the real one. A machine that is busy with other things may be late, so of three times the quickest counts.
  for (const [status, says] of [['started', 'Started'], ['in_progress', 'In progress'], ['completed', 'Completed']] as const) {
    const woken = await sleep(browser, 7_000, () => {
      link.forgetsConnections();
      return mover.move(id, status);
    });
    waits.push((await anyone.momentOf(says)) - woken);
    await expect(anyone.pill('Live')).toBeVisible();
    if (waits.at(-1)! < 2_000) break;
  }
  expect(Math.min(...waits), `milliseconds after which it was right: ${waits.join(', ')}`).toBeLessThan(2_000);
  await expect(anyone.history()).toHaveCount(waits.length + 1);
});

test('who comes back to a tab whose line has died sees what is right within 2 s', async ({ server, link, visitor }) => {
  const { id, mover, anyone } = await oneLooks(server, link, withOwnClock(visitor), 'Floor lamp');
  await looksAt(anyone, false);
  link.forgetsConnections();
  await mover.move(id, 'started');
  await pausesAfter(anyone, 2_500);
  await looksAt(anyone, true);
  await expectWithin2s(server, anyone, anyone.heading('Started'));
  await expect(anyone.history()).toHaveCount(2);
  await expect(anyone.pill('Live')).toBeVisible();
});

test('who changes tabs often keeps the line, since it answers', async ({ server, link, visitor }) => {
  const anyone = await withOwnClock(visitor)({ baseURL: link.url });
  const lines: { answers: number }[] = [];
  anyone.page.on('websocket', (socket) => {
    const line = { answers: 0 };
    lines.push(line);
    socket.on('framereceived', ({ payload }) => {
      if (payload.toString().includes('"unsubscribed"')) line.answers++;
    });
  });
  await anyone.page.goto(`/t/${await (await Account.user(server)).create('Mirror')}`);
  await expect(anyone.pill('Live')).toBeVisible();
  // However long the answers take here: none of the page's time passes.
  await pausesAfter(anyone, 2_500);
  const atFirst = lines[0]!.answers;
  for (let time = 1; time <= 5; time++) {
    await looksAt(anyone, false);
    await looksAt(anyone, true);
    await expect.poll(() => lines[0]!.answers).toBe(atFirst + time);
  }
  // Whatever it may have planned to do about it is due.
  await anyone.page.clock.runFor(5_000);
  await expect(anyone.pill('Live')).toBeVisible();
  expect(lines).toHaveLength(1);
});

/** The pages' clocks go as ever until the test turns them. */
function withOwnClock(visitor: Open): Open {
  return async (options) => {
    const who = await visitor(options);
    await who.page.clock.install();
    return who;
  };
}

/** Somebody follows an order. */
async function oneLooks(server: Server, link: Link, visitor: Open, title: string) {
  const id = await (await Account.user(server)).create(title);
  const mover = await Account.mover(server);
  const anyone = await visitor({ baseURL: link.url });
  await anyone.page.goto(`/t/${id}`);
  await expect(anyone.pill('Live')).toBeVisible();
  // A font may still be under way when the line dies.
  anyone.complaints.beginOutage();
  return { id, mover, anyone };
}

/** The page's clock stands, so much later than it is; of its timers that are due each has run once. */
async function pausesAfter({ page }: Visitor, milliseconds: number) {
  await page.clock.pauseAt((await page.evaluate(() => Date.now())) + milliseconds);
}

/**
 * What the page shows before its own clock has gone on for 2 s: that goes no faster than the real one here, and more slowly where
 * the machine is busy with other things, in which the server, too, is held up.
 */
async function expectWithin2s(server: Server, { page }: Visitor, sign: Locator) {
  const step = 20;
  for (let passed = 0; passed < 2_000 && !(await sign.isVisible()); passed += step) {
    await Promise.all([page.clock.runFor(step), fetch(`${server.url}/readyz`), new Promise((resolve) => setTimeout(resolve, step))]);
  }
  expect(await sign.isVisible(), 'right within 2 s').toBe(true);
  await page.clock.resume();
}

/** Stops the processes that the browser's pages run in; to them that is as if the machine slept. Says when they were woken. */
async function sleep(browser: Browser, milliseconds: number, meanwhile: () => Promise<void>): Promise<number> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send('SystemInfo.getProcessInfo');
  const pages = processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => id);
  const signal = (name: NodeJS.Signals) => pages.forEach((page) => tells(page, name));
  try {
    signal('SIGSTOP');
    await Promise.all([meanwhile(), new Promise((resolve) => setTimeout(resolve, milliseconds))]);
  } finally {
    signal('SIGCONT');
  }
  return Date.now();
}

/** A page that nobody looks at may have gone meanwhile. */
function tells(page: number, signal: NodeJS.Signals) {
  try {
    process.kill(page, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Whether the person looks at the page or at another tab. To Playwright all of its pages are in front: this says it to the page. */
async function looksAt({ page }: Visitor, isSeen: boolean) {
  await page.evaluate((hidden) => {
    Object.defineProperty(document, 'hidden', { configurable: true, get: () => hidden });
    document.dispatchEvent(new Event('visibilitychange'));
  }, !isSeen);
}

/** Counts the answers that say that nothing has changed. */
function answersUnchanged({ page }: Visitor, path: RegExp) {
  const answers = { count: 0 };
  page.on('response', (response) => {
    if (response.status() === 304 && path.test(new URL(response.url()).pathname)) answers.count++;
  });
  return answers;
}
