// What of a panel's own view is in the address of the page, as filters are: a search, the order of a table.
//
// The words stand behind its "#", which is the panels' own: what is before it Streamlit writes, and compares. With each
// address that it writes the "#" goes; the words are put in again. They are never a step for the button "back".

/** @type {Set<string>} */
const names = new Set();
/** @type {Map<string, Map<string, string>>} */
const pages = new Map(); // path of a page -> name -> word, as it was last seen there
/** @type {Set<() => void>} */
const listeners = new Set();

/** @param {string} hash @returns {Map<string, string>} */
function wordsIn(hash) {
  const asked = new URLSearchParams(hash.slice(1));
  return new Map([...names].map((name) => /** @type {const} */ ([name, asked.get(name) ?? ''])).filter(([, word]) => word));
}

// The address of the page says its words, and none that it had before. Panels call it after each run of the page, too:
// not every browser tells of what others write.
export function sayAll() {
  const words = pages.get(location.pathname);
  if (!words) return;
  const said = new URLSearchParams(location.hash.slice(1));
  const differing = [...names].filter((name) => said.get(name) !== (words.get(name) ?? null));
  if (!differing.length) return;
  for (const name of differing) {
    const word = words.get(name);
    if (word === undefined) said.delete(name);
    else said.set(name, word);
  }
  const url = new URL(location.href);
  url.hash = String(said);
  history.replaceState(history.state, '', url.href);
}

// Back and forward: the address is what was seen then, also where it says nothing.
addEventListener('popstate', () => {
  if (!pages.has(location.pathname)) return;
  pages.set(location.pathname, wordsIn(location.hash));
  for (const listener of [...listeners]) listener();
});

// Not at the step back itself: what the address says then is about to be taken.
globalThis.navigation?.addEventListener('currententrychange', (/** @type {NavigationCurrentEntryChangeEvent} */ { navigationType }) => navigationType !== 'traverse' && sayAll());

// A word of the page that is open. `heard`: called when back or forward has changed what the address says.
/** @param {string} name @param {() => void} heard */
export function keepInAddress(name, heard) {
  const page = location.pathname;
  names.add(name);
  const asked = wordsIn(location.hash).get(name);
  if (!pages.has(page)) pages.set(page, new Map());
  const words = () => /** @type {Map<string, string>} */ (pages.get(page));
  if (asked && !words().has(name)) words().set(name, asked);
  listeners.add(heard);
  sayAll();
  return {
    get word() {
      return words().get(name) ?? '';
    },
    /** @param {string} word */
    say(word) {
      if (word) words().set(name, word);
      else words().delete(name);
      sayAll();
    },
    close: () => listeners.delete(heard),
  };
}
