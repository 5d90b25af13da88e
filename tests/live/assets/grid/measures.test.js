import assert from 'node:assert/strict';
import { test } from 'node:test';

import { ColumnWidths } from '../../../../live/assets/grid/column_widths.js';
import { Measures } from '../../../../live/assets/grid/measures.js';

test('a measure is called and counted as Python says', () => {
  const measures = new Measures([{ name: 'vega_1pt', label: 'Vega 1 pt', decimals: 2, help: '' }]);
  assert.deepEqual([measures.label('vega_1pt'), measures.decimals('vega_1pt'), measures.help('vega_1pt')], ['Vega 1 pt', 2, 'Vega 1 pt']);
  assert.deepEqual([measures.label('spot'), measures.decimals('spot'), measures.decimals('delta'), measures.help('spot')], ['spot', 2, 0, null]);
  assert.equal(new Measures(null).label('x'), 'x');
});

const COLUMNS = [
  { label: 'Book', width: [50, 1], text: (row) => row.book },
  { label: 'Delta', width: [60, 2], decimals: 0, value: (row) => row.delta },
];
const ruler = (digits, words) => ({ children: [{ offsetWidth: digits }, { offsetWidth: words }] });
const leastOf = ({ template }) => [...template.matchAll(/minmax\((\d+)px/g)].map(([, pixels]) => Number(pixels));

test('columns make room for their longest number, and are set densely only where they must be', () => {
  const widths = new ColumnWidths(COLUMNS, ruler(84, 149));
  const before = leastOf(widths.within(1000));
  widths.makeRoom([{ book: 'A', delta: 1 }, { book: 'A', delta: -1_234_567_890_123 }, { book: 'A', delta: NaN }]);
  const roomy = widths.within(1000);
  assert.equal(roomy.density, 'roomy');
  assert.ok(leastOf(roomy)[1] > before[1]);
  assert.equal(leastOf(roomy)[0], before[0]);
  assert.equal(widths.within(roomy.least - 1).density, 'tight');
  assert.equal(widths.within(10).density, 'dense');
});

test('wide letters take more room and are never set densely', () => {
  const usual = new ColumnWidths(COLUMNS, ruler(84, 149));
  const wide = new ColumnWidths(COLUMNS, ruler(120, 220));
  for (const widths of [usual, wide]) widths.makeRoom([{ book: 'EQ_FLOW_AMERICAS', delta: 1e9 }]);
  assert.ok(wide.within(1000).least > usual.within(1000).least);
  assert.equal(wide.within(10).density, 'tight');
});

test('a column that has grown says so once', () => {
  const widths = new ColumnWidths(COLUMNS, ruler(84, 149));
  assert.deepEqual([widths.grow(COLUMNS[1], 9), widths.grow(COLUMNS[1], 9), widths.grow(COLUMNS[1], 10)], [true, false, true]);
});
