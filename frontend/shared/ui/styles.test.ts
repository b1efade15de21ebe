import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { frontend } from '../../build/apps.js';

const sheets = path.join(frontend, 'node_modules/@mantine/core/styles');
const components = path.join(frontend, 'node_modules/@mantine/core/esm/components');

/** A component's own stylesheet and those of the kit's components that it is made of. */
function sheetsOf(component: string, seen = new Set<string>()): string[] {
  if (seen.has(component)) return [];
  seen.add(component);
  const folder = path.join(components, component);
  if (!fs.existsSync(folder)) return [];
  const parts = fs
    .readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.mjs'))
    .flatMap((file) => [...fs.readFileSync(path.join(folder, file), 'utf8').matchAll(/from "(?:\.\.\/)+(\w+)\//g)])
    .map((match) => match[1]!);
  const own = fs.existsSync(path.join(sheets, `${component}.layer.css`)) ? [component] : [];
  return [...own, ...parts.flatMap((part) => sheetsOf(part, seen))];
}

function imported(): Set<string> {
  const files = ['shared', 'users', 'movers'].flatMap((folder) =>
    fs
      .readdirSync(path.join(frontend, folder), { recursive: true, encoding: 'utf8' })
      .filter((file) => file.endsWith('.tsx') && !file.includes('.test.'))
      .map((file) => fs.readFileSync(path.join(frontend, folder, file), 'utf8')),
  );
  const names = files.flatMap((text) =>
    [...text.matchAll(/import \{([^}]+)\} from '@mantine\/core'/g)].flatMap((match) => match[1]!.split(',')),
  );
  return new Set(names.map((name) => name.trim()).filter((name) => /^[A-Z]/.test(name)));
}

test('every component of the kit that is used has its stylesheet, and those of its parts', () => {
  const listed = fs.readFileSync(path.join(frontend, 'shared/ui/styles.ts'), 'utf8');
  const needed = new Set([...imported()].flatMap((component) => sheetsOf(component)));
  const missing = [...needed].filter((component) => !listed.includes(`styles/${component}.layer.css`));
  expect(missing).toEqual([]);
});
