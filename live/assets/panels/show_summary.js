// Where the risk is: the tree over region, business unit, desk, book and underlying.

import { make, setAttribute, setText } from '../dom/dom.js';
import { count, plural } from '../dom/format.js';
import { Frame } from './frame.js';
import { Grid } from '../grid/grid.js';
import { Measures } from '../grid/measures.js';
import { Newcomers } from '../dom/newcomers.js';
import { queryOf } from '../wire/feed.js';
import { choose, isSelectedPath, onSelection, selected } from './selection.js';
import { keysDownTo, lackingOf, orderChildren, SEPARATOR, Tree, visibleNodes } from '../grid/tree.js';

// The day's P&L first: it is in sight however narrow the panel is.
const MEASURES = ['actual_pnl', 'market_value', 'cash_delta', 'cash_gamma_1pct', 'vega_1pt', 'theta_1d', 'rho_1bp'];
const OPEN_DOWN_TO = 3; // desks are seen, their books are not

/** @import { Column } from '../grid/grid.js' */
/** @import { Node } from '../grid/tree.js' */
/** @import { Sort } from '../grid/order.js' */
/** @import { Filters } from '../wire/feed.js' */
/** @import { PanelData } from './frame.js' */
/** @import { Emit } from './selection.js' */

/** @param {Element} host @param {string} key @param {Emit} emit @param {PanelData} data */
export function buildSummary(host, key, emit, data) {
  /** @type {Frame} */
  const frame = new Frame(host, { kind: 'summary', key, title: 'Risk summary' });
  const measures = new Measures(data.measures);
  const open = new OpenBranches(`deltaboard.open.${key}`);
  let { filters } = data;
  /** @type {Tree | null} */
  let tree = null;
  /** @type {{ form: object, header: object } | null} */
  let grownFrom = null;
  /** @type {{ children?: Map<string, Node[]>, sort?: Sort | null, from?: object | null }} */
  let orders = {};
  let revealed = '';

  /** @type {Column<Node>[]} */
  const columns = [nodeColumn((node) => toggle(node), open)];
  for (const name of MEASURES) {
    columns.push({
      name,
      label: measures.label(name),
      help: measures.help(name),
      width: name === 'market_value' ? [90, 1.2] : [70, 1],
      align: 'right',
      decimals: measures.decimals(name),
      tint: name === 'actual_pnl',
      value: (node) => node.value(name),
      title: (node) => whyIncomplete(node, name),
      marked: (node) => isIncomplete(node, name),
    });
  }
  columns.push({
    name: 'trades',
    label: 'Trades',
    help: 'How many trades have a value. A dot: some have none, and are in no sum.',
    width: [56, 0.6],
    align: 'right',
    faint: true,
    decimals: 0,
    value: (node) => node.value('trades'),
    marked: (node) => node.value('not_included') > 0,
    title: (node) => (node.value('not_included') > 0 ? `${plural(node.value('not_included'), 'trade')} not included` : null),
  });

  const grid = new Grid({
    columns,
    role: 'treegrid',
    label: 'Risk summary',
    sortName: 'sort_risk',
    rowKey: (node) => node.rowKey,
    decorate,
    onSort: () => arrange(),
    onPick: (node) => pick(node),
    onKey: (pressed, node) => steer(pressed, node),
  });
  frame.body.append(grid.scroller);
  const newcomers = new Newcomers(() => grid.paint());
  frame.tools.append(
    tool('Expand all', '\u229e', () => tree && openAll(keysDownTo(tree, 5))),
    tool('Collapse all', '\u229f', () => tree && openAll([''])),
  );
  frame.emptyText = () => (tree && !tree.total.children.length ? nothingMatches(filters) : '');

  /** @param {HTMLElement} element @param {Node} node */
  function decorate(element, node) {
    setAttribute(element, 'aria-level', node.depth + 1);
    setAttribute(element, 'data-level', node.depth);
    setAttribute(element, 'aria-expanded', node.children.length ? open.has(node.key) : null);
    newcomers.mark(element, node.key);
    const ticker = selected()?.ticker;
    element.setAttribute('aria-selected', String(node.depth > 0 && isSelectedPath(node.path)));
    element.classList.toggle('db-related', Boolean(ticker) && node.depth === 5 && node.label === ticker);
  }

  /** @param {string[]} keys */
  function openAll(keys) {
    open.set(keys);
    arrange();
  }

  /** @param {Node} node */
  function toggle(node) {
    open.toggle(node.key);
    arrange();
  }

  /** @param {Node} node */
  function pick(node) {
    if (node.depth > 0) choose({ path: node.path }, emit);
    else if (selected()) choose(selected(), emit);
  }

  /** @param {string} pressed @param {Node} node */
  function steer(pressed, node) {
    const isOpen = open.has(node.key);
    if (pressed === 'ArrowRight' && node.children.length && !isOpen) toggle(node);
    else if (pressed === 'ArrowRight' && isOpen) grid.activate(grid.active + 1);
    else if (pressed === 'ArrowLeft' && node.children.length && isOpen) toggle(node);
    else if (pressed === 'ArrowLeft' && node.depth > 0) {
      grid.activate(grid.rows.findIndex((other) => other.key === node.path.slice(0, -1).join(SEPARATOR)));
    } else return false;
    return true;
  }

  // A selection that comes from a link, or from the way back, is in sight: the branches above it open.
  function reveal() {
    const path = selected()?.path ?? [];
    const wanted = path.join(SEPARATOR);
    if (!tree || wanted === revealed) return;
    revealed = wanted;
    if (!tree.byKey.has(wanted) || !path.length) return;
    if (open.add(path.map((_, depth) => path.slice(0, depth).join(SEPARATOR)))) arrange();
    const place = grid.rows.findIndex((node) => node.key === wanted);
    if (place !== grid.active) grid.activate(place);
  }

  // Which nodes are seen and in which order; the numbers in them come with paint.
  function arrange() {
    if (!tree) return;
    if (grid.sort !== orders.sort || grownFrom !== orders.from) {
      orders = { children: orderChildren(tree, grid.sort), sort: grid.sort, from: grownFrom };
    }
    grid.exchangeRows(visibleNodes(tree, open.keys(tree), orders.children));
    grid.paint();
  }

  frame.paint = (table) => {
    const isOther = grownFrom?.form !== table.form;
    const before = grownFrom?.header === table.header ? tree : null;
    const grown = isOther || !tree ? new Tree(table) : tree;
    grown.table = table;
    tree = grown;
    if (isOther) {
      grownFrom = { form: table.form, header: table.header };
      if (before) newcomers.add([...grown.byKey.keys()].filter((node) => !before.byKey.has(node)));
      else grid.forget(); // the numbers of another snapshot have not moved
      grid.makeRoom([...grown.byKey.values()]);
    }
    const currencies = grown.total.currencies;
    const currency = currencies.length > 1 ? 'several currencies' : currencies.join();
    const levels = 'Region \u203a Business unit \u203a Desk \u203a Book \u203a Underlying';
    setText(frame.subtitle, [levels, currency].filter(Boolean).join(' \u00b7 '));
    if (isOther) {
      arrange();
      reveal();
    }
    grid.paint();
  };
  const forget = onSelection(() => {
    reveal();
    grid.paint();
  });
  return {
    /** @param {PanelData} next */
    update(next) {
      frame.update(next);
      filters = next.filters;
      frame.use('nodes', queryOf(next));
      frame.paintSoon();
    },
    close() {
      forget();
      newcomers.close();
      grid.close();
      frame.close();
    },
  };
}

