// In which order rows stand: by a column, unknown last, equal ones as they came.

import { compareKnownFirst } from './tree.js';

// `kept`: the row ids to order, or null for all. Without a sort they stay as they came.
export function sortedRows(table, kept, columns, sort) {
  const rows = kept ?? Array.from({ length: table.rows }, (_, row) => row);
  const column = sort && columns.find((candidate) => candidate.name === sort.column);
  if (!column) return rows;
  const sign = sort.descending ? -1 : 1;
  const keys = new Array(table.rows);
  for (const row of rows) keys[row] = column.value ? column.value(row) : column.text(row);
  if (column.value) return rows.sort((a, b) => compareKnownFirst(keys[a], keys[b], sign) || a - b);
  return rows.sort((a, b) => (keys[a] === keys[b] ? a - b : keys[a] < keys[b] ? -sign : sign));
}
