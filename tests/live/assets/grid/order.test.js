import assert from 'node:assert/strict';
import { test } from 'node:test';

import { mergedRows, sortedRows, sortOf, sortWord } from '../../../../live/assets/grid/order.js';
import { tableOf } from '../columns.js';

const table = tableOf([
  { ticker: 'MSFT', quote: 2 },
  { ticker: 'AAPL', quote: NaN },
  { ticker: 'KO', quote: 2 },
  { ticker: 'JPM', quote: 1 },
]);
const COLUMNS = [
  { name: 'ticker', text: (row) => table.string('ticker', row) },
  { name: 'quote', value: (row) => table.number('quote', row) },
  { name: 'day', sortable: false },
];
const names = (rows) => rows.map((row) => table.string('ticker', row)).join(' ');
const sorted = (column, descending = false) => names(sortedRows(table, table.places, COLUMNS, column && { column, descending }, 'ticker'));

test('by name, or by a column; equal ones by name, unknown last', () => {
  assert.equal(sorted(null), 'AAPL JPM KO MSFT');
  assert.equal(sorted('quote'), 'JPM KO MSFT AAPL');
  assert.equal(sorted('quote', true), 'KO MSFT JPM AAPL');
  assert.equal(sorted('ticker', true), 'MSFT KO JPM AAPL');
  assert.equal(sorted('gone'), 'AAPL JPM KO MSFT');
});

test('rows that have moved since stay where they are, new ones come where they belong', () => {
  const shown = [3, 0]; // JPM, MSFT
  const byQuote = { column: 'quote', descending: true };
  const { rows, fresh } = mergedRows(table, shown, [0, 2, 3], COLUMNS, byQuote, 'ticker');
  assert.equal(names(rows), 'KO JPM MSFT');
  assert.deepEqual(fresh, [2]);
  assert.equal(names(mergedRows(table, shown, [0, 1], COLUMNS, byQuote, 'ticker').rows), 'MSFT AAPL');
});

test('a sort is a word of the address', () => {
  for (const sort of [null, { column: 'quote', descending: true }, { column: 'ticker', descending: false }]) {
    assert.deepEqual(sortOf(sortWord(sort), COLUMNS), sort);
  }
  for (const word of ['', '-', 'nothing', '-day', 'day']) assert.equal(sortOf(word, COLUMNS), null, word);
});