/** @param {(node: Node) => void} toggle @param {OpenBranches} open @returns {Column<Node>} */
function nodeColumn(toggle, open) {
  return {
    name: 'node',
    label: 'Node',
    width: [176, 2.1],
    build(cell) {
      /** @type {{ twisty: HTMLElement, label: HTMLElement, node?: Node }} */
      const parts = {
        twisty: cell.appendChild(make('span', 'db-twisty', { 'aria-hidden': 'true' })),
        label: cell.appendChild(make('span', 'db-node')),
      };
      parts.twisty.addEventListener('click', (event) => {
        if (!parts.node?.children.length) return;
        event.stopPropagation();
        toggle(parts.node);
      });
      return parts;
    },
    paint(cell, node) {
      cell.parts.node = node;
      cell.style.setProperty('--db-depth', String(node.depth));
      setText(cell.parts.label, node.label);
      setAttribute(cell, 'title', node.label);
      setText(cell.parts.twisty, node.children.length ? (open.has(node.key) ? '\u25be' : '\u25b8') : '');
    },
  };
}

// A column may lack trades that others have; what all columns lack is marked once, at the count of trades.
/** @param {Node} node @param {string} measure */
function isIncomplete(node, measure) {
  return !Number.isNaN(node.value(measure)) && node.value(lackingOf(measure)) > 0;
}

