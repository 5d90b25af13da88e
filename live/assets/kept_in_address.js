// What of a panel's own view is in the address of the page, as filters are: a search, the order of a table.
//
// Streamlit writes the address too, whole, and knows nothing of these words. So what it writes is completed on its way
// into the browser's history: no word is lost, and what changes nothing makes no step for the button "back".

const names = new Set();
const pages = new Map(); // path of a page -> name -> word, as it was last seen there
const listeners = new Set();

function wordsIn(search) {
  const asked = new URLSearchParams(search);
  return new Map([...names].filter((name) => asked.get(name)).map((name) => [name, asked.get(name)]));
}

// The address with the words of its page, and without those that it had before.
function completed(address) {
  const url = new URL(address, location.href);
  const words = pages.get(url.pathname);
  if (!words) return url.href;
  for (const name of names) {
    const word = words.get(name) ?? null;
    if (url.searchParams.get(name) === word) continue;
    if (word === null) url.searchParams.delete(name);
    else url.searchParams.set(name, word);
  }
  return url.href;
}

for (const write of ['pushState', 'replaceState']) {
  const plain = history[write].bind(history);
  history[write] = (state, title, address) => {
    const whole = completed(address ?? location.href);
    if (whole !== location.href) plain(state, title, whole);
  };
}

// Back and forward: the address is what was seen then, also where it says nothing.
addEventListener('popstate', () => {
  if (!pages.has(location.pathname)) return;
  pages.set(location.pathname, wordsIn(location.search));
  for (const listener of [...listeners]) listener();
});

// A word of the page that is open. `heard`: called when back or forward has changed what the address says.
export function keepInAddress(name, heard) {
  const page = location.pathname;
  names.add(name);
  const asked = wordsIn(location.search).get(name);
  if (!pages.has(page)) pages.set(page, new Map());
  const words = () => pages.get(page);
  if (asked && !words().has(name)) words().set(name, asked);
  listeners.add(heard);
  history.replaceState(history.state, '', location.href);
  return {
    get word() {
      return words().get(name) ?? '';
    },
    say(word) {
      if (word) words().set(name, word);
      else words().delete(name);
      history.replaceState(history.state, '', location.href);
    },
    close: () => listeners.delete(heard),
  };
}
