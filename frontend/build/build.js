// Builds the apps and the docs into dist/ and writes .br and .gz beside each compressible file: the server sends those as
// they are and never compresses a file itself.
import fs from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { build } from 'vite';
import { apps, frontend, viteConfig } from './apps.js';

const compressible = /\.(js|css|html|svg|json|txt|webmanifest)$/;
const brotli = promisify(zlib.brotliCompress);
const gzip = promisify(zlib.gzip);

for (const app of apps) await build({ ...viteConfig(app), logLevel: 'warn' });

const files = fs
  .readdirSync(path.join(frontend, 'dist'), { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile() && compressible.test(entry.name))
  .map((entry) => path.join(entry.parentPath, entry.name));

await Promise.all(files.map(compress));
console.log(`Built ${apps.map((app) => app.name).join(', ')} into frontend/dist; ${files.length} files compressed.`);

async function compress(file) {
  const bytes = await fs.promises.readFile(file);
  const br = await brotli(bytes, { params: { [zlib.constants.BROTLI_PARAM_SIZE_HINT]: bytes.length } });
  const gz = await gzip(bytes, { level: 9 });
  await Promise.all([fs.promises.writeFile(`${file}.br`, br), fs.promises.writeFile(`${file}.gz`, gz)]);
}
