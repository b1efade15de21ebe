import { execFile, spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

export interface ServerSettings {
  databaseUrl: string;
  /** Where what the server says goes. */
  log: string;
  redisUrl?: string;
}

const START_LIMIT = 15_000;
const STOP_LIMIT = 10_000;

/** Brings an empty database up to date. */
export async function migrate(databaseUrl: string) {
  await promisify(execFile)(process.env.ORDER_TRACKER_BIN!, ['migrate'], {
    cwd: folderWithoutEnvFile(),
    env: { PATH: process.env.PATH, DATABASE_URL: databaseUrl },
  });
}

/** The built server as its own process, which can be stopped and started again on the same port. */
export class Server {
  #process: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();

  private constructor(
    private readonly settings: ServerSettings,
    readonly port: number,
  ) {}

  static async start(settings: ServerSettings): Promise<Server> {
    const server = new Server(settings, await freePort());
    await server.start();
    return server;
  }

  get url(): string {
    return `http://localhost:${this.port}`;
  }

  async start() {
    const log = fs.openSync(this.settings.log, 'a');
    const started = spawn(process.env.ORDER_TRACKER_BIN!, ['serve'], {
      cwd: folderWithoutEnvFile(),
      env: this.#environment(),
      stdio: ['ignore', log, log],
    });
    fs.closeSync(log);
    let over: string | undefined;
    this.#process = started;
    this.#exited = new Promise((resolve) => {
      started.once('error', (error) => resolve((over = error.message)));
      started.once('exit', (code, signal) => resolve((over = `it ended with ${signal ?? code}`)));
    });
    const deadline = Date.now() + START_LIMIT;
    while (!(await this.#isReady())) {
      if (over || Date.now() > deadline) throw new Error(`The server did not start (${over ?? 'not ready'}): see ${this.settings.log}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** As Ctrl-C or an update does: SIGTERM, and waits until it is gone. */
  async stop() {
    const stopping = this.#process;
    if (!stopping) return;
    this.#process = undefined;
    stopping.kill('SIGTERM');
    const timer = setTimeout(() => stopping.kill('SIGKILL'), STOP_LIMIT);
    await this.#exited;
    clearTimeout(timer);
    if (stopping.signalCode === 'SIGKILL') throw new Error(`The server had to be killed: see ${this.settings.log}`);
  }

  /** A one-time link, as `order-tracker invite` prints it. */
  async invite({ admin }: { admin: boolean }): Promise<string> {
    const { stdout } = await promisify(execFile)(process.env.ORDER_TRACKER_BIN!, ['invite', ...(admin ? ['--admin'] : [])], {
      cwd: folderWithoutEnvFile(),
      env: this.#environment(),
    });
    return stdout.trim();
  }

  async #isReady(): Promise<boolean> {
    // 127.0.0.1, because it listens there: "localhost" may be tried as ::1 first.
    const answer = await fetch(`http://127.0.0.1:${this.port}/readyz`).catch(() => null);
    return answer?.ok ?? false;
  }

  #environment(): NodeJS.ProcessEnv {
    return {
      PATH: process.env.PATH,
      BIND_ADDR: `127.0.0.1:${this.port}`,
      PUBLIC_URL: this.url,
      DATABASE_URL: this.settings.databaseUrl,
      REDIS_URL: this.settings.redisUrl ?? process.env.TEST_REDIS_URL,
      // Per database, so that replicas on one database share it and nobody else does.
      REDIS_PREFIX: `e2e:${path.basename(this.settings.databaseUrl).replace(/\?.*/, '')}:`,
      JWT_SECRET: 'only for the tests in the browser, and long enough',
      BCRYPT_COST: '4',
      RATE_LIMITS: 'off',
      // For receivers of webhooks on this machine.
      WEBHOOK_ALLOW: '127.0.0.0/8',
      DRAIN_NOTICE: '0',
      DRAIN_TIMEOUT: '5',
      FRONTEND_DIR: process.env.FRONTEND_DIR,
    };
  }
}

/** The person's own `.env` is nothing for a test. */
function folderWithoutEnvFile(): string {
  return os.tmpdir();
}

/**
 * The server has to know its own address before it starts, for links, and keeps it over a restart. Ports that the system
 * gives out itself, to connections and to whoever asks for any, begin at 32768: below, nobody takes this one meanwhile.
 */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(Math.random() * 12_000);
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = net.createServer();
    probe.once('error', () => resolve(false));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)));
  });
}
