import { defineConfig } from '@playwright/test';
import tests from './playwright.config';

/** Makes docs/screenshot.png again: npm --prefix frontend exec -- playwright test -c tests/e2e/screenshot.config.ts */
export default defineConfig(tests, { testMatch: 'screenshot.ts', workers: 1 });
