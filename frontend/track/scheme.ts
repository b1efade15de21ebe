/** Where Mantine keeps what was chosen in the apps: who chose dark there gets dark here too. */
const CHOSEN = 'mantine-color-scheme-value';

/** Sets the colour scheme as the apps do: what was chosen, else what the system says, also when that changes. */
export function applyColorScheme() {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    const chosen = readChosen();
    const scheme = chosen === 'light' || chosen === 'dark' ? chosen : dark.matches ? 'dark' : 'light';
    document.documentElement.dataset.mantineColorScheme = scheme;
    document.documentElement.style.colorScheme = scheme;
  };
  apply();
  dark.addEventListener('change', apply);
}

function readChosen(): string | null {
  try {
    return localStorage.getItem(CHOSEN);
  } catch {
    return null;
  }
}
