// What the risk tree adds up to: region, business unit, desk, book and underlying, rolled up from the summary's rows.

/** @import { Filters } from '../wire/feed.js' */
/** @import { Table } from '../wire/table.js' */
/** @import { Sort } from './order.js' */

export const LEVELS = ['region', 'business_unit', 'desk', 'book', 'underlying'];
export const COUNTS = ['trades', 'not_included', 'pnl_unknown'];
// For how many of its trades the sum of a measure is not known, where somebody reported some measures of them alone.
/** @param {string} measure */
export const lackingOf = (measure) => (measure === 'actual_pnl' ? 'pnl_unknown' : `unknown_${measure}`);
export const SEPARATOR = '\u001f';

/** @param {Table} table @param {number} row @param {Filters | null} [filters] */
export function rowPasses(table, row, filters) {
  const { statuses = [], books = [] } = filters ?? {};
  if (statuses.length && !statuses.includes(table.string('trade_status', row))) return false;
  return !books.length || books.includes(table.string('book', row));
}

export class Node {
  /** @param {string[]} path */
  constructor(path) {
    this.path = path;
    this.depth = path.length;
    this.label = path.length ? path[path.length - 1] : 'Total';
    this.key = path.join(SEPARATOR);
    this.rowKey = path.length ? path.join(' \u203a ') : 'Total';
    /** @type {Node[]} */
    this.children = [];
    /** @type {number[]} */
    this.rows = [];
    /** @type {Set<string>} */
    this.currencies = new Set();
    /** @type {Record<string, number>} */
    this.sums = {};
    /** @type {Record<string, number>} */
    this.unknown = {};
  }

  // NaN where nothing is known, or where currencies would be mixed.
  /** @param {string} measure */
  value(measure) {
    if (this.currencies.size > 1 && !COUNTS.includes(measure) && !measure.startsWith('unknown_')) return NaN;
    return this.sums[measure] ?? NaN;
  }

  get currency() {
    return this.currencies.size === 1 ? [...this.currencies][0] : '';
  }
}

/** @typedef {{ total: Node, byKey: Map<string, Node> }} Tree */

// The shape of the tree for the rows that pass; the numbers come with rollUp.
/** @param {Table} table @param {Filters | null} [filters] @returns {Tree} */
export function growTree(table, filters) {
  const total = new Node([]);
  const byKey = new Map([['', total]]);
  for (const row of table.places) {
    if (!rowPasses(table, row, filters)) continue;
    const currency = table.string('currency', row);
    let node = total;
    if (currency) node.currencies.add(currency);
    for (let level = 0; level < LEVELS.length; level++) {
      const path = [...node.path, table.string(LEVELS[level], row) || 'Unassigned'];
      const key = path.join(SEPARATOR);
      let child = byKey.get(key);
      if (!child) {
        child = new Node(path);
        byKey.set(key, child);
        node.children.push(child);
      }
      node = child;
      if (currency) node.currencies.add(currency);
    }
    node.rows.push(row);
  }
  for (const node of byKey.values()) node.children.sort((a, b) => (a.label < b.label ? -1 : 1));
  return { total, byKey };
}

// Sums what is known, and counts what is not: a sum with nothing known in it is unknown, never 0.
/** @param {Table} table @param {Tree} tree @param {string[]} measures */
export function rollUp(table, tree, measures) {
  for (const measure of measures) {
    const values = table.columns[measure];
    addUp(tree.total, measure, values ?? null);
  }
}

/** @param {Node} node @param {string} measure @param {Float64Array | null} values @returns {{ sum: number, known: number, unknown: number }} */
function addUp(node, measure, values) {
  let sum = 0;
  let known = 0;
  let unknown = 0;
  for (const row of node.rows) {
    const value = values ? values[row] : NaN;
    if (Number.isNaN(value)) unknown += 1;
    else {
      sum += value;
      known += 1;
    }
  }
  for (const child of node.children) {
    const below = addUp(child, measure, values);
    sum += below.sum;
    known += below.known;
    unknown += below.unknown;
  }
  node.sums[measure] = known ? sum : NaN;
  node.unknown[measure] = unknown;
  return { sum, known, unknown };
}

/** @param {Tree} tree @param {Set<string>} openKeys @param {Map<string, Node[]>} [orders] */
export function visibleNodes(tree, openKeys, orders) {
  /** @type {Node[]} */
  const list = [];
  /** @param {Node} node */
  const walk = (node) => {
    list.push(node);
    if (!openKeys.has(node.key)) return;
    const children = orders?.get(node.key) ?? node.children;
    for (const child of children) walk(child);
  };
  walk(tree.total);
  return list;
}

/** @param {Tree} tree @param {number} depth */
export function keysDownTo(tree, depth) {
  return [...tree.byKey.values()].filter((node) => node.depth < depth && node.children.length).map((node) => node.key);
}

// The order of the children under each node, by a measure or by name.
/** @param {Tree} tree @param {Sort | null} sort */
export function orderChildren(tree, sort) {
  /** @type {Map<string, Node[]>} */
  const orders = new Map();
  if (!sort) return orders;
  const sign = sort.descending ? -1 : 1;
  /** @type {(a: Node, b: Node) => number} */
  const compare =
    sort.column === 'node'
      ? (a, b) => sign * (a.label < b.label ? -1 : 1)
      : (a, b) => compareKnownFirst(a.value(sort.column), b.value(sort.column), sign);
  for (const node of tree.byKey.values()) orders.set(node.key, [...node.children].sort(compare));
  return orders;
}

// Unknown goes last whichever way is sorted.
/** @param {number} a @param {number} b @param {number} sign */
export function compareKnownFirst(a, b, sign) {
  if (Number.isNaN(a)) return Number.isNaN(b) ? 0 : 1;
  if (Number.isNaN(b)) return -1;
  return sign * (a - b);
}
