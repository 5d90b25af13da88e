// What of a panel's own view is in the address of the page, as filters are: a search, the order of a table.
//
// The words stand behind its "#", which is the panels' own: what is before it Streamlit writes, and compares. With each
// address that it writes the "#" goes; the words are put in again. They are never a step for the button "back".

const names = new Set();
const pages = new Map(); // path of a page -> name -> word, as it was last seen there
const listeners = new Set();

function wordsIn(hash) {
  const asked = new URLSearchParams(hash.slice(1));
  return new Map([...names].filter((name) => asked.get(name)).map((name) => [name, asked.get(name)]));
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
    if (words.has(name)) said.set(name, words.get(name));
    else said.delete(name);
  }
  const url = new URL(location.href);
  url.hash = said;
  history.replaceState(history.state, '', url.href);
}

// Back and forward: the address is what was seen then, also where it says nothing.
addEventListener('popstate', () => {
  if (!pages.has(location.pathname)) return;
  pages.set(location.pathname, wordsIn(location.hash));
  for (const listener of [...listeners]) listener();
});

// Not at the step back itself: what the address says then is about to be taken.
globalThis.navigation?.addEventListener('currententrychange', ({ navigationType }) => navigationType !== 'traverse' && sayAll());

// A word of the page that is open. `heard`: called when back or forward has changed what the address says.
export function keepInAddress(name, heard) {
  const page = location.pathname;
  names.add(name);
  const asked = wordsIn(location.hash).get(name);
  if (!pages.has(page)) pages.set(page, new Map());
  const words = () => pages.get(page);
  if (asked && !words().has(name)) words().set(name, asked);
  listeners.add(heard);
  sayAll();
  return {
    get word() {
      return words().get(name) ?? '';
    },
    say(word) {
      if (word) words().set(name, word);
      else words().delete(name);
      sayAll();
    },
    close: () => listeners.delete(heard),
  };
}
