import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

let made = 0;

/** A database of its own in the Postgres of TEST_DATABASE_URL. */
export class Database {
  private constructor(readonly name: string) {}

  static async create(template = 'template0'): Promise<Database> {
    const name = `e2e_${process.pid}_${++made}`;
    await command(`CREATE DATABASE ${name} TEMPLATE ${template}`);
    return new Database(name);
  }

  /** With the same content; nobody may be connected to this one. */
  copy(): Promise<Database> {
    return Database.create(this.name);
  }

  /** By hand: a URL with an empty host, as for a Unix socket, is none to Node. */
  get url(): string {
    return maintenanceUrl().replace(/^(postgres(?:ql)?:\/\/[^/]*\/)[^?]*/, `$1${this.name}`);
  }

  /** SQL as a superuser, past the server. */
  async run(sql: string) {
    await command(sql, this.url);
  }

  async drop() {
    await command(`DROP DATABASE ${this.name} WITH (FORCE)`);
  }
}

async function command(sql: string, url = maintenanceUrl()) {
  await promisify(execFile)('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', sql, url]);
}

function maintenanceUrl(): string {
  return process.env.TEST_DATABASE_URL!;
}
