import assert from 'node:assert/strict';
import { test } from 'node:test';

import { COUNTS, compareKnownFirst, growTree, keysDownTo, lackingOf, orderChildren, rollUp, SEPARATOR, visibleNodes } from '../../../../live/assets/grid/tree.js';
import { tableOf } from '../columns.js';

const row = (region, desk, underlying, more) => ({
  region,
  business_unit: 'Equity',
  desk,
  book: `${desk} book`,
  underlying,
  currency: 'USD',
  trade_status: 'Live',
  trades: 1,
  ...more,
});
const BOOK = [
  row('Americas', 'Flow', 'AAPL', { cash_delta: 10, trades: 2, not_included: 1 }),
  row('Americas', 'Flow', 'MSFT', { cash_delta: 20 }),
  row('Americas', 'Vol', 'AAPL', { cash_delta: NaN, trade_status: 'Tentative' }),
  row('EMEA', 'Flow', 'SAP', { cash_delta: -5 }),
];

function grown(rows, filters) {
  const table = tableOf(rows);
  const tree = growTree(table, filters);
  rollUp(table, tree, ['cash_delta', 'vega_1pt', ...COUNTS]);
  return tree;
}
const at = (tree, ...path) => tree.byKey.get(path.join(SEPARATOR));

test('every node is the sum of what is known below it', () => {
  const tree = grown(BOOK);
  assert.equal(tree.total.value('cash_delta'), 25);
  assert.equal(at(tree, 'Americas').value('cash_delta'), 30);
  assert.equal(at(tree, 'EMEA', 'Equity', 'Flow').value('cash_delta'), -5);
  assert.equal(tree.total.value('trades'), 5);
  assert.equal(tree.total.value('not_included'), 1);
  assert.equal(tree.total.unknown.cash_delta, 1);
});

test('a sum with nothing known in it is unknown and no zero', () => {
  const tree = grown(BOOK);
  assert.deepEqual(at(tree, 'Americas', 'Equity', 'Vol').value('cash_delta'), NaN);
  assert.deepEqual(tree.total.value('vega_1pt'), NaN);
});

test('several currencies are not added up, but counted', () => {
  const tree = grown([...BOOK, row('EMEA', 'Flow', 'BMW', { cash_delta: 1, currency: 'EUR' })]);
  assert.deepEqual(tree.total.value('cash_delta'), NaN);
  assert.deepEqual(at(tree, 'EMEA').value('cash_delta'), NaN);
  assert.equal(at(tree, 'Americas').value('cash_delta'), 30);
  assert.equal(tree.total.value('trades'), 6);
  assert.deepEqual([tree.total.currency, at(tree, 'Americas').currency], ['', 'USD']);
});

test('filters leave rows out', () => {
  assert.equal(grown(BOOK, { statuses: ['Tentative'] }).total.value('trades'), 1);
  assert.equal(grown(BOOK, { statuses: [], books: ['Flow book'] }).total.value('cash_delta'), 25);
  assert.deepEqual(grown(BOOK, { statuses: ['Live'], books: ['Vol book'] }).total.children, []);
});

test('what has no place stands below Unassigned', () => {
  assert.ok(at(grown([row('', '', 'AAPL', { cash_delta: 1 })]), 'Unassigned', 'Equity', 'Unassigned'));
});

test('rows of one place are one node', () => {
  const tree = grown([...BOOK, row('EMEA', 'Flow', 'SAP', { cash_delta: 2, trade_status: 'Tentative' })]);
  assert.equal(tree.byKey.size, grown(BOOK).byKey.size);
  assert.equal(at(tree, 'EMEA').value('cash_delta'), -3);
});

test('only what is open is visible, in the order that was chosen', () => {
  const tree = grown(BOOK);
  const labels = (open, sort) => visibleNodes(tree, new Set(open), orderChildren(tree, sort)).map((node) => node.label);
  assert.deepEqual(labels([], null), ['Total']);
  assert.deepEqual(labels([''], null), ['Total', 'Americas', 'EMEA']);
  assert.deepEqual(labels([''], { column: 'cash_delta', descending: false }), ['Total', 'EMEA', 'Americas']);
  assert.deepEqual(labels([''], { column: 'node', descending: true }), ['Total', 'EMEA', 'Americas']);
  const flow = ['Americas', 'Equity', 'Flow', 'Flow book'].map((_, depth, path) => path.slice(0, depth + 1).join(SEPARATOR));
  assert.deepEqual(labels(['', ...flow], { column: 'cash_delta', descending: true }).slice(4), ['Flow book', 'MSFT', 'AAPL', 'Vol', 'EMEA']);
});

test('branches down to a depth', () => {
  assert.deepEqual(keysDownTo(grown(BOOK), 2), ['', 'Americas', ['Americas', 'Equity'].join(SEPARATOR), 'EMEA', ['EMEA', 'Equity'].join(SEPARATOR)].filter((key) => key.split(SEPARATOR).length < 2));
});

test('what is not known stands last whichever way is sorted', () => {
  const values = [NaN, 2, -1, NaN, 3];
  assert.deepEqual([...values].sort((a, b) => compareKnownFirst(a, b, 1)), [-1, 2, 3, NaN, NaN]);
  assert.deepEqual([...values].sort((a, b) => compareKnownFirst(a, b, -1)), [3, 2, -1, NaN, NaN]);
});

test('what a measure lacks has a column of its own', () => {
  assert.deepEqual([lackingOf('vega_1pt'), lackingOf('actual_pnl')], ['unknown_vega_1pt', 'pnl_unknown']);
});
