import { test as base, type Browser, type BrowserContextOptions } from '@playwright/test';
import { Complaints } from './complaints';
import { Database } from './database';
import { Link } from './link';
import { migrate, Server } from './server';
import { Visitor } from './visitor';

interface TestFixtures {
  database: Database;
  /** The test's own server, with a database and a Redis prefix of its own. */
  server: Server;
  /** Another server on the same database; `redis: false` points it at a socket where nobody listens. */
  replica: (options?: { redis?: boolean }) => Promise<Server>;
  /** A way to the server that the test can spoil; browsers take it by `visitor({ baseURL: link.url })`. */
  link: Link;
  /** Opens another browser (a context): nothing in it is known to the others. */
  visitor: (options?: BrowserContextOptions) => Promise<Visitor>;
}

interface WorkerFixtures {
  /** Migrated and empty; each test has a copy. */
  template: Database;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  template: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const template = await Database.create();
      await migrate(template.url);
      await use(template);
      await template.drop();
    },
    { scope: 'worker' },
  ],

  database: async ({ template }, use) => {
    const database = await template.copy();
    await use(database);
    await database.drop();
  },

  server: async ({ database }, use, info) => {
    const server = await Server.start({ databaseUrl: database.url, log: info.outputPath('server.log') });
    await use(server);
    await server.stop();
  },

  replica: async ({ database }, use, info) => {
    const started: Server[] = [];
    await use(async ({ redis = true } = {}) => {
      const replica = await Server.start({
        databaseUrl: database.url,
        log: info.outputPath(`replica-${started.length + 1}.log`),
        ...(redis ? {} : { redisUrl: 'redis+unix:///nobody/listens/here.sock' }),
      });
      started.push(replica);
      return replica;
    });
    await Promise.all(started.map((replica) => replica.stop()));
  },

  link: async ({ server }, use) => {
    const link = await Link.to(server.port);
    await use(link);
    await link.close();
  },

  visitor: async ({ browser, server, contextOptions }, use) => {
    const visitors: Visitor[] = [];
    await use(async (options = {}) => {
      const visitor = await visit(browser, server, { ...contextOptions, ...options });
      visitors.push(visitor);
      return visitor;
    });
    const complaints = visitors.flatMap(({ complaints }) => complaints.all);
    for (const { context } of visitors) await context.close();
    base.expect(complaints, 'what the browsers complained about').toEqual([]);
  },
});

export { expect } from '@playwright/test';

async function visit(browser: Browser, server: Server, options: BrowserContextOptions): Promise<Visitor> {
  const context = await browser.newContext({ baseURL: server.url, ...options });
  const complaints = new Complaints(context);
  return new Visitor(context, await context.newPage(), complaints);
}
