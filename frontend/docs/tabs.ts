// The same code in several languages: without scripts one below the other, with them as tabs. Who has chosen a language
// once gets it everywhere.
const CHOSEN = 'docs-language';
let groups = 0;

export function addTabs(group: HTMLElement) {
  const number = ++groups;
  const panels = [...group.querySelectorAll<HTMLElement>(':scope > .panel')];
  const list = document.createElement('div');
  list.setAttribute('role', 'tablist');
  list.setAttribute('aria-label', 'Language');
  const tabs = panels.map((panel, index) => {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.id = `tab-${number}-${index}`;
    tab.role = 'tab';
    tab.textContent = panel.dataset.label!;
    tab.setAttribute('aria-controls', (panel.id = `panel-${number}-${index}`));
    panel.role = 'tabpanel';
    panel.setAttribute('aria-labelledby', tab.id);
    tab.addEventListener('click', () => choose(tab.textContent!, tab));
    return tab;
  });
  list.append(...tabs);
  list.addEventListener('keydown', (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const next = tabs[(tabs.indexOf(event.target as HTMLButtonElement) + step + tabs.length) % tabs.length]!;
    choose(next.textContent!, next);
    next.focus();
  });
  group.prepend(list);
  show(group, remembered());
}

/** In all groups that have it; what was clicked stays where it is, however long the code above became. */
function choose(label: string, clicked: HTMLElement) {
  try {
    localStorage.setItem(CHOSEN, label);
  } catch {
    // Then it is chosen for this page.
  }
  const before = clicked.getBoundingClientRect().top;
  for (const group of document.querySelectorAll<HTMLElement>('.tabs')) show(group, label);
  scrollBy({ top: clicked.getBoundingClientRect().top - before, behavior: 'instant' });
}

function show(group: HTMLElement, label: string | null) {
  const tabs = [...group.querySelectorAll<HTMLElement>('[role="tab"]')];
  const chosen = tabs.find((tab) => tab.textContent === label) ?? tabs.find((tab) => tab.ariaSelected === 'true') ?? tabs[0]!;
  for (const tab of tabs) {
    const isChosen = tab === chosen;
    tab.ariaSelected = String(isChosen);
    tab.tabIndex = isChosen ? 0 : -1;
    document.getElementById(tab.getAttribute('aria-controls')!)!.hidden = !isChosen;
  }
}

function remembered(): string | null {
  try {
    return localStorage.getItem(CHOSEN);
  } catch {
    return null;
  }
}
