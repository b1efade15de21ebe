import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { zProblemCode, zViolation } from '@shared/api/generated/zod.gen';
import { frontend } from '../build/apps.js';
import { pages, renderPage } from '../build/docs.js';

const repository = path.dirname(frontend);
// Generated from the contract before each run.
const problemCodes = zProblemCode.options;
const violationCodes = zViolation.shape.code.options;
const page = (name: string) => pages.find((page) => page.name === name)!;

test('every problem code of the contract, and no other, has its cause and its cure', () => {
  const text = fs.readFileSync(path.join(repository, 'docs/problems.md'), 'utf8');
  const [problems, violations] = text.split('## In `errors`') as [string, string];
  expect(codesIn(problems)).toEqual([...problemCodes].sort());
  expect(codesIn(violations)).toEqual([...violationCodes].sort());
  for (const [, code, cause, cure] of problems.matchAll(/^\| `(\w+)` \|([^|]*)\|([^|]*)\|$/gm)) {
    expect(cause!.trim(), code).not.toBe('');
    expect(cure!.trim(), code).not.toBe('');
  }
});

test('every problem code has an address', () => {
  const html = renderPage(page('problems'));
  for (const code of problemCodes) expect(html).toContain(`<tr id="${code}">`);
});

test('every page can be made, and no address stands on it twice', () => {
  for (const page of pages) {
    const html = renderPage(page);
    expect(html, page.name).toContain('<h1>');
    expect(html, page.name).not.toMatch(/\{\{\w*\}\}/);
    const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
    expect(ids.filter((id, at) => ids.indexOf(id) !== at), page.name).toEqual([]);
  }
});

test('every step of the guide is there in each language', () => {
  const groups = renderPage(page('index')).split('<div class="tabs">').slice(1);
  expect(groups.length).toBeGreaterThanOrEqual(6);
  const languages = groups.map((group) => [...group.split('</div></div></div>')[0]!.matchAll(/class="panel" data-label="(\w+)"/g)].map(([, label]) => label));
  for (const group of languages) expect(group).toEqual(['curl', 'Python', 'TypeScript']);
});

test('a page that leads to nothing can not be made', () => {
  expect(() => renderPage({ name: 'x', source: 'frontend/docs/testing/astray.md', title: '', description: '' })).toThrow('nowhere.md');
});

function codesIn(markdown: string): string[] {
  return [...markdown.matchAll(/^\| `(\w+)` \|/gm)].map(([, code]) => code!).sort();
}
