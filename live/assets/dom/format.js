// What a number, a time or a date looks like. Unknown is a dash, zero is a zero, minus is a real minus.

export const MINUS = '\u2212';
export const UNKNOWN = '\u2013';

const locale = globalThis.navigator?.language || 'en-US';
/** @type {Map<number, Intl.NumberFormat>} */
const formatters = new Map();

/** @param {number} decimals */
function formatter(decimals) {
  let found = formatters.get(decimals);
  if (!found) {
    // Always in groups: in some languages four digits have none by themselves, and would not stand below five that have.
    /** @type {Intl.NumberFormatOptions} */
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals, useGrouping: 'always' };
    try {
      found = new Intl.NumberFormat(locale, { ...digits, numberingSystem: 'latn' });
    } catch {
      found = new Intl.NumberFormat('en-US', digits);
    }
    formatters.set(decimals, found);
  }
  return found;
}

/** @param {unknown} value @returns {value is number} */
export function isKnown(value) {
  return typeof value === 'number' && Number.isFinite(value);
}

// -1 and 1 for what is shown as negative and positive, 0 for what is shown as zero, whatever is behind the last decimal.
/** @param {unknown} value @param {number} [decimals] */
export function shownSign(value, decimals = 0) {
  if (!isKnown(value) || Math.abs(value) < 0.5 * 10 ** -decimals) return 0;
  return value < 0 ? -1 : 1;
}

/** @param {unknown} value @param {number} [decimals] @param {boolean} [withPlus] */
export function number(value, decimals = 0, withPlus = false) {
  if (!isKnown(value)) return UNKNOWN;
  const sign = shownSign(value, decimals);
  const digits = formatter(decimals).format(Math.abs(value));
  if (sign < 0) return MINUS + digits;
  return withPlus && sign > 0 ? '+' + digits : digits;
}

/** @type {[scale: number, suffix: string][]} */
const SCALES = [
  [1e9, 'bn'],
  [1e6, 'm'],
  [1e3, 'k'],
];

// A change in few characters: +12.8 m, −0.12 m, +412 k, +7.
/** @param {unknown} value */
export function compactChange(value) {
  if (!isKnown(value)) return UNKNOWN;
  for (const [scale, suffix] of SCALES) {
    if (Math.abs(value) >= scale * 0.9995) {
      const scaled = value / scale;
      return `${number(scaled, Math.abs(scaled) < 99.95 ? 1 : 0, true)} ${suffix}`;
    }
  }
  return number(value, 0, true);
}

/** @param {unknown} value */
export function count(value) {
  return number(value, 0);
}

/** @param {number} value @param {string} one @param {string} [many] */
export function plural(value, one, many = one + 's') {
  return `${count(value)} ${value === 1 ? one : many}`;
}

// Times are UTC everywhere on the board. Takes ISO text or milliseconds.
/** @param {string | number | null | undefined} moment */
export function timeOfDay(moment) {
  if (moment === null || moment === undefined) return UNKNOWN;
  const date = new Date(moment);
  return Number.isNaN(date.getTime()) ? UNKNOWN : date.toISOString().slice(11, 19);
}

/** @param {unknown} value */
export function seconds(value) {
  if (!isKnown(value)) return UNKNOWN;
  const decimals = value < 9.95 ? 1 : 0;
  if (value < 120) return `${number(value, decimals)} s`;
  return value < 7200 ? `${number(value / 60, 0)} min` : `${number(value / 3600, 0)} h`;
}
