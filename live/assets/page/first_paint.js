// What must hold before anything is drawn: the browser waits for this file in the head of the page.
{
  const root = document.documentElement;
  const PHONE = '(max-width: 800px)';

  // The theme that Streamlit will take: what was chosen in its menu, else that of the system. The page is dark or light
  // from the first paint on; what stands outside of Streamlit's own root, as popovers do, hears of it by this, too.
  const chosen = () => {
    try {
      return JSON.parse(localStorage.getItem(`stActiveTheme-${location.pathname}-v2`) ?? 'null');
    } catch {
      return null;
    }
  };
  /** @type {Record<string, string>} */
  const schemes = { Dark: 'dark', Light: 'light' };
  root.style.colorScheme = schemes[chosen()] ?? 'light dark';

  // Links from before panels had the "#" to themselves: their words go there, before anything reads the address.
  const asked = new URLSearchParams(location.search);
  const moved = ['search', 'sort_market', 'sort_risk', 'sort_trades'].filter((name) => asked.has(name));
  if (moved.length) {
    const url = new URL(location.href);
    url.hash = String(new URLSearchParams(moved.map((name) => [name, asked.get(name) ?? ''])));
    for (const name of moved) url.searchParams.delete(name);
    history.replaceState(history.state, '', url.href);
  }

  // On a phone the menu lies over the page: it is closed when a page opens, however it was left.
  try {
    if (matchMedia(PHONE).matches) {
      for (const key of Object.keys(localStorage)) if (key.startsWith('stSidebarCollapsed-')) localStorage.removeItem(key);
    }
  } catch {
    // A browser that keeps nothing has nothing open.
  }
}
