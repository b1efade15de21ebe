import { defineConfig } from '@playwright/test';

/**
 * The walks through all three apps in Chromium, against the built server and the built apps. `make test` runs them; alone,
 * with Postgres and Redis in TEST_DATABASE_URL and TEST_REDIS_URL: npm --prefix frontend exec -- playwright test -c tests/e2e
 */
export default defineConfig({
  testDir: '.',
  testMatch: '*.spec.ts',
  outputDir: 'test-results',
  globalSetup: './support/build.ts',
  fullyParallel: true,
  workers: 2,
  retries: 0,
  // The walk comes first and alone: it says how soon a move is seen, which a second browser beside it would decide.
  projects: [
    { name: 'walk', testMatch: 'walk.spec.ts', fullyParallel: false },
    { name: 'all else', testIgnore: 'walk.spec.ts', dependencies: ['walk'] },
  ],
  forbidOnly: Boolean(process.env.CI),
  reporter: 'list',
  // Only a failure waits for so long; a machine that is busy with builds passes too.
  timeout: 120_000,
  expect: { timeout: 20_000 },
  use: {
    launchOptions: {
      executablePath: process.env.CHROMIUM_PATH || '/usr/bin/chromium',
      args: ['--disable-gpu', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
    },
    locale: 'en-GB',
    timezoneId: 'Europe/Lisbon',
    viewport: { width: 1280, height: 800 },
    actionTimeout: 20_000,
    // Recording everything takes as much of the machine as the pages themselves: TRACE=1 when a failure needs it.
    trace: process.env.TRACE ? 'retain-on-failure' : 'off',
    screenshot: 'only-on-failure',
  },
});
