// What the pages can do beyond being read: copy code, choose a language, a scheme, and a page on phones.
import { writeToClipboard } from '@shared/ui/clipboard';
import { addTabs } from './tabs';

/** Where Mantine keeps what was chosen in the apps: one choice for all. */
const SCHEME = 'mantine-color-scheme-value';
const COPIED_FOR = 1600;

for (const code of document.querySelectorAll<HTMLElement>('.code')) addCopyButton(code);
for (const tabs of document.querySelectorAll<HTMLElement>('.tabs')) addTabs(tabs);
addSchemeButton(document.querySelector<HTMLButtonElement>('[data-does="scheme"]')!);
addMenuButton(document.querySelector<HTMLButtonElement>('[data-does="menu"]')!);
followSections();
// The address names a place that may have moved when the tabs came.
if (location.hash) document.getElementById(decodeURIComponent(location.hash.slice(1)))?.scrollIntoView();

function addCopyButton(code: HTMLElement) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  button.textContent = 'Copy';
  button.addEventListener('click', async () => {
    const text = code.querySelector('code')!.textContent ?? '';
    button.textContent = (await writeToClipboard(text)) ? 'Copied' : 'Not allowed';
    setTimeout(() => (button.textContent = 'Copy'), COPIED_FOR);
  });
  code.append(button);
}

function addSchemeButton(button: HTMLButtonElement) {
  const isDark = () => document.documentElement.dataset.mantineColorScheme === 'dark';
  const show = () => (button.textContent = isDark() ? 'Light' : 'Dark');
  show();
  document.addEventListener('scheme', show);
  button.hidden = false;
  button.addEventListener('click', () => {
    try {
      localStorage.setItem(SCHEME, isDark() ? 'light' : 'dark');
    } catch {
      // Then the system's goes on to count.
    }
    document.dispatchEvent(new Event('choose-scheme'));
  });
}

function addMenuButton(button: HTMLButtonElement) {
  const pages = document.getElementById('all-pages')!;
  const open = (isOpen: boolean) => {
    button.setAttribute('aria-expanded', String(isOpen));
    pages.toggleAttribute('data-open', isOpen);
  };
  button.hidden = false;
  button.addEventListener('click', () => open(button.getAttribute('aria-expanded') === 'false'));
  pages.addEventListener('click', (event) => {
    if ((event.target as Element).closest('a')) open(false);
  });
  document.addEventListener('keydown', (event) => {
    if (event.key === 'Escape' && button.getAttribute('aria-expanded') === 'true') {
      open(false);
      button.focus();
    }
  });
}

/** Marks, in the navigation, the section that is being read. */
function followSections() {
  const links = new Map(
    [...document.querySelectorAll<HTMLAnchorElement>('#all-pages a[href^="#"]')].map((link) => [link.hash.slice(1), link]),
  );
  const headings = [...document.querySelectorAll<HTMLElement>('main h2[id]')];
  if (links.size === 0) return;
  const mark = () => {
    const passed = headings.filter((heading) => heading.getBoundingClientRect().top < 120);
    const current = links.get(passed.at(-1)?.id ?? '');
    for (const link of links.values()) link.toggleAttribute('data-read', link === current);
  };
  mark();
  addEventListener('scroll', mark, { passive: true });
}