/** @param {Node} node @param {string} measure */
function whyIncomplete(node, measure) {
  const { currencies } = node;
  if (currencies.length > 1) return `Not added up: ${currencies.join(' and ')} are different currencies.`;
  const known = !Number.isNaN(node.value(measure));
  if (measure === 'actual_pnl' && node.value('pnl_unknown') > 0) {
    const lacking = `${plural(node.value('pnl_unknown'), 'trade')} without a previous close`;
    return known ? `${lacking}: this is the P&L of the others.` : `${lacking}.`;
  }
  if (!known) return 'Not known for any of its trades.';
  const lacking = node.value(lackingOf(measure));
  return lacking > 0 ? `Not known for ${count(lacking)} of its trades: this is the sum of the others.` : null;
}

/** @param {Filters | null | undefined} filters */
function nothingMatches(filters) {
  const parts = [];
  if (filters?.statuses?.length) parts.push(`status ${filters.statuses.join(', ')}`);
  if (filters?.books?.length) parts.push(`book ${filters.books.join(', ')}`);
  return parts.length ? `No trades match ${parts.join(' and ')}.` : 'There are no trades yet. Load trades to see their risk.';
}

/** @param {string} title @param {string} text @param {() => void} onClick */
function tool(title, text, onClick) {
  const button = make('button', 'db-tool', { type: 'button', title, 'aria-label': title, text });
  button.addEventListener('click', onClick);
  return button;
}

// Which branches are open. Until the user opens or closes one, those down to the desks.
class OpenBranches {
  /** @param {string} storageKey */
  constructor(storageKey) {
    this.storageKey = storageKey;
    /** @type {Set<string> | null} */
    this.chosen = null;
    this.standard = new Set(['']);
    try {
      const kept = JSON.parse(sessionStorage.getItem(storageKey) ?? 'null');
      if (Array.isArray(kept)) this.chosen = new Set(kept);
    } catch {
      // What is not readable is not remembered.
    }
  }

  /** @param {Tree} tree */
  keys(tree) {
    this.standard = new Set(keysDownTo(tree, OPEN_DOWN_TO));
    return this.chosen ?? this.standard;
  }

  /** @param {string} key */
  has(key) {
    return (this.chosen ?? this.standard).has(key);
  }

  /** @param {string} key */
  toggle(key) {
    const keys = new Set(this.chosen ?? this.standard);
    if (!keys.delete(key)) keys.add(key);
    this.set(keys);
  }

  // Whether one of them was closed.
  /** @param {string[]} keys */
  add(keys) {
    if (keys.every((key) => this.has(key))) return false;
    this.set([...(this.chosen ?? this.standard), ...keys]);
    return true;
  }

  /** @param {Iterable<string>} keys */
  set(keys) {
    this.chosen = new Set(keys);
    try {
      sessionStorage.setItem(this.storageKey, JSON.stringify([...this.chosen]));
    } catch {
      // A browser that keeps nothing still opens branches.
    }
  }
}
