// A number that is copied is a number in a spreadsheet, too: with the hyphen that it reads, not the minus that we paint.
// Cells of our tables are copied side by side, their rows one below the other.

const MINUS = /\u2212(?=[\d.,])/g;
const ROW = '.db-row, .db-card';
const CELLS = '.db-cell, .db-card-label, .db-card-value, .db-card-change';

const spreadsheetText = (/** @type {string} */ text) => text.replace(MINUS, '-');

/** @param {Selection} selection */
function textOf(selection) {
  /** @type {HTMLElement[]} */
  const all = [...document.querySelectorAll(CELLS)].filter((cell) => cell instanceof HTMLElement);
  const cells = all.filter((cell) => selection.containsNode(cell, true) && cell.getClientRects().length);
  if (cells.length < 2) return selection.toString();
  /** @type {Map<Element | null, string[]>} */
  const rows = new Map();
  for (const cell of cells) {
    const row = cell.closest(ROW);
    rows.set(row, [...(rows.get(row) ?? []), cell.innerText.trim()]);
  }
  const top = (/** @type {Element | null} */ row) => row?.getBoundingClientRect().top ?? 0;
  const left = (/** @type {Element | null} */ row) => row?.getBoundingClientRect().left ?? 0;
  const ordered = [...rows.keys()].sort((a, b) => top(a) - top(b) || left(a) - left(b));
  return ordered.map((row) => rows.get(row)?.join('\t')).join('\n');
}

/** @param {EventTarget | null} target */
const isField = (target) => target instanceof Element && target.closest('input, textarea, [contenteditable=true]');

document.addEventListener('copy', (event) => {
  const selection = document.getSelection();
  if (!selection || selection.isCollapsed || isField(event.target)) return;
  const plain = selection.toString();
  const text = spreadsheetText(textOf(selection));
  if (!event.clipboardData || text === plain) return;
  event.clipboardData.setData('text/plain', text);
  event.preventDefault();
});
