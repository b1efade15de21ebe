import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

export const clone = path.resolve(__dirname, '../../..');

/**
 * Once before all tests: the server as `cargo test` builds it (other features of its dependencies would mean another build
 * of them) and the apps. Both are quick when nothing has changed. ORDER_TRACKER_BIN and FRONTEND_DIR name others.
 */
export default function build() {
  for (const name of ['TEST_DATABASE_URL', 'TEST_REDIS_URL']) {
    if (!process.env[name]) throw new Error(`${name} is missing: make test sets it, as do scripts/test-services.sh's functions`);
  }
  if (!process.env.ORDER_TRACKER_BIN) {
    run('cargo', 'test', '--locked', '--no-run', '--quiet');
    const metadata = JSON.parse(run('cargo', 'metadata', '--no-deps', '--offline', '--format-version', '1')) as {
      target_directory: string;
    };
    process.env.ORDER_TRACKER_BIN = path.join(metadata.target_directory, 'debug/order-tracker');
  }
  if (!process.env.FRONTEND_DIR) {
    process.env.FRONTEND_DIR = path.join(clone, 'frontend/dist');
    run('scripts/apps.sh', 'build');
  }
  for (const needed of [process.env.ORDER_TRACKER_BIN, path.join(process.env.FRONTEND_DIR, 'users/index.html')]) {
    if (!fs.existsSync(needed)) throw new Error(`${needed} is not there`);
  }
}

function run(command: string, ...args: string[]): string {
  return execFileSync(command, args, { cwd: clone, encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] });
}
