// The four entries and the one Vite configuration that they share. Plain JavaScript, because Node runs it as it is.
import path from 'node:path';
import react from '@vitejs/plugin-react';
import { docsPages } from './docs.js';
import { frontend } from './paths.js';

export { frontend };

/** `base` is where the server serves the app; `port` is its Vite server's in development. */
export const apps = [
  { name: 'users', base: '/', port: 5173 },
  { name: 'movers', base: '/movers/', port: 5174 },
  // The page itself answers at /t/{ID}, whatever the ID; only its assets have addresses of their own below /t/.
  { name: 'track', base: '/t/', port: 5175 },
  // Pages of text, and no app: what is on them is made at build.
  { name: 'docs', base: '/docs/', port: 5176 },
];

export const alias = { '@shared': path.join(frontend, 'shared') };

export function viteConfig({ name, base }) {
  return {
    configFile: false,
    root: path.join(frontend, name),
    base,
    cacheDir: path.join(frontend, 'node_modules/.vite', name),
    plugins: name === 'docs' ? [docsPages()] : [react()],
    resolve: { alias },
    build: {
      outDir: path.join(frontend, 'dist', name),
      emptyOutDir: true,
      // Content-Security-Policy: fonts and scripts come from 'self' alone, so nothing may become a data: URL.
      assetsInlineLimit: 0,
      chunkSizeWarningLimit: 600,
      reportCompressedSize: false,
    },
  };
}
