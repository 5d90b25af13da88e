import assert from 'node:assert/strict';
import { test } from 'node:test';

import { isSame, lawful } from '../../../../live/assets/pivot/pivot_rules.js';

const COLUMNS = [
  { label: 'Quantity', sums: 'Contract' },
  { label: 'Market value', sums: 'Currency' },
  { label: 'Cash delta', sums: 'Currency' },
  { label: 'Delta shares', sums: 'Underlying' },
  { label: 'Spot', sums: 'never' },
  { label: 'Trades', sums: '' },
];
const SCHEMA = { ...Object.fromEntries(COLUMNS.map(({ label }) => [label, 'float'])), Book: 'string', Currency: 'string' };
const EMPTY = { group_by: [], split_by: [], columns: [], sort: [], filter: [], expressions: {} };

function ruled(config, { currencies = 1, computed = [] } = {}) {
  const schema = { ...SCHEMA, ...Object.fromEntries(computed.map((name) => [name, 'float'])) };
  return lawful({ ...EMPTY, ...config }, { columns: COLUMNS, schema, currencies });
}
const aggregateOf = (name, config, more) => ruled({ columns: [name], group_by: ['Book'], ...config }, more).aggregates[name];

test('what adds up is summed, what does not is shown where all are the same', () => {
  const { aggregates, notes } = ruled({ group_by: ['Underlying'], columns: ['Market value', 'Delta shares', 'Spot', 'Trades', 'Book'] });
  assert.deepEqual(aggregates, { 'Market value': 'sum', 'Delta shares': 'unique', Spot: 'unique', Trades: 'sum', Book: 'unique' });
  assert.deepEqual(notes.map((note) => note.slice(0, 27)), ['Delta shares adds up within', 'Spot is no sum: shown where']);
});

test('nothing is noted where nothing is added up', () => {
  assert.deepEqual(ruled({ columns: ['Spot', 'Delta shares'] }).notes, []);
});

test('an aggregate that is no sum is left to whoever chose it', () => {
  for (const chosen of ['avg', 'min', 'unique', 'median', ['weighted mean', 'Quantity']]) {
    assert.deepEqual(aggregateOf('Spot', { aggregates: { Spot: chosen } }), chosen);
  }
  for (const chosen of ['sum', 'abs sum', 'pct sum total', 'sum or zero', ['sum abs']]) {
    assert.equal(aggregateOf('Spot', { aggregates: { Spot: chosen } }), 'unique');
  }
  assert.equal(aggregateOf('Trades', { aggregates: { Trades: 'avg' } }), 'avg');
});

test('what is not known is no zero', () => {
  assert.equal(aggregateOf('Market value', { aggregates: { 'Market value': 'sum or zero' } }), 'sum');
});

test('several currencies are summed only one by one', () => {
  const several = { currencies: 2 };
  assert.equal(aggregateOf('Market value', {}, several), 'unique');
  assert.equal(aggregateOf('Market value', { split_by: ['Currency'] }, several), 'sum');
  assert.equal(aggregateOf('Market value', { split_by: ['Currency'], split_rollup_mode: 'rollup' }, several), 'unique');
  assert.equal(aggregateOf('Market value', { filter: [['Currency', '==', 'USD']] }, several), 'sum');
  assert.equal(aggregateOf('Market value', { filter: [['Currency', 'in', ['USD']]] }, several), 'sum');
  assert.equal(aggregateOf('Market value', { filter: [['Currency', 'in', ['USD', 'EUR']]] }, several), 'unique');
  assert.equal(aggregateOf('Market value', { filter: [['Currency', '!=', 'USD']] }, several), 'unique');
});

test('within one underlying, contract or trade more may be summed', () => {
  assert.equal(aggregateOf('Delta shares', { group_by: ['Underlying'] }), 'unique', 'a total stands above it');
  assert.equal(aggregateOf('Delta shares', { group_by: ['Underlying'], group_rollup_mode: 'flat' }), 'sum');
  assert.equal(aggregateOf('Delta shares', { split_by: ['Contract'] }), 'sum');
  assert.equal(aggregateOf('Quantity', { split_by: ['Underlying'] }), 'unique');
  assert.equal(aggregateOf('Quantity', { split_by: ['Trade'] }), 'sum');
});

test('a column that sorts alone is ruled, too', () => {
  assert.equal(ruled({ group_by: ['Book'], sort: [['Spot', 'desc']] }).aggregates.Spot, 'unique');
});

test('computed columns are summed where they are sums and multiples of what is', () => {
  const within = (text, more) => ruled({ group_by: ['Book'], columns: ['x'], expressions: { x: text } }, { computed: ['x'], ...more }).aggregates.x;
  for (const text of ['"Cash delta" + 2 * "Market value"', '"Trades" / 4', '-("Cash delta" - "Market value") * 0.5 // half', { expr: '"Trades"' }]) {
    assert.equal(within(text), 'sum', JSON.stringify(text));
  }
  for (const text of ['"Market value" / "Spot"', '"Trades" + 1', '"Trades" * "Trades"', 'abs("Trades")', '"Delta shares"', '"Unknown"', '2 / "Trades"']) {
    assert.equal(within(text), 'unique', text);
  }
  assert.equal(within('"Cash delta" + "Trades"', { currencies: 2 }), 'unique');
});

test('aggregates are compared by what they say', () => {
  assert.ok(isSame({ a: ['weighted mean', 'b'] }, { aggregates: { a: ['weighted mean', 'b'], c: 'sum' } }));
  assert.ok(!isSame({ a: 'sum' }, { aggregates: {} }));
  assert.ok(!isSame({ a: 'sum' }, {}));
});
