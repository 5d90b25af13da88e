// In which order rows stand: by a column, unknown last, equal ones by name.

import { compareKnownFirst } from './tree.js';

// How two rows (places in the table) compare; `standard` is the text column that they stand by without a sort.
function comparison(table, columns, sort, standard) {
  const names = (a, b) => {
    const [one, other] = [table.string(standard, a), table.string(standard, b)];
    return one === other ? a - b : one < other ? -1 : 1;
  };
  const column = sort && columns.find((candidate) => candidate.name === sort.column);
  if (!column) return names;
  const sign = sort.descending ? -1 : 1;
  const keys = new Map();
  const keyOf = (row) => {
    if (!keys.has(row)) keys.set(row, column.value ? column.value(row) : column.text(row));
    return keys.get(row);
  };
  if (column.value) return (a, b) => compareKnownFirst(keyOf(a), keyOf(b), sign) || names(a, b);
  return (a, b) => (keyOf(a) === keyOf(b) ? names(a, b) : keyOf(a) < keyOf(b) ? -sign : sign);
}

// `kept`: the rows to order.
export function sortedRows(table, kept, columns, sort, standard) {
  return [...kept].sort(comparison(table, columns, sort, standard));
}

// The same rows in the order they are in, without those that left and with the new ones where they belong. Rows whose
// numbers have moved since they were sorted stay where they are: a table does not shuffle under the eyes.
export function mergedRows(table, rows, kept, columns, sort, standard) {
  const staying = new Set(kept);
  const before = rows.filter((row) => staying.has(row));
  before.forEach((row) => staying.delete(row));
  const fresh = [...staying];
  const compare = comparison(table, columns, sort, standard);
  fresh.sort(compare);
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
export const sortWord = (sort) => (sort ? `${sort.descending ? '-' : ''}${sort.column}` : '');

// Null where the word names no column that can be sorted by.
export function sortOf(word, columns) {
  const descending = word.startsWith('-');
  const column = columns.find(({ name, sortable }) => sortable !== false && name === word.slice(descending ? 1 : 0));
  return column ? { column: column.name, descending } : null;
}
