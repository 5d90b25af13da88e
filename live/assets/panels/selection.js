// What is selected on the whole page: a node of the tree, a ticker, or nothing. A click shows everywhere at once and
// is told to Python; what Python says after its rerun is the truth.

/**
 * @typedef {{ path?: string[], ticker?: string } | null} Selection
 * @typedef {(selection: { path?: string[], ticker?: string, click: number }) => void} Emit tells Python
 */

const PATIENCE_MS = 4000;

/** @type {Selection} */
let current = null;
/** @type {string[]} */
let pending = []; // what the user chose and Python has not answered yet, oldest first
let confirmed = 'null'; // the last that Python said, as text
let timer = 0;
/** @type {Set<(selection: Selection) => void>} */
const listeners = new Set();

/** @param {Selection} selection */
const asText = (selection) => JSON.stringify(normal(selection));

/** @param {Selection} selection @returns {Selection} */
function normal(selection) {
  if (selection?.path?.length) return { path: [...selection.path] };
  return selection?.ticker ? { ticker: selection.ticker } : null;
}

export function selected() {
  return current;
}

/** @param {string[]} path */
export function isSelectedPath(path) {
  const chosen = current?.path;
  return chosen !== undefined && path.length === chosen.length && path.every((part, i) => part === chosen[i]);
}

/** @param {(selection: Selection) => void} listener */
export function onSelection(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** @param {Selection} selection */
function show(selection) {
  if (asText(selection) === asText(current)) return;
  current = normal(selection);
  for (const listener of [...listeners]) listener(current);
}

// The user clicked: the same again clears. `emit` tells Python; `click` makes every click a new value for it.
/** @param {Selection} selection @param {Emit} emit */
export function choose(selection, emit) {
  const wanted = asText(selection) === asText(current) ? null : normal(selection);
  pending.push(asText(wanted));
  clearTimeout(timer);
  timer = setTimeout(() => (pending = []), PATIENCE_MS);
  show(wanted);
  emit({ ...wanted, click: Date.now() });
}

// What a panel newly got from Python. The answer to a click may come after the next click, and a rerun from before it
// may come late: neither undoes what the user sees.
/** @param {Selection} selection */
export function hearFromPython(selection) {
  const said = asText(selection);
  const before = confirmed;
  confirmed = said;
  const answered = pending.indexOf(said);
  if (answered >= 0) {
    pending = pending.slice(answered + 1);
  } else if (!pending.length || said !== before) {
    pending = [];
    show(selection);
  }
}
