// The risk tree as it is shown: its shape, what of it is open, and the order of its branches. Its numbers are sums that
// the server rolled up.

/** @import { Table } from '../wire/table.js' */
/** @import { Sort } from './order.js' */

export const TOTAL = 0; // the id of its row
// For how many of its trades the sum of a measure is not known, where somebody reported some measures of them alone.
/** @param {string} measure */
export const lackingOf = (measure) => (measure === 'actual_pnl' ? 'pnl_unknown' : `unknown_${measure}`);
export const SEPARATOR = '\u001f'; // between the labels of a path, and between currencies

/** @param {string} text */
const parts = (text) => (text ? text.split(SEPARATOR) : []);

// The currencies of the trades in a row: where there are several, no money of it is summed.
/** @param {Table} table @param {number} place */
export const currenciesOf = (table, place) => parts(table.string('currencies', place));

export class Node {
  /** @param {Tree} tree @param {string} key @param {number} place of its row */
  constructor(tree, key, place) {
    this.tree = tree;
    this.key = key;
    this.place = place;
    this.path = parts(key);
    this.depth = this.path.length;
    this.label = this.path.at(-1) ?? 'Total';
    this.rowKey = this.depth ? this.path.join(' \u203a ') : 'Total';
    /** @type {Node[]} */
    this.children = [];
  }

  // NaN where it is not known, or may not be summed.
  /** @param {string} column */
  value(column) {
    return this.tree.table.number(column, this.place);
  }

  get currencies() {
    return currenciesOf(this.tree.table, this.place);
  }
}

export class Tree {
  // The shape of what a table has. Its numbers are those of `table`: a later state of the same one may take its place.
  /** @param {Table} table */
  constructor(table) {
    this.table = table;
    /** @type {Map<string, Node>} */
    this.byKey = new Map();
    for (const place of table.places) {
      const key = table.string('path', place);
      this.byKey.set(key, new Node(this, key, place));
    }
    this.total = this.byKey.get('') ?? new Node(this, '', -1);
    for (const node of this.byKey.values()) {
      if (node.depth) this.byKey.get(node.path.slice(0, -1).join(SEPARATOR))?.children.push(node);
    }
    for (const node of this.byKey.values()) node.children.sort((a, b) => (a.label < b.label ? -1 : 1));
  }
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
