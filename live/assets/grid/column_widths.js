// How wide the columns of a grid are: no number is ever cut off, nor a short name, whatever letters the browser draws.

import { make } from '../dom/dom.js';
import { number } from '../dom/format.js';

/** @typedef {{ density: string, digit: number, padding: number, letter: number, headPadding: number, least: number, drawn: number }} Space */

// How wide a digit, a letter of a head, and the space around both are: the first that the panel is wide enough for.
const SPACES = [
  { density: 'roomy', digit: 8.1, padding: 21, letter: 7.2, headPadding: 19, least: 1, drawn: 1 },
  { density: 'tight', digit: 7.4, padding: 14, letter: 6.7, headPadding: 17, least: 0.86, drawn: 0.93 },
  { density: 'dense', digit: 7.1, padding: 11, letter: 6.9, headPadding: 10, least: 0.72, drawn: 0.9 },
];
const RULED = ['0'.repeat(10), 'WMT 13 Mar 20 2.5 call']; // digits, and words with their spaces
const RULED_WIDTHS = [84, 149]; // with the letters of the page, as they are mostly drawn
const WIDE = 1.05; // letters so much wider than usual are a reader's own
export const MOST_LETTERS = 14; // of a text that a column makes room for

// Measures what digits and words take in this browser: with letters of one's own, or spaced wider, more than was thought.
export function buildRuler() {
  const ruler = make('span', 'db-ruler', { 'aria-hidden': 'true' });
  ruler.append(...RULED.map((text) => make('span', '', { text })));
  return ruler;
}

/**
 * @template Row
 * @typedef {object} Sized of a column: what its width follows from
 * @property {string} label
 * @property {[least: number, share: number]} width
 * @property {number} [decimals]
 * @property {boolean} [plus]
 * @property {(row: Row) => number} [value]
 * @property {(row: Row) => string} [text]
 * @property {unknown} [paint]
 */

/** @template Row */
export class ColumnWidths {
  /** @param {Sized<Row>[]} columns @param {HTMLElement} ruler */
  constructor(columns, ruler) {
    this.columns = columns;
    this.ruler = ruler;
    this.longest = new Map(columns.map((column) => [column, 0]));
  }

  // Measured over all rows beforehand.
  /** @param {Row[]} rows */
  makeRoom(rows) {
    for (const column of this.columns) {
      if (!column.value) {
        const { text } = column;
        if (column.paint || !text) continue;
        // One more than it has: capitals are wide.
        for (const row of rows) this.grow(column, Math.min(text(row).length, MOST_LETTERS) + 1);
        continue;
      }
      let low = NaN;
      let high = NaN;
      for (const row of rows) {
        const value = column.value(row);
        if (!(value >= low)) low = Number.isNaN(value) ? low : value;
        if (!(value <= high)) high = Number.isNaN(value) ? high : value;
      }
      for (const value of [low, high]) this.grow(column, number(value, column.decimals, column.plus).length);
    }
  }

  // Whether the column has to be wider than before.
  /** @param {Sized<Row>} column @param {number} letters */
  grow(column, letters) {
    if (letters <= this.longestOf(column)) return false;
    this.longest.set(column, letters);
    return true;
  }

  /** @param {Sized<Row>} column */
  longestOf(column) {
    return this.longest.get(column) ?? 0;
  }

  // For a panel of this many pixels: the grid's template, how wide it is at least, and how densely it is set.
  /** @param {number} pixels */
  within(pixels) {
    const rulers = /** @type {HTMLElement[]} */ ([...this.ruler.children]);
    const [digits, words] = rulers.map((text, place) => Math.max(1, text.offsetWidth / RULED_WIDTHS[place]));
    /** @param {Sized<Row>} column @param {Space} space */
    const least = (column, { digit, padding, letter, headPadding, least: denser, drawn }) => {
      const scale = column.value ? digits : words;
      const share = column.paint ? drawn : denser; // what is drawn has no room to spare: its letters alone get smaller
      const label = column.label.length * letter * words + headPadding;
      return Math.ceil(Math.max(column.width[0] * share * scale, this.longestOf(column) * digit * scale + padding, label));
    };
    /** @param {Space} space */
    const total = (space) => this.columns.reduce((sum, column) => sum + least(column, space), 0);
    const spaces = Math.max(digits, words) > WIDE ? SPACES.slice(0, -1) : SPACES; // wide letters are not set densely
    const space = spaces.find((each) => total(each) <= pixels) ?? spaces[spaces.length - 1];
    const template = this.columns.map((column) => `minmax(${least(column, space)}px, ${column.width[1]}fr)`).join(' ');
    return { template, least: total(space), density: space.density };
  }
}
