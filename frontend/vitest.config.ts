import react from '@vitejs/plugin-react';
import { defineConfig } from 'vitest/config';
import { alias } from './build/apps.js';

export default defineConfig({
  plugins: [react()],
  resolve: { alias },
  test: {
    environment: 'happy-dom',
    setupFiles: ['./shared/testing/setup.ts'],
    include: ['{shared,users,movers,track}/**/*.test.{ts,tsx}'],
    testTimeout: 30_000,
    expect: { poll: { timeout: 10_000 } },
    css: { modules: { classNameStrategy: 'non-scoped' } },
  },
});
