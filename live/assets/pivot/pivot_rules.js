// How the pivot may add up: which columns may be summed as they stand, and what takes the place of a sum that may not be.

/** @import { Aggregate, NumberColumn, PivotConfig, Schema, Within } from './pivot_engine.js' */

const SUMS = ['sum', 'abs sum', 'sum abs', 'sum not null', 'sum or zero', 'gmv', 'mul', 'pct sum parent', 'pct sum total', 'pct sum grand total'];
/** @type {Record<string, string[]>} */
// A column that is one value wherever another one is.
const DECIDED_BY = {
  Currency: ['Currency', 'Underlying', 'Contract', 'Trade'],
  Underlying: ['Underlying', 'Contract', 'Trade'],
  Contract: ['Contract', 'Trade'],
};
const SAME_OR_NOTHING = 'unique';

// The aggregates that a configuration should have, and in words what is not summed and why.
// columns: what Python says of each numeric column; schema: name -> type; currencies: how many the rows are in.
/** @param {PivotConfig} config @param {{ columns: NumberColumn[], schema: Schema, currencies: number }} rows */
export function lawful(config, { columns, schema, currencies }) {
  /** @type {Record<string, Aggregate>} */
  const aggregates = {};
  /** @type {string[]} */
  const notes = [];
  const single = singledOut(config);
  const numbers = new Map(columns.map((column) => [column.label, column]));
  const shown = [...config.columns.filter((name) => name !== null), ...(config.sort ?? []).map(([name]) => name)];
  for (const name of new Set(shown)) {
    const chosen = config.aggregates?.[name];
    const wanted = aggregateName(chosen);
    const within = name in (config.expressions ?? {}) ? expressionSums(config.expressions[name], numbers) : sumsOf(numbers.get(name));
    const isNumber = ['float', 'integer'].includes(schema[name]);
    if (!isNumber) {
      aggregates[name] = chosen ?? SAME_OR_NOTHING;
    } else if (maySum(within, single, currencies)) {
      aggregates[name] = chosen && wanted !== 'sum or zero' ? chosen : 'sum'; // what is not known is no zero
    } else {
      aggregates[name] = !chosen || wanted === null || SUMS.includes(wanted) ? SAME_OR_NOTHING : chosen;
      const isBlank = aggregates[name] === SAME_OR_NOTHING;
      if (isBlank && config.group_by.length + config.split_by.length) notes.push(noteOn(name, within));
    }
  }
  return { aggregates, notes };
}

/** @param {Record<string, Aggregate>} aggregates @param {Pick<PivotConfig, 'aggregates'>} config */
export function isSame(aggregates, config) {
  return Object.entries(aggregates).every(([name, value]) => JSON.stringify(config.aggregates?.[name]) === JSON.stringify(value));
}

const aggregateName = (/** @type {Aggregate | undefined} */ chosen) => (Array.isArray(chosen) ? chosen[0] : (chosen ?? null));
/** @param {NumberColumn | undefined} column @returns {Within} */
const sumsOf = (column) => (column ? column.sums : 'never');

// The columns that have one value in every cell: filtered to one, spread over the columns, or grouped by without totals.
/** @param {PivotConfig} config */
function singledOut(config) {
  const single = new Set(config.split_rollup_mode === 'rollup' ? [] : config.split_by);
  for (const [name, operator, value] of config.filter ?? []) {
    if (operator === '==' || (operator === 'in' && Array.isArray(value) && value.length === 1)) single.add(name);
  }
  if (config.group_rollup_mode === 'flat') config.group_by.forEach((name) => single.add(name));
  return single;
}

/** @param {Within} within @param {Set<string>} single @param {number} currencies */
function maySum(within, single, currencies) {
  if (within === '') return true;
  if (within === 'Currency' && currencies <= 1) return true;
  return (DECIDED_BY[within] ?? []).some((name) => single.has(name));
}

/** @param {string} name @param {Within} within */
function noteOn(name, within) {
  if (within === 'never') return `${name} is no sum: shown where all are the same. Choose avg, min, max\u2026 for more.`;
  return `${name} adds up within one ${within.toLowerCase()} alone: split by ${within}, filter on one, or group by it with Rollup: Flat.`;
}

// Over what a computed column may be summed: sums and multiples of what may be summed; all else never.
/** @param {string | { expr: string }} text @param {Map<string, NumberColumn>} numbers @returns {Within} */
function expressionSums(text, numbers) {
  const source = typeof text === 'string' ? text : (text?.expr ?? '');
  const tokens = source.replace(/\/\/.*$/gm, '').match(/"[^"]*"|[\d.]+|[-+*/()]|\S/g) ?? [];
  /** @type {Within} */
  let within = '';
  for (let i = 0; i < tokens.length; i++) {
    const token = tokens[i];
    const [before, after] = [tokens[i - 1], tokens[i + 1]];
    if (token.startsWith('"')) within = narrower(within, sumsOf(numbers.get(token.slice(1, -1))));
    else if (/^[\d.]/.test(token)) {
      if (!(before === '*' || before === '/' || after === '*')) return 'never';
    } else if (token === '*') {
      if (!/^[\d.]/.test(before ?? '') && !/^[\d.]/.test(after ?? '')) return 'never';
    } else if (token === '/') {
      if (!/^[\d.]/.test(after ?? '')) return 'never';
    } else if (!'+-()'.includes(token)) return 'never';
  }
  return within;
}

/** @param {Within} one @param {Within} other */
function narrower(one, other) {
  /** @type {Within[]} */
  const order = ['', 'Currency', 'Underlying', 'Contract', 'never'];
  return order[Math.max(order.indexOf(one), order.indexOf(other))];
}
