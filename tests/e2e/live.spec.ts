import { Account } from './support/api';
import { expect, test } from './support/fixtures';
import type { Server } from './support/server';
import type { Visitor } from './support/visitor';

type Open = (options?: object) => Promise<Visitor>;

/** An order with its owner's page, the board and the public page open, each in a browser of its own, and live. */
async function watched(server: Server, visitor: Open, title: string) {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const id = await user.create(title);
  const [owner, board, anyone] = [await visitor(), await visitor(), await visitor()];
  await owner.signsInAsUser(user.credentials);
  await owner.page.getByRole('link', { name: title }).click();
  await board.signsInAsMover(mover.credentials);
  await anyone.page.goto(`/t/${id}`);
  const all = [owner, board, anyone];
  for (const watcher of all) await expect(watcher.pill('Live')).toBeVisible();
  await expect(owner.status()).toHaveText('Created');
  await expect(board.card(title)).toContainText('Created');
  await expect(anyone.heading('Created')).toBeVisible();

  const showsEverywhere = async (status: string, entries: number) => {
    await expect(owner.status()).toHaveText(status);
    await expect(anyone.heading(status)).toBeVisible();
    await expect(board.card(title)).toContainText(status);
    for (const watcher of [owner, anyone]) await expect(watcher.history()).toHaveCount(entries);
  };
  return { id, user, mover, owner, board, anyone, all, showsEverywhere };
}

test('network cut and restored: the pill tells, the pages catch up by themselves', async ({ server, visitor }) => {
  const { id, mover, all, showsEverywhere } = await watched(server, visitor, 'Washing machine');
  for (const watcher of all) {
    // They go on trying: a server on this very machine would answer.
    watcher.complaints.beginOutage();
    await watcher.context.setOffline(true);
    await expect(watcher.pill('Offline')).toBeVisible();
  }
  await mover.move(id, 'started');
  await mover.move(id, 'in_progress', { message: 'Crossing the bridge' });
  for (const watcher of all) {
    // What was loaded is still there to be read.
    await expect(watcher.page.getByText('Created').first()).toBeVisible();
    await watcher.context.setOffline(false);
  }
  for (const watcher of all) await expect(watcher.pill('Live')).toBeVisible();
  await showsEverywhere('In progress', 3);
  for (const { complaints } of all) complaints.endOutage();
});

test('the server is restarted: the pages recover and show what was moved meanwhile', async ({ server, replica, visitor }) => {
  const { id, mover, all, showsEverywhere } = await watched(server, visitor, 'Bookcase, oak');
  const other = await replica();

  for (const { complaints } of all) complaints.beginOutage();
  await server.stop();
  for (const watcher of all) await expect(watcher.pill('Reconnecting').or(watcher.pill('Checking regularly'))).toBeVisible();
  await mover.at(other).move(id, 'started');
  await server.start();
  // After several tries they wait for up to half a minute.
  for (const watcher of all) await expect(watcher.pill('Live')).toBeVisible({ timeout: 60_000 });
  await showsEverywhere('Started', 2);
  for (const { complaints } of all) complaints.endOutage();

  // And everything still works: a move reaches them live, a reload finds its session.
  await mover.move(id, 'in_progress');
  await showsEverywhere('In progress', 3);
  await Promise.all(all.map(({ page }) => page.reload()));
  await showsEverywhere('In progress', 3);
});

test('a move through one server is seen at once by those who are at another', async ({ server, replica, visitor }) => {
  const { id, mover, anyone, showsEverywhere } = await watched(server, visitor, 'Fridge with freezer');
  const there = mover.at(await replica());
  await there.move(id, 'started');
  await showsEverywhere('Started', 2);

  // The repair would show them as well, but two seconds after the one before: the quickest of three is no luck with its period.
  const moves = [['in_progress', 'In progress'], ['on_hold', 'On hold'], ['started', 'Started']] as const;
  const waits: number[] = [];
  for (const [status, says] of moves) {
    const moved = Date.now();
    await there.move(id, status, status === 'on_hold' ? { reason: 'delayed' } : {});
    waits.push((await anyone.momentOf(says)) - moved);
  }
  expect(Math.min(...waits), `milliseconds after which each was seen: ${waits.join(', ')}`).toBeLessThan(1000);
  await showsEverywhere('Started', 5);
});

test('without Redis everything goes on: watchers still see the moves', async ({ server, replica, visitor }) => {
  const alone = await replica({ redis: false });
  const there = (options = {}) => visitor({ ...options, baseURL: alone.url });
  const { id, mover, board, showsEverywhere } = await watched(alone, there, 'Grandfather clock');

  await board.card('Grandfather clock').getByRole('button', { name: 'Start' }).click();
  await showsEverywhere('Started', 2);
  // Nobody announces this one to it: it is found in Postgres, within 5 seconds.
  await mover.at(server).move(id, 'in_progress');
  await showsEverywhere('In progress', 3);
});

test('two movers at the same order: the slower one is told, and sees what it is now', async ({ server, visitor }) => {
  const { id, user, mover, board } = await watched(server, visitor, 'Two armchairs');
  board.complaints.expect(/\b409\b/);
  await test.step('somebody else is faster, which this board has not heard yet', async () => {
    await board.page.route('**/events', async (route) => {
      await mover.move(id, 'started');
      await route.continue();
    });
  });
  await board.card('Two armchairs').getByRole('button', { name: 'Start' }).click();
  await expect(board.page.getByText('Somebody was faster: the order is Started now.')).toBeVisible();
  await expect(board.card('Two armchairs')).toContainText('Started');
  await board.page.unrouteAll({ behavior: 'wait' });
  await user.tell(id, { note: 'Thank you' });
});

test('public tracking is switched off: the public page says that there is nothing, at once', async ({ server, visitor }) => {
  const { id, owner, anyone } = await watched(server, visitor, 'Secret parcel');
  await owner.page.getByRole('switch', { name: 'Public tracking' }).click();
  await expect(anyone.heading('No such order')).toBeVisible();
  anyone.complaints.expect(/\b404\b/);
  await anyone.page.goto(`/t/${id}`);
  await expect(anyone.heading('No such order')).toBeVisible();
});
