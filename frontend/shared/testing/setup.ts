import '@testing-library/jest-dom/vitest';
import { cleanup, configure } from '@testing-library/react';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { client } from '../api/client';
import { server } from './server';

// A machine that compiles something else meanwhile is slow, not wrong.
configure({ asyncUtilTimeout: 10_000 });
// The page's origin: the apps ask for addresses relative to it, which Node's fetch can't.
client.setConfig({ baseUrl: 'http://localhost:3000' });
beforeAll(() => server.listen({ onUnhandledRequest: 'error' }));
afterEach(() => {
  cleanup();
  server.resetHandlers();
  localStorage.clear();
});
afterAll(() => server.close());
