// How the cards of the figures stand: in as few lines as there is room for, so that no number is cut or runs into its neighbour.

/** @typedef {'large' | 'small'} Size of the values */

/** @type {Record<Size, number>} */
const DIGIT = { large: 12.6, small: 10.7 }; // how wide a digit of a value is, as mostly drawn
const SEPARATOR = 0.5; // how wide a comma, a point or a space is, in digits
const PADDING = 30; // of a card, its border, and the small arrow behind the value
const GAP = 8;
const SIDE = 132; // the card with the switch
const USUAL = 8; // digits before the numbers have come: what follows seldom moves the cards then
const LINES = [1, 2, 4, 8];
/** @type {Size[]} */
const SIZES = ['large', 'small'];

// How many digits wide a number is drawn.
/** @param {string} text */
export const digitsWide = (text) => [...text].reduce((sum, letter) => sum + (/[\d\u2212]/.test(letter) ? 1 : SEPARATOR), 0);

// digits: how wide the widest text of each figure has been; scale: how much wider than usual this browser draws them.
// The lines, the size of the values and the template of the columns, for a strip of so many pixels.
/** @param {number} pixels @param {number[]} digits @param {number} [scale] */
export function cardLayout(pixels, digits, scale = 1) {
  const choices = LINES.flatMap((lines) => SIZES.map((size) => ({ lines, size, least: leastWidths(digits, DIGIT[size] * scale, SIDE * scale, lines) })));
  const fits = choices.find(({ least }) => least.reduce((sum, width) => sum + width, 0) + GAP * (least.length - 1) <= pixels);
  const { lines, size, least } = fits ?? choices[choices.length - 1];
  return { lines, size, template: least.map((width) => `minmax(min(${width}px, 100%), 1fr)`).join(' ') };
}

// Of each column: what its widest card takes. The switch stands behind the figures.
/** @param {number[]} digits @param {number} digit @param {number} side @param {number} lines */
function leastWidths(digits, digit, side, lines) {
  const cards = [...digits.map((count) => Math.ceil((count || USUAL) * digit + PADDING)), Math.ceil(side)];
  const columns = Math.ceil(cards.length / lines);
  return Array.from({ length: columns }, (_, column) => Math.max(...cards.filter((_width, place) => place % columns === column)));
}
