import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { alias } from './build/apps.js';

export default defineConfig({
  plugins: [react()],
  resolve: { alias },
  test: {
    environment: 'happy-dom',
    setupFiles: ['./shared/testing/setup.ts'],
    include: ['{shared,users,movers,track,docs}/**/*.test.{ts,tsx}'],
    testTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } },
    // Without a layout every menu is out of sight, and without a server for sockets every line is down: no news.
    onConsoleLog: (log) => !/use-focus-trap|WebSocket connection without a matching/.test(log),
    css: { modules: { classNameStrategy: 'non-scoped' } },
  },
});
