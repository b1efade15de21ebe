import { Account, someone } from './support/api';
import { expect, test } from './support/fixtures';

test('a mover takes an order, hands it over, and the board’s filters follow', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const max = await Account.mover(server, { name: 'Max Stone' });
  const eva = await Account.mover(server, { name: `Eva ${Date.now()}` });
  const title = 'Aquarium, empty';
  const nobodys = 'Terrarium, not taken';
  for (const each of [title, nobodys]) await user.create(each);
  const [who, other] = [await visitor(), await visitor()];
  const { page } = who;
  await who.signsInAsMover(max.credentials);
  await other.signsInAsMover(eva.credentials);
  await expect(other.card(title)).toContainText('Nobody yet');

  await who.choosesFromMenu(title, 'Take it');
  await expect(who.card(title)).toContainText('You');
  await expect(other.card(title)).toContainText('Max Stone');
  await page.getByRole('radiogroup', { name: 'Whose orders' }).getByText('Mine').click();
  await expect(who.card(nobodys)).toBeHidden();
  await expect(who.card(title)).toBeVisible();
  await page.getByRole('radiogroup', { name: 'Whose orders' }).getByText('Unassigned').click();
  await expect(who.card(title)).toBeHidden();
  await expect(who.card(nobodys)).toBeVisible();
  await page.getByRole('radiogroup', { name: 'Whose orders' }).getByText('All').click();

  await page.getByRole('link', { name: title }).click();
  await page.getByRole('button', { name: 'Hand over…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Hand the order over' });
  await dialog.getByRole('combobox', { name: 'To whom' }).selectOption(eva.credentials.name);
  await dialog.getByRole('button', { name: 'Hand over', exact: true }).click();
  await expect(dialog).toBeHidden();
  await expect(page.getByText(`Only ${eva.credentials.name} or an admin can hand it over.`)).toBeVisible();
  await expect(other.card(title)).toContainText('You');
});

test('many orders are moved at once, and taken back at once', async ({ server, visitor }) => {
  const user = await Account.user(server);
  const mover = await Account.mover(server);
  const batch = `Batch ${Date.now()}`;
  const titles = [1, 2, 3].map((number) => `${batch}, box ${number}`);
  for (const title of titles) await user.create(title);
  const who = await visitor();
  const { page } = who;
  await who.signsInAsMover(mover.credentials);
  await page.getByRole('searchbox', { name: 'Search orders' }).fill(batch);
  await expect(page.getByRole('article')).toHaveCount(3);
  await page.getByRole('button', { name: 'Select', exact: true }).click();
  for (const title of titles) await page.getByRole('checkbox', { name: `Select ${title}` }).check();
  const bar = page.getByRole('region', { name: 'Selected orders' });
  await expect(bar).toContainText('3 orders selected');
  await bar.getByRole('button', { name: 'Start' }).click();
  const results = page.getByRole('dialog', { name: '3 moved' });
  await expect(results.getByRole('listitem')).toHaveText(titles.map(() => /Started/));
  await results.getByRole('button', { name: 'Take all 3 back' }).click();
  const undone = page.getByRole('dialog', { name: 'Taken back' });
  await expect(undone.getByRole('listitem')).toHaveText(titles.map(() => /Created/));
  await undone.getByRole('button', { name: 'Done' }).click();
  await page.getByRole('button', { name: 'Done', exact: true }).click();
  for (const title of titles) await expect(who.card(title)).toContainText('Created');
});

test('a mover who is deactivated is out at once', async ({ server, visitor }) => {
  const admin = await Account.mover(server, { name: 'Ada Quist', admin: true });
  const leaver = await Account.mover(server, { name: `Leo ${Date.now()}` });
  const [ada, leo] = [await visitor(), await visitor()];
  await leo.signsInAsMover(leaver.credentials);
  await ada.signsInAsMover(admin.credentials);
  await ada.page.getByRole('link', { name: 'People' }).click();
  leo.complaints.expect(/\b40[13]\b/);
  await ada.choosesFromMenu(leaver.credentials.name, 'Deactivate');
  await expect(ada.page.getByText('Deactivated and signed out everywhere.')).toBeVisible();

  // Without a reload, because the server closes the live line.
  await expect(leo.heading('Sign in as a mover')).toBeVisible();
  await leo.page.getByLabel('Email').fill(leaver.credentials.email);
  await leo.page.getByLabel('Password', { exact: true }).fill(leaver.credentials.password);
  await leo.page.getByRole('button', { name: 'Sign in' }).click();
  await expect(leo.page.getByText('This account is deactivated.')).toBeVisible();
});

test('an invitation opened by somebody who is signed in is not used up, and the next one can join with it', async ({ server, visitor }) => {
  const max = await Account.mover(server, { name: 'Max Stone' });
  const who = await visitor();
  await who.signsInAsMover(max.credentials);
  const link = await server.invite({ admin: false });
  await who.page.goto(link);
  await expect(who.page.getByRole('heading', { name: 'You are signed in as Max Stone' })).toBeVisible();
  await who.page.getByRole('button', { name: 'Sign out and join' }).click();
  await who.fillsInAccount(someone('Eva Lund'));
  await who.page.getByRole('button', { name: 'Join' }).click();
  await expect(who.heading('Board')).toBeVisible();
  await expect(who.page.getByRole('button', { name: 'Account menu: Eva Lund' })).toBeVisible();
});

test('a session that is ended elsewhere says so, and only that one ends', async ({ server, visitor }) => {
  const { credentials } = await Account.mover(server);
  const [here, there] = [await visitor(), await visitor()];
  await there.signsInAsMover(credentials);
  await here.signsInAsMover(credentials);
  await here.page.goto('/movers/profile');
  // The account's first session is the API's; the newest of the others is the second browser.
  await expect(here.page.getByText('This browser')).toBeVisible();
  there.complaints.expect(/\b401\b/);
  await here.page.getByRole('button', { name: /^End the session: Chrom/ }).first().click();
  await expect(here.page.getByText('The session has ended.')).toBeVisible();
  await expect(there.page.getByText('Your session has ended.')).toBeVisible();
  await here.page.reload();
  await expect(here.heading('Your profile')).toBeVisible();
});
