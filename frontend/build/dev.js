// One address for development: Vite's server of the users' app, which passes /movers/, /t/ and /docs/ on to the others
// and /api to the server. API_URL names another server than http://localhost:8080.
import { createServer } from 'vite';
import { apps, viteConfig } from './apps.js';

const api = process.env.API_URL ?? 'http://localhost:8080';
const [front, ...others] = apps;
const toApi = { target: api, ws: true };

for (const app of apps) {
  const server = await createServer({
    ...viteConfig(app),
    // The public page answers at any /t/{ID}: Vite's fallback to index.html does just that.
    appType: 'spa',
    server: {
      port: app.port,
      strictPort: true,
      hmr: { port: app.port + 100 },
      proxy: {
        '/api': toApi,
        '/openapi.yaml': toApi,
        '/livez': toApi,
        ...(app === front
          ? Object.fromEntries(others.map(({ base, port }) => [`^${base}`, { target: `http://localhost:${port}` }]))
          : {}),
      },
    },
  });
  await server.listen();
}
console.log(`\n  http://localhost:${front.port}/          users' app`);
for (const { base, port } of others) console.log(`  http://localhost:${front.port}${base.padEnd(10)} (port ${port})`);
console.log(`  API: ${api}\n`);
