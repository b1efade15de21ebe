// Before anything is painted: the colours that were chosen here or in the apps (under Mantine's name), else the system's.
// A file of its own, because the Content-Security-Policy allows no script inside of a page.
(() => {
  const dark = window.matchMedia('(prefers-color-scheme: dark)');
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem('mantine-color-scheme-value');
    } catch {
      // Without storage nothing was chosen.
    }
    const scheme = chosen === 'light' || chosen === 'dark' ? chosen : dark.matches ? 'dark' : 'light';
    document.documentElement.dataset.mantineColorScheme = scheme;
    document.documentElement.style.colorScheme = scheme;
    document.dispatchEvent(new Event('scheme'));
  };
  apply();
  dark.addEventListener('change', apply);
  window.addEventListener('storage', apply);
  document.addEventListener('choose-scheme', apply);
  document.documentElement.dataset.scripts = '';
})();
