import { test as base, type Browser, type BrowserContextOptions } from '@playwright/test';
import { Complaints } from './complaints';
import { Database } from './database';
import { Server } from './server';
import { Visitor } from './visitor';

interface TestFixtures {
  /** Opens another browser (a context): nothing in it is known to the others. */
  visitor: (options?: BrowserContextOptions) => Promise<Visitor>;
}

interface WorkerFixtures {
  database: Database;
  /** The server of this worker, with a database and a Redis prefix of its own. */
  server: Server;
  /** Another server on the same database; `redis: false` points it at a socket where nobody listens. */
  replica: (options?: { redis?: boolean }) => Promise<Server>;
}

export const test = base.extend<TestFixtures, WorkerFixtures>({
  database: [
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const database = await Database.create();
      await use(database);
      await database.drop();
    },
    { scope: 'worker' },
  ],

  server: [
    async ({ database }, use, worker) => {
      const server = await Server.start({ databaseUrl: database.url, log: logOf(worker, 'server') });
      await use(server);
      await server.stop();
    },
    { scope: 'worker' },
  ],

  replica: [
    async ({ database }, use, worker) => {
      const started: Server[] = [];
      await use(async ({ redis = true } = {}) => {
        const replica = await Server.start({
          databaseUrl: database.url,
          log: logOf(worker, `replica-${started.length + 1}`),
          ...(redis ? {} : { redisUrl: 'redis+unix:///nobody/listens/here.sock' }),
        });
        started.push(replica);
        return replica;
      });
      await Promise.all(started.map((replica) => replica.stop()));
    },
    { scope: 'worker' },
  ],

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

function logOf(worker: { project: { outputDir: string }; workerIndex: number }, name: string): string {
  return `${worker.project.outputDir}/${name}-of-worker-${worker.workerIndex}.log`;
}
