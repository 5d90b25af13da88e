// In which order rows stand: by a column, unknown last, equal ones by name.

import { compareKnownFirst } from './tree.js';

/** @import { Table } from '../wire/table.js' */

/**
 * @typedef {{ column: string, descending: boolean }} Sort
 * @typedef {{ name: string, sortable?: boolean, value?: (row: number) => number, text?: (row: number) => string }} Sortable
 */

// How two rows (places in the table) compare; `standard` is the text column that they stand by without a sort.
/**
 * @param {Table} table
 * @param {Sortable[]} columns
 * @param {Sort | null} sort
 * @param {string} standard
 * @returns {(a: number, b: number) => number}
 */
function comparison(table, columns, sort, standard) {
  /** @param {number} a @param {number} b */
  const names = (a, b) => {
    const [one, other] = [table.string(standard, a), table.string(standard, b)];
    return one === other ? a - b : one < other ? -1 : 1;
  };
  const column = sort && columns.find((candidate) => candidate.name === sort.column);
  if (!column) return names;
  const sign = sort.descending ? -1 : 1;
  if (column.value) {
    const value = once(column.value);
    return (a, b) => compareKnownFirst(value(a), value(b), sign) || names(a, b);
  }
  const text = once(column.text ?? (() => ''));
  return (a, b) => (text(a) === text(b) ? names(a, b) : text(a) < text(b) ? -sign : sign);
}

/**
 * What a row is ordered by, found out once a row.
 * @template Value
 * @param {(row: number) => Value} find
 */
function once(find) {
  /** @type {Map<number, Value>} */
  const found = new Map();
  return (/** @type {number} */ row) => {
    if (!found.has(row)) found.set(row, find(row));
    return /** @type {Value} */ (found.get(row));
  };
}

// `kept`: the rows to order.
/** @param {Table} table @param {number[]} kept @param {Sortable[]} columns @param {Sort | null} sort @param {string} standard */
export function sortedRows(table, kept, columns, sort, standard) {
  return [...kept].sort(comparison(table, columns, sort, standard));
}

// The same rows in the order they are in, without those that left and with the new ones where they belong. Rows whose
// numbers have moved since they were sorted stay where they are: a table does not shuffle under the eyes.
/**
 * @param {Table} table
 * @param {number[]} rows
 * @param {number[]} kept
 * @param {Sortable[]} columns
 * @param {Sort | null} sort
 * @param {string} standard
 */
export function mergedRows(table, rows, kept, columns, sort, standard) {
  const staying = new Set(kept);
  const before = rows.filter((row) => staying.has(row));
  before.forEach((row) => staying.delete(row));
  const fresh = [...staying];
  const compare = comparison(table, columns, sort, standard);
  fresh.sort(compare);
  /** @type {number[]} */
  const merged = [];
  let next = 0;
  for (const row of before) {
    while (next < fresh.length && compare(fresh[next], row) < 0) merged.push(fresh[next++]);
    merged.push(row);
  }
  while (next < fresh.length) merged.push(fresh[next++]);
  return { rows: merged, fresh };
}

// A sort as a word, for an address: the column, with a minus before it from the largest down.
/** @param {Sort | null} sort */
export const sortWord = (sort) => (sort ? `${sort.descending ? '-' : ''}${sort.column}` : '');

// Null where the word names no column that can be sorted by.
/** @param {string} word @param {{ name: string, sortable?: boolean }[]} columns @returns {Sort | null} */
export function sortOf(word, columns) {
  const descending = word.startsWith('-');
  const column = columns.find(({ name, sortable }) => sortable !== false && name === word.slice(descending ? 1 : 0));
  return column ? { column: column.name, descending } : null;
}
