import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withTail } from '../../../../live/assets/wire/day.js';
import { message, tableOf } from '../columns.js';

const ROWS = [
  { ticker: 'AAPL', quote: 66.5 },
  { ticker: 'JPM', quote: 94.2 },
];
const delta = (rows, header) => message(rows, { kind: 'delta', revision: 2, ...header });
const shown = (table) => Object.fromEntries(table.places.map((place) => [table.string('ticker', place), table.number('quote', place)]));

test('a delta changes the numbers of its rows and no others', () => {
  const table = tableOf(ROWS);
  const { form } = table;
  assert.equal(table.apply(delta([{ row: 1, quote: 95 }])), true);
  assert.deepEqual(shown(table), { AAPL: 66.5, JPM: 95 });
  assert.equal(table.revision, 2);
  assert.equal(table.form, form, 'no row came or went');
});

test('a column that comes later is not known before', () => {
  const table = tableOf(ROWS);
  assert.ok(Number.isNaN(table.number('unknown_delta', 0)));
  table.apply(delta([{ row: 1, unknown_delta: 2 }]));
  assert.deepEqual([table.number('unknown_delta', 0), table.number('unknown_delta', 1)], [NaN, 2]);
});

test('rows come with all their text, go, and come back where they were', () => {
  const table = tableOf(ROWS);
  const { form } = table;
  table.apply(delta([{ row: 9, ticker: 'KO', quote: 47.5 }]));
  assert.deepEqual(shown(table), { AAPL: 66.5, JPM: 94.2, KO: 47.5 });
  assert.notEqual(table.form, form);
  table.apply(delta([{ row: 0, quote: 67 }], { gone: [9, 77] }));
  assert.deepEqual(shown(table), { AAPL: 67, JPM: 94.2 });
  table.apply(delta([{ row: 9, ticker: 'KO', quote: 48 }]));
  assert.deepEqual(shown(table), { AAPL: 67, JPM: 94.2, KO: 48 });
  assert.equal(table.used, 3, 'it has its place again');
});

test('many rows come one by one', () => {
  const table = tableOf(ROWS);
  for (let id = 2; id < 100; id++) assert.ok(table.apply(delta([{ row: id, ticker: `T${id}`, quote: id }])));
  assert.equal(table.rows, 100);
  assert.equal(shown(table).T99, 99);
  assert.equal(shown(table).AAPL, 66.5);
});

test('text of the first rows of a delta alone', () => {
  const table = tableOf(ROWS);
  const both = delta([{ row: 1, quote: 1 }, { row: 0, quote: 2 }], { text: { ticker: ['JPMC'] }, text_rows: 1 });
  table.apply(both);
  assert.deepEqual(shown(table), { AAPL: 2, JPMC: 1 });
});

test('text may be coded, in a snapshot and in a delta', () => {
  const coded = (values, codes) => ({ text: { ticker: { values, codes } } });
  const table = tableOf([{ quote: 1 }, { quote: 2 }, { quote: 3 }], coded(['B', 'A'], [0, 1, 0]));
  assert.deepEqual(table.places.map((place) => table.string('ticker', place)), ['B', 'A', 'B']);
  table.apply(delta([{ row: 2, quote: 4 }], coded(['C'], [0])));
  assert.deepEqual(table.places.map((place) => table.string('ticker', place)), ['B', 'A', 'C']);
});

test('ids of a filtered snapshot are no places', () => {
  const table = tableOf([{ row: 40, ticker: 'AAPL', quote: 1 }, { row: 7, ticker: 'KO', quote: 2 }]);
  table.apply(delta([{ row: 7, quote: 3 }]));
  assert.deepEqual(shown(table), { AAPL: 1, KO: 3 });
});

test('a delta that does not fit asks for a snapshot', () => {
  const table = tableOf(ROWS);
  assert.equal(table.apply(delta([{ row: 5, quote: 1 }])), false, 'a row that is not known has no text');
  assert.equal(table.apply(message(ROWS, { kind: 'delta' })), false, 'no ids');
});

test('a frozen copy is not touched by what comes', () => {
  const table = tableOf(ROWS);
  const copy = table.frozen();
  table.apply(delta([{ row: 1, ticker: 'X', quote: 1 }, { row: 5, ticker: 'Y', quote: 2 }], { gone: [0] }));
  assert.deepEqual(shown(copy), { AAPL: 66.5, JPM: 94.2 });
  assert.equal(copy.revision, 1);
});

test('the day of the market goes on with the points that its deltas have', () => {
  const table = tableOf(ROWS, { table: 'market', day: { AAPL: [[1, 66], [5, 67]] } });
  const before = table.day.get('AAPL');
  table.apply(delta([{ row: 0, quote: 69 }], { day_tail: { AAPL: [5, [[8, 68], [11, 69]]], JPM: [0, [[3, 94]]] } }));
  assert.deepEqual(table.day.get('AAPL'), [[1, 66], [8, 68], [11, 69]]);
  assert.deepEqual(table.day.get('JPM'), [[3, 94]]);
  assert.equal(before.length, 2, 'what is painted is not touched');
  table.apply(delta([{ row: 0, previous_close: 60 }]));
  assert.equal(table.day.get('AAPL').length, 3);
});

test('from some moment on the points are others', () => {
  assert.deepEqual(withTail([[1, 10], [5, 11], [9, 12]], [5, [[6, 13]]]), [[1, 10], [6, 13]]);
  assert.deepEqual(withTail([], [5, [[6, 13]]]), [[6, 13]]);
});
