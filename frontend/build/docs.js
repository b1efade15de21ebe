// The pages of /docs: made from the Markdown of the repository's docs/ when the apps are built, so that a page is there
// without any script.
import fs from 'node:fs';
import path from 'node:path';
import { renderMarkdown } from './markdown.js';
import { frontend, repository } from './paths.js';

const base = '/docs/';
const folder = path.join(frontend, 'docs');

/** In the order of the navigation; the first one is /docs/ itself. */
export const pages = [
  { name: 'index', source: 'docs/guide.md', title: 'Guide', description: 'From an account to a verified webhook in ten minutes.' },
  { name: 'webhooks', source: 'docs/webhooks.md', title: 'Webhooks', description: 'Receiving, verifying, ordering and replaying events.' },
  { name: 'reliability', source: 'docs/reliability.md', title: 'Reliability', description: 'Doing each thing once and missing nothing.' },
  { name: 'live', source: 'docs/live.md', title: 'Live updates', description: 'The WebSocket protocol, for who writes a client.' },
  { name: 'problems', source: 'docs/problems.md', title: 'Problems', description: 'Every problem code, its cause and its cure.' },
  { name: 'reference', source: null, title: 'Reference', description: 'Every operation of the API, to be tried out.' },
];

/** A whole page. `noteFile` is told of the repository's files that it leads to. */
export function renderPage(page, noteFile = () => {}) {
  const read = (...file) => fs.readFileSync(path.join(...file), 'utf8');
  const { html, headings } = page.source
    ? renderMarkdown(read(repository, page.source), page.source, (file) => addressOf(file, noteFile))
    : { html: read(folder, `${page.name}.part.html`), headings: [] };
  const parts = {
    ...page,
    content: page.source ? `<div class="text">${html}</div>` : html,
    navigation: navigation(page, headings),
    neighbours: neighbours(page),
    script: page.source ? 'page' : page.name,
  };
  return read(folder, 'page.html').replace(/\{\{(\w+)\}\}/g, (_, name) => parts[name]);
}

function addressOf(file, noteFile) {
  if (file === 'openapi.yaml') return '/openapi.yaml';
  const page = pages.find(({ source }) => source === file);
  if (page) return urlOf(page);
  if (!fs.existsSync(path.join(repository, file))) throw new Error(`A page leads to ${file}, which is not there`);
  noteFile(file);
  return base + textOf(file);
}

/** Served as text, whatever it is: a browser would take a .ts for a film. */
function textOf(file) {
  return `files/${file}.txt`;
}

function urlOf({ name }) {
  return name === 'index' ? base : base + name;
}

function navigation(current, headings) {
  const sections = headings.map(({ id, inner }) => `<li><a href="#${id}">${inner.replace(/<\/?a\b[^>]*>/g, '')}</a></li>`).join('');
  const items = pages.map((page) => {
    const isHere = page.name === current.name;
    const link = `<a href="${urlOf(page)}"${isHere ? ' aria-current="page"' : ''}>${page.title}</a>`;
    return `<li>${link}${isHere && sections ? `<ul>${sections}</ul>` : ''}</li>`;
  });
  return `<ul>${items.join('')}</ul>`;
}

function neighbours(current) {
  const at = pages.findIndex(({ name }) => name === current.name);
  const link = (page, rel, label) => (page ? `<a rel="${rel}" href="${urlOf(page)}"><small>${label}</small>${page.title}</a>` : '');
  return link(pages[at - 1], 'prev', 'Before') + link(pages[at + 1], 'next', 'Next');
}

/** For Vite: the pages as HTML that is in no file, and the files that they lead to. */
export function docsPages() {
  const idOf = ({ name }) => path.join(folder, `${name}.html`);
  const pageOf = new Map(pages.map((page) => [idOf(page), page]));
  const files = new Set();
  return {
    name: 'docs-pages',
    config: () => ({ build: { rolldownOptions: { input: Object.fromEntries(pages.map((page) => [page.name, idOf(page)])) } } }),
    resolveId: (id) => (pageOf.has(id) ? id : null),
    load(id) {
      const page = pageOf.get(id);
      return page ? renderPage(page, (file) => files.add(file)) : null;
    },
    generateBundle() {
      for (const file of files) {
        const source = fs.readFileSync(path.join(repository, file));
        this.emitFile({ type: 'asset', fileName: textOf(file), source });
      }
    },
    /** In development they are made anew at each look. */
    configureServer(server) {
      server.middlewares.use(async (request, response, next) => {
        const { pathname } = new URL(request.url, 'http://localhost');
        const page = pages.find((page) => pathname === urlOf(page));
        const file = pathname.match(/^\/docs\/files\/(.+)\.txt$/)?.[1];
        if (page) {
          const html = await server.transformIndexHtml(`/${page.name}.html`, renderPage(page));
          response.setHeader('content-type', 'text/html; charset=utf-8').end(html);
        } else if (file && allFiles().has(file)) {
          response.setHeader('content-type', 'text/plain; charset=utf-8').end(fs.readFileSync(path.join(repository, file)));
        } else {
          next();
        }
      });
    },
  };
}

/** What the pages lead to, and nothing else of the repository. */
function allFiles() {
  const files = new Set();
  for (const page of pages) renderPage(page, (file) => files.add(file));
  return files;
}
