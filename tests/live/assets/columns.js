// Tables as they come over the wire, made of rows.

import { Table } from '../../../live/assets/wire/table.js';

const filled = (rows, name) => Float64Array.from(rows, (row) => row[name] ?? NaN);
const namesIn = (rows, kind) => [...new Set(rows.flatMap((row) => Object.keys(row).filter((name) => typeof row[name] === kind)))];

// A message with the columns that the rows have: numbers and texts.
export function message(rows, header = {}) {
  const text = Object.fromEntries(namesIn(rows, 'string').map((name) => [name, rows.map((row) => row[name] ?? '')]));
  const columns = Object.fromEntries(namesIn(rows, 'number').map((name) => [name, filled(rows, name)]));
  return { header: { kind: 'snapshot', table: 'nodes', revision: 1, rows: rows.length, text, ...header }, columns };
}

export const tableOf = (rows, header) => new Table(message(rows, header));
