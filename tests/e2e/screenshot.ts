import fs from 'node:fs';
import path from 'node:path';
import { Account } from './support/api';
import { clone } from './support/build';
import { expect, test } from './support/fixtures';

/** The README's picture: the users' app and the movers' app side by side, with the same orders in both. */
const target = path.join(clone, 'docs/screenshot.png');
const limit = 400_000;

const hour = 3_600_000;
const at = (hours: number) => new Date(Math.round((Date.now() + hours * hour) / (hour / 2)) * (hour / 2)).toISOString();

test('docs/screenshot.png', async ({ server, database, visitor }) => {
  const uma = await Account.user(server, 'Uma Rao');
  const max = await Account.mover(server, { name: 'Max Stone', admin: true });
  const eva = await Account.mover(server, { name: 'Eva Brandt' });
  const sofa = await day(uma, max, eva);
  await database.run(spreadOverTheDay);

  const look = { deviceScaleFactor: 2, colorScheme: 'light' as const };
  const owner = await visitor({ ...look, viewport: { width: 900, height: 900 } });
  await owner.signsInAsUser(uma.credentials);
  await owner.page.goto(`/orders/${sofa}`);
  await expect(owner.pill('Live')).toBeVisible();
  await expect(owner.history()).toHaveCount(5);

  const board = await visitor({ ...look, viewport: { width: 1240, height: 900 } });
  await board.signsInAsMover(max.credentials);
  await expect(board.pill('Live')).toBeVisible();
  await expect(board.page.getByRole('article')).toHaveCount(8);

  const pictures: string[] = [];
  for (const { page } of [owner, board]) {
    await page.evaluate(() => document.fonts.ready);
    await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
    pictures.push((await page.screenshot()).toString('base64'));
  }

  const canvas = await visitor({ viewport: { width: 1600, height: 700 }, deviceScaleFactor: 1 });
  await canvas.page.setContent(sideBySide(pictures));
  await canvas.page.waitForFunction(() => [...document.images].every(({ complete, naturalWidth }) => complete && naturalWidth > 0));
  const picture = await canvas.page.getByRole('main').screenshot();
  expect(picture.length).toBeLessThanOrEqual(limit);
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.writeFileSync(target, picture);
});

/** Answers with the order that the picture shows from near. */
async function day(uma: Account, max: Account, eva: Account): Promise<string> {
  const create = (title: string, delivery_address: string, details: object = {}) =>
    uma.create({ title, pickup_address: '1 Dock Rd, Lisbon', delivery_address, ...details });

  const table = await create('Dining table, oak', '21 Rua do Sol, Cascais', { due_at: at(-2) });
  await eva.take(table);
  await eva.move(table, 'started');
  await eva.move(table, 'on_hold', { reason: 'recipient_absent', message: 'We come again tomorrow at ten.' });
  const sofa = await create('Sofa, three seats', '2 Hill St, Porto', {
    reference: 'PO-1881',
    recipient: { name: 'Ana Lima', phone: '+351 210 000 000' },
    due_at: at(26),
    metadata: { Floor: '3' },
  });
  await max.take(sofa);
  await max.move(sofa, 'started');
  await uma.tell(sofa, { note: 'The lift is out of order, third floor.' });
  await max.move(sofa, 'in_progress', { message: 'Loaded, on our way.', location: 'Lisbon', estimated_at: at(20) });
  const fridge = await create('Fridge with freezer', '14 Mill Lane, Braga', { due_at: at(30) });
  await eva.take(fridge);
  await eva.move(fridge, 'started');
  await eva.move(fridge, 'in_progress');
  const shelves = await create('Shelves, 4 boxes', '9 Castle Rd, Coimbra', { due_at: at(28) });
  await max.take(shelves);
  await max.move(shelves, 'started');
  await create('Piano, upright', '5 Garden Sq, Évora', { reference: 'PO-1890', due_at: at(50) });
  await create('Washing machine', '33 Avenida Nova, Setúbal', { due_at: at(52) });
  const armchairs = await create('Two armchairs', '8 Rua da Paz, Faro', { due_at: at(48) });
  await max.move(armchairs, 'started');
  await create('Bookcase, walnut', '17 Market St, Aveiro');
  return sofa;
}

/** All of it has just been made; in the picture it was a day's work. */
const spreadOverTheDay = `
  WITH age AS (
    SELECT id, version, (20 - 2 * row_number() OVER (ORDER BY created_at)) * interval '1 hour' + interval '25 minutes' AS age
    FROM orders
  ), moments AS (
    SELECT order_id, e.version, now() - age.age * (1 - (e.version - 1) * 0.8 / age.version) AS moment
    FROM order_events e JOIN age ON age.id = e.order_id
  ), events AS (
    UPDATE order_events e SET occurred_at = moment, recorded_at = moment
    FROM moments m WHERE m.order_id = e.order_id AND m.version = e.version
  )
  UPDATE orders o SET created_at = first.moment, updated_at = last.moment
  FROM moments first, moments last
  WHERE first.order_id = o.id AND first.version = 1 AND last.order_id = o.id AND last.version = o.version`;

function sideBySide([users, movers]: string[]): string {
  return `<!doctype html><style>
    body { margin: 0; }
    main { width: 1600px; box-sizing: border-box; padding: 28px; background: #dfe5ee;
      display: grid; grid-template-columns: 900fr 1240fr; gap: 24px; }
    img { display: block; width: 100%; border-radius: 12px; box-shadow: 0 0 0 1px #0002, 0 12px 32px #0003; }
  </style><main>
    <img alt="The users' app" src="data:image/png;base64,${users}">
    <img alt="The movers' app" src="data:image/png;base64,${movers}">
  </main>`;
}
