// What a first visit downloads, gzip: an entry's page, everything that it imports statically, and the route that
// is shown first. Fails when the JavaScript is over its budget.
import fs from 'node:fs';
import path from 'node:path';
import zlib from 'node:zlib';
import { apps, frontend } from './apps.js';

/** In KB of 1,000 bytes, as the budgets are meant. `route` begins the name of the lazy chunk that the visit shows. */
const visits = [
  { name: "users' sign-in", app: 'users', route: 'SignInPage', budget: 165 },
  { name: "movers' sign-in", app: 'movers', route: 'SignInPage', budget: 165 },
  { name: 'public page', app: 'track', route: null, budget: 100 },
  { name: 'docs, but the reference', app: 'docs', route: null, budget: 5 },
];

let failed = false;
console.log('First visit, KB gzip     JavaScript   CSS   fonts (as they are)');
for (const visit of visits) {
  const { js, css, font } = measure(visit);
  const over = js > visit.budget * 1000;
  failed ||= over;
  const columns = [kb(js).padStart(9), kb(css).padStart(9), kb(font).padStart(8)].join('');
  console.log(`${visit.name.padEnd(24)}${columns}     budget ${visit.budget}${over ? '  OVER' : ''}`);
}
process.exit(failed ? 1 : 0);

function measure({ app, route }) {
  const dist = path.join(frontend, 'dist', app);
  const { base } = apps.find(({ name }) => name === app);
  const html = fs.readFileSync(path.join(dist, 'index.html'), 'utf8');
  const seen = new Set();
  for (const [, address] of html.matchAll(/(?:src|href)="([^"]+\.(?:js|css|woff2))"/g)) add(address.slice(base.length));
  if (route) {
    const chunk = fs.readdirSync(path.join(dist, 'assets')).find((file) => file.startsWith(`${route}-`) && file.endsWith('.js'));
    add(`assets/${chunk}`);
    // Vite loads a lazy chunk's own imports and stylesheets beside it.
    for (const file of dependenciesOf(chunk)) add(file);
  }
  const sum = { js: 0, css: 0, font: 0 };
  for (const file of seen) {
    const bytes = fs.readFileSync(path.join(dist, file));
    if (file.endsWith('.woff2')) sum.font += bytes.length;
    else sum[path.extname(file).slice(1)] += zlib.gzipSync(bytes, { level: 9 }).length;
  }
  return sum;

  function add(file) {
    if (seen.has(file)) return;
    seen.add(file);
    if (!file.endsWith('.js')) return;
    const text = fs.readFileSync(path.join(dist, file), 'utf8');
    for (const [, other] of text.matchAll(/(?:from|import)\s*["']\.\/([^"']+\.js)["']/g)) add(`assets/${other}`);
  }

  /** The list that Vite keeps in the entry: __vite__mapDeps, indexed by each dynamic import. */
  function dependenciesOf(chunk) {
    for (const file of [...seen].filter((name) => name.endsWith('.js'))) {
      const text = fs.readFileSync(path.join(dist, file), 'utf8');
      const list = text.match(/__vite__mapDeps[^[]*?=\s*\[([^\]]*)\]/) ?? text.match(/m\.f=\[([^\]]*)\]/);
      const call = text.match(new RegExp(`${chunk.replaceAll('.', '\\.')}[^)]*\\),\\s*__vite__mapDeps\\(\\[([\\d,]*)\\]`));
      if (list && call) {
        const all = [...list[1].matchAll(/["']([^"']+)["']/g)].map(([, file]) => file);
        return call[1].split(',').filter(Boolean).map((index) => all[Number(index)]);
      }
    }
    return [];
  }
}

function kb(bytes) {
  return (bytes / 1000).toFixed(1);
}
