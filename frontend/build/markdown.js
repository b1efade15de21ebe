// Markdown of the repository as HTML. What a link leads to decides what becomes of it: a page, a file of the repository,
// which is served beside the pages, or, when it is a paragraph of its own, the text of that file.
import fs from 'node:fs';
import path from 'node:path';
import hljs from 'highlight.js/lib/core';
import bash from 'highlight.js/lib/languages/bash';
import http from 'highlight.js/lib/languages/http';
import json from 'highlight.js/lib/languages/json';
import python from 'highlight.js/lib/languages/python';
import rust from 'highlight.js/lib/languages/rust';
import typescript from 'highlight.js/lib/languages/typescript';
import { Marked } from 'marked';
import { repository } from './paths.js';

const languages = { bash, http, json, python, rust, typescript };
for (const [name, language] of Object.entries(languages)) hljs.registerLanguage(name, language);

/** What each fence is highlighted as, and called. */
const fences = {
  sh: ['bash', 'curl'],
  http: ['http', 'HTTP'],
  json: ['json', 'JSON'],
  python: ['python', 'Python'],
  rust: ['rust', 'Rust'],
  typescript: ['typescript', 'TypeScript'],
  javascript: ['typescript', 'JavaScript'],
};
const fenceOf = { '.sh': 'sh', '.py': 'python', '.ts': 'typescript', '.mjs': 'javascript', '.js': 'javascript', '.rs': 'rust', '.json': 'json' };

/**
 * The text as HTML, and its headings of the second level. `source` is where it stands in the repository; `addressOf` says
 * where a file of the repository is served, and fails for one that is not.
 */
export function renderMarkdown(text, source, addressOf) {
  const headings = [];
  const slugs = new Map();

  function inRepository(href) {
    if (/^[a-z]+:|^[#/]/.test(href)) return null;
    const [relative, fragment] = href.split('#');
    return { file: path.posix.join(path.posix.dirname(source), relative), hash: fragment ? `#${fragment}` : '' };
  }

  /** The file that a paragraph is nothing but a link to. */
  function onlyFile(tokens) {
    const file = tokens.length === 1 && tokens[0].type === 'link' && inRepository(tokens[0].href)?.file;
    return file && path.extname(file) in fenceOf ? file : null;
  }

  function wholeFile(file) {
    const text = fs.readFileSync(path.join(repository, file), 'utf8').trimEnd();
    const code = codeBlock(text, fenceOf[path.extname(file)]);
    return `<details class="file"><summary><code>${file}</code></summary>${code}<p><a href="${addressOf(file)}">The file alone</a></p></details>\n`;
  }

  const marked = new Marked({
    renderer: {
      heading({ tokens, depth, text }) {
        const inner = this.parser.parseInline(tokens);
        if (depth === 1) return `<h1>${inner}</h1>\n`;
        const id = slug(text, slugs);
        if (depth === 2) headings.push({ id, inner });
        return `<h${depth} id="${id}">${inner} <a class="anchor" href="#${id}" aria-label="Link to: ${escape(plain(text))}">#</a></h${depth}>\n`;
      },
      code: ({ text, lang }) => codeBlock(text, lang),
      table({ header, rows }) {
        const cells = (row) => row.map(({ tokens, text }) => ({ html: this.parser.parseInline(tokens), text }));
        return table(cells(header), rows.map(cells));
      },
      link({ href, tokens }) {
        const local = inRepository(href);
        const address = local ? addressOf(local.file) + local.hash : href;
        return `<a href="${escape(address)}">${this.parser.parseInline(tokens)}</a>`;
      },
      paragraph({ tokens }) {
        const file = onlyFile(tokens);
        return file ? wholeFile(file) : `<p>${this.parser.parseInline(tokens)}</p>\n`;
      },
    },
    extensions: [{ name: 'tabs', renderer: ({ blocks }) => tabs(blocks) }],
  });
  return { html: marked.parser(grouped(marked.lexer(text))), headings };
}

/** Code blocks that follow one another are the same in several languages. */
function grouped(tokens) {
  const result = [];
  for (const token of tokens) {
    const last = result.at(-1);
    if (token.type === 'code' && last?.type === 'tabs') last.blocks.push(token);
    else if (token.type === 'code') result.push({ type: 'tabs', raw: '', blocks: [token] });
    else if (token.type !== 'space' || last?.type !== 'tabs') result.push(token);
  }
  return result;
}

function tabs(blocks) {
  if (blocks.length === 1) return codeBlock(blocks[0].text, blocks[0].lang);
  const panels = blocks.map(({ lang, text }) => `<div class="panel" data-label="${labelOf(lang)}">${codeBlock(text, lang)}</div>`);
  return `<div class="tabs">${panels.join('')}</div>\n`;
}

function codeBlock(text, lang) {
  const [language] = fences[lang] ?? [];
  const inner = language ? hljs.highlight(text, { language }).value : escape(text);
  // What can be scrolled can be reached by keyboard, and is called something.
  return `<div class="code"><pre tabindex="0" role="group" aria-label="${labelOf(lang)}"><code>${inner}</code></pre></div>\n`;
}

function labelOf(lang) {
  return fences[lang]?.[1] ?? 'Text';
}

function table(header, rows) {
  const titles = header.map(({ html }) => (html ? `<th scope="col">${html}</th>` : '<td></td>')).join('');
  const body = rows.map((cells) => {
    // A row about one code has its address: /docs/problems#illegal_move.
    const code = cells[0].text.match(/^`([a-z_]+)`$/)?.[1];
    const inner = cells.map(({ html }, index) => `<td${header[index].text ? ` data-label="${escape(plain(header[index].text))}"` : ''}>${html}</td>`);
    return `<tr${code ? ` id="${code}"` : ''}>${inner.join('')}</tr>`;
  });
  const head = header.some(({ html }) => html) ? `<thead><tr>${titles}</tr></thead>` : '';
  return `<div class="table" tabindex="0" role="group" aria-label="Table"><table>${head}<tbody>${body.join('\n')}</tbody></table></div>\n`;
}

/** As GitHub makes them, so that a link works there as well. */
function slug(text, seen) {
  const plain = text.toLowerCase().replace(/[^\p{L}\p{N}\s_-]/gu, '').trim().replace(/\s/g, '-');
  const count = seen.get(plain) ?? 0;
  seen.set(plain, count + 1);
  return count ? `${plain}-${count}` : plain;
}

function plain(text) {
  return text.replaceAll('`', '');
}

function escape(text) {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}
