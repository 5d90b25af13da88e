import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compareKnownFirst, currenciesOf, keysDownTo, lackingOf, orderChildren, SEPARATOR, TOTAL, Tree, visibleNodes } from '../../../../live/assets/grid/tree.js';
import { message, tableOf } from '../columns.js';

const keyOf = (...path) => path.join(SEPARATOR);
const row = (path, cash_delta, more) => ({ path: keyOf(...path), currencies: 'USD', cash_delta, trades: 1, ...more });
// As the server sends them: a parent before its children, and otherwise in the order in which they came to be.
const BOOK = [
  row([], 25),
  row(['EMEA'], -5),
  row(['EMEA', 'Equity'], -5),
  row(['EMEA', 'Equity', 'Flow'], -5),
  row(['Americas'], 30),
  row(['Americas', 'Equity'], 30),
  row(['Americas', 'Equity', 'Vol'], NaN),
  row(['Americas', 'Equity', 'Flow'], 30),
];
const grown = (rows = BOOK) => new Tree(tableOf(rows));
const at = (tree, ...path) => tree.byKey.get(keyOf(...path));

test('a node shows the row of its path and is called by the last of it', () => {
  const tree = grown();
  const flow = at(tree, 'Americas', 'Equity', 'Flow');
  assert.deepEqual([flow.label, flow.depth, flow.rowKey, flow.value('cash_delta')], ['Flow', 3, 'Americas \u203a Equity \u203a Flow', 30]);
  assert.deepEqual([tree.total.label, tree.total.depth, tree.total.rowKey, tree.total.value('cash_delta')], ['Total', 0, 'Total', 25]);
  assert.equal(tree.byKey.size, BOOK.length);
});

test('children stand below their parents by name, in whatever order they came', () => {
  const labels = (node) => node.children.map((child) => child.label);
  const tree = grown([...BOOK].reverse());
  assert.deepEqual(labels(tree.total), ['Americas', 'EMEA']);
  assert.deepEqual(labels(at(tree, 'Americas', 'Equity')), ['Flow', 'Vol']);
});

test('what is not known, or may not be summed, is NaN', () => {
  const tree = grown();
  assert.equal(at(tree, 'Americas', 'Equity', 'Vol').value('cash_delta'), NaN);
  assert.equal(tree.total.value('vega_1pt'), NaN);
});

test('nothing at all is a total without a number', () => {
  const tree = grown([]);
  assert.deepEqual([tree.total.children, tree.total.value('trades'), tree.total.currencies], [[], NaN, []]);
});

test('a row says its currencies, and the total has the id that figures look for', () => {
  const rows = [row([], NaN, { currencies: keyOf('EUR', 'USD') }), row(['EMEA'], 2, { currencies: 'EUR' })];
  const tree = grown(rows);
  assert.deepEqual([tree.total.currencies, at(tree, 'EMEA').currencies], [['EUR', 'USD'], ['EUR']]);
  const table = tableOf(rows);
  assert.deepEqual(currenciesOf(table, table.placeOf(TOTAL)), ['EUR', 'USD']);
});

test('a later state of the table gives the numbers, and the shape stays', () => {
  const table = tableOf(BOOK);
  const paused = table.frozen();
  const tree = new Tree(paused);
  const delta = message([{ row: 0, cash_delta: 26 }], { kind: 'delta', revision: 2 });
  delta.header.text = {};
  assert.ok(table.apply(delta));
  assert.equal(tree.total.value('cash_delta'), 25);
  assert.equal(paused.form, table.form);
  tree.table = table;
  assert.equal(tree.total.value('cash_delta'), 26);
});

test('only what is open is visible, in the order that was chosen', () => {
  const tree = grown();
  const labels = (open, sort) => visibleNodes(tree, new Set(open), orderChildren(tree, sort)).map((node) => node.label);
  assert.deepEqual(labels([], null), ['Total']);
  assert.deepEqual(labels([''], null), ['Total', 'Americas', 'EMEA']);
  assert.deepEqual(labels([''], { column: 'cash_delta', descending: false }), ['Total', 'EMEA', 'Americas']);
  assert.deepEqual(labels([''], { column: 'node', descending: true }), ['Total', 'EMEA', 'Americas']);
  const open = ['', keyOf('Americas'), keyOf('Americas', 'Equity')];
  assert.deepEqual(labels(open, { column: 'cash_delta', descending: true }), ['Total', 'Americas', 'Equity', 'Flow', 'Vol', 'EMEA']);
});

test('branches down to a depth', () => {
  assert.deepEqual(keysDownTo(grown(), 2).sort(), ['', 'Americas', 'EMEA']);
});

test('what is not known stands last whichever way is sorted', () => {
  const values = [NaN, 2, -1, NaN, 3];
  assert.deepEqual([...values].sort((a, b) => compareKnownFirst(a, b, 1)), [-1, 2, 3, NaN, NaN]);
  assert.deepEqual([...values].sort((a, b) => compareKnownFirst(a, b, -1)), [3, 2, -1, NaN, NaN]);
});

test('what a measure lacks has a column of its own', () => {
  assert.deepEqual([lackingOf('vega_1pt'), lackingOf('actual_pnl')], ['unknown_vega_1pt', 'pnl_unknown']);
});
