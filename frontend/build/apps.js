// The three entries and the one Vite configuration that they share. Plain JavaScript, because Node runs it as it is.
import { fileURLToPath } from 'node:url';
import path from 'node:path';
import react from '@vitejs/plugin-react';

export const frontend = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** `base` is where the server serves the app; `port` is its Vite server's in development. */
export const apps = [
  { name: 'users', base: '/', port: 5173 },
  { name: 'movers', base: '/movers/', port: 5174 },
  // The page itself answers at /t/{ID}, whatever the ID; only its assets have addresses of their own below /t/.
  { name: 'track', base: '/t/', port: 5175 },
];

export const alias = { '@shared': path.join(frontend, 'shared') };

export function viteConfig({ name, base }) {
  return {
    configFile: false,
    root: path.join(frontend, name),
    base,
    cacheDir: path.join(frontend, 'node_modules/.vite', name),
    plugins: [react()],
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
