// A real minus in the grid of a pivot, as everywhere on the board: the engine lets the browser write a hyphen.

import { MINUS } from './format.js';
import { gridOf } from './pivot_keys.js';

const HYPHEN = /^[\u200e\u200f\u061c]?-/; // some languages have a mark of direction before it
const known = new WeakSet();

// To be called when the grid may be another one than before. The numbers behind the cells stay as they are.
export function writeMinus(box) {
  const grid = gridOf(box);
  if (!grid || known.has(grid)) return;
  known.add(grid);
  grid.addStyleListener(() => mend(grid));
  mend(grid);
}

function mend(grid) {
  for (const cell of grid.querySelectorAll('td')) {
    const text = cell.firstChild;
    if (text?.nodeType !== Node.TEXT_NODE || !HYPHEN.test(text.data)) continue;
    if (grid.getMeta(cell)?.user < 0) text.data = text.data.replace('-', MINUS); // a text may begin with one, too
  }
}
