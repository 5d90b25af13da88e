// Which trades are behind it: the trades of what is selected, in one flat table that only builds the rows in sight.

import { pageAddress } from '../dom/address.js';
import { make, setAttribute, setText } from '../dom/dom.js';
import { queryOf } from '../wire/feed.js';
import { count, plural } from '../dom/format.js';
import { Frame } from './frame.js';
import { Grid } from '../grid/grid.js';
import { keepInAddress } from '../grid/kept_in_address.js';
import { Measures } from '../grid/measures.js';
import { Newcomers } from '../dom/newcomers.js';
import { mergedRows, sortedRows } from '../grid/order.js';
import { choose, onSelection, selected } from './selection.js';
import { hasEvery, wordsOf } from '../dom/words.js';

const SEARCHED = ['trade_id', 'book', 'contract', 'exercise_style', 'trade_status', 'priced_by'];
const PATH_SEPARATOR = '\u001f';
const SEARCH_AFTER_MS = 120;

/** @import { Cell, Column } from '../grid/grid.js' */
/** @import { Filters } from '../wire/feed.js' */
/** @import { Table } from '../wire/table.js' */
/** @import { PanelData } from './frame.js' */
/** @import { Emit, Selection } from './selection.js' */

/** @param {Element} host @param {string} key @param {Emit} emit @param {PanelData} data */
export function buildTrades(host, key, emit, data) {
  /** @type {Frame} */
  const frame = new Frame(host, { kind: 'trades', key, title: 'Trades', paced: true });
  const columns = tradeColumns(frame, new Measures(data.measures));
  let latest = data;
  /** @type {object | null} */
  let arrangedFor = null;
  /** @type {object | null} */
  let form = null;

  const grid = new Grid({
    columns,
    label: 'Trades',
    sortName: 'sort_trades',
    rowKey: (row) => keyOf(frame.drawn, row),
    decorate: (element, row) => {
      newcomers.mark(element, keyOf(frame.drawn, row));
      const cell = /** @type {Cell} */ (element.firstChild);
      setAttribute(cell.parts, 'href', pageOf(frame.drawn.string('trade_id', row)));
    },
    onSort: () => arrange(),
    onPick: (row, event) => {
      if (event instanceof KeyboardEvent && event.key === 'Enter') location.assign(pageOf(frame.drawn.string('trade_id', row)));
    },
  });
  frame.body.append(grid.scroller);
  const newcomers = new Newcomers(() => grid.paint());

  const search = make('input', 'db-search', {
    type: 'search',
    placeholder: 'Trade, book, contract',
    'aria-label': 'Filter the trades by trade, book or contract',
    spellcheck: 'false',
    maxlength: '100',
  });
  const sought = keepInAddress('search', () => find(sought.word));
  search.value = sought.word;
  let words = wordsOf(sought.word);
  let timer = 0;
  search.addEventListener('input', () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      sought.say(search.value.trim());
      find(search.value.trim());
    }, SEARCH_AFTER_MS);
  });
  const clear = make('button', 'db-tool', { type: 'button', title: 'Show all trades again', text: '\u2715' });
  clear.setAttribute('aria-label', 'Clear the selection');
  clear.addEventListener('click', () => selected() && choose(selected(), emit));
  frame.subtitle.after(clear);
  frame.tools.append(search);

  frame.emptyText = () => {
    if (!frame.shown || grid.rows.length) return '';
    const what = [words.length && `\u201c${search.value.trim()}\u201d`, ...filterTexts(latest.filters)].filter(Boolean);
    if (selected()) what.push(selectionText(selected()));
    return what.length ? `No trades match ${what.join(', ')}.` : 'There are no trades yet.';
  };

  /** @param {string} text */
  function find(text) {
    if (search.value.trim() !== text) search.value = text;
    words = wordsOf(text);
    arrange();
    frame.paintSoon();
  }

  function arrange() {
    const table = frame.shown;
    if (!table) return;
    if (arrangedFor !== table.header) grid.makeRoom(table.places);
    arrangedFor = table.header;
    form = table.form;
    grid.setRows(sortedRows(table, kept(table), columns, grid.sort, 'trade_id'));
    grid.paint();
  }

  // Rows came or went: the others stay as they stand.
  /** @param {Table} table */
  function rearrange(table) {
    form = table.form;
    const { rows, fresh } = mergedRows(table, grid.rows, kept(table), columns, grid.sort, 'trade_id');
    grid.makeRoom(fresh);
    newcomers.add(fresh.map((row) => keyOf(table, row)));
    grid.exchangeRows(rows);
    grid.paint();
  }

  const kept = (/** @type {Table} */ table) => (words.length ? matching(table, words) : table.places);

  function subscribe() {
    const query = queryOf(latest);
    const selection = selected();
    if (selection?.path) query.push(['path', selection.path.join(PATH_SEPARATOR)]);
    if (selection?.ticker) query.push(['ticker', selection.ticker]);
    frame.use('trades', query);
    clear.hidden = !selection;
    describe();
  }

  function describe() {
    const table = frame.shown;
    const shown = grid.rows.length;
    const total = table ? (words.length ? `${count(shown)} of ${plural(table.rows, 'trade')}` : plural(table.rows, 'trade')) : '';
    setText(frame.subtitle, [selectionText(selected()) || 'All books', total].filter(Boolean).join(' \u00b7 '));
    setAttribute(frame.subtitle, 'title', frame.subtitle.textContent);
  }

  frame.paint = (table) => {
    if (arrangedFor !== table.header) arrange();
    else if (form !== table.form) rearrange(table);
    else grid.paint();
    describe();
  };
  const forget = onSelection(subscribe);
  return {
    /** @param {PanelData} next */
    update(next) {
      frame.update(next);
      latest = next;
      subscribe();
    },
    close() {
      forget();
      clearTimeout(timer);
      sought.close();
      newcomers.close();
      grid.close();
      frame.close();
    },
  };
}

// Where everything about a trade is.
const pageOf = (/** @type {string} */ tradeId) => pageAddress('trade', { trade_id: tradeId });

// A trade may have a row for each risk factor that somebody reported; those have no quantity of their own.
/** @param {Table} table @param {number} row */
function keyOf(table, row) {
  const key = table.string('trade_id', row);
  return Number.isNaN(table.number('quantity', row)) ? `${key} \u203a ${table.string('underlying', row)}` : key;
}

/** @param {Frame} frame @param {Measures} measures @returns {Column<number>[]} */
function tradeColumns(frame, measures) {
  /**
   * @param {string} name
   * @param {string} label
   * @param {[number, number]} width
   * @param {Partial<Column<number>>} extra
   * @returns {Column<number>}
   */
  const text = (name, label, width, extra) => ({
    name,
    label,
    width,
    text: (row) => frame.drawn.string(name, row),
    ...extra,
  });
  /**
   * @param {string} name
   * @param {string} label
   * @param {[number, number]} width
   * @param {Partial<Column<number>>} [extra]
   * @returns {Column<number>}
   */
  const numeric = (name, label, width, extra) => ({
    name,
    label,
    width,
    align: 'right',
    decimals: measures.decimals(name),
    help: measures.help(name),
    value: (row) => frame.drawn.number(name, row),
    title: (row) => (Number.isNaN(frame.drawn.number(name, row)) ? whyUnknown(frame.drawn, row, name) : null),
    ...extra,
  });
  return [
    // The row is what the keyboard moves on, and Enter opens its trade: the links are no stops of their own.
    text('trade_id', 'Trade', [68, 1], {
      build: (cell) => {
        const link = cell.appendChild(make('a', 'db-link', { tabindex: '-1' }));
        cell.words = link.appendChild(document.createTextNode(''));
        return link;
      },
    }),
    text('book', 'Book', [108, 1.5], { faint: true }),
    text('contract', 'Contract', [246, 2.9], {
      build: (cell) => {
        cell.classList.add('db-two');
        return [cell.appendChild(make('span', 'db-contract')), cell.appendChild(make('span', 'db-chip'))];
      },
      paint: (cell, row) => paintContract(cell, frame.drawn, row),
    }),
    numeric('actual_pnl', measures.label('actual_pnl'), [82, 1.1], { tint: true }),
    numeric('quantity', 'Quantity', [70, 1], { decimals: 0, help: 'Contracts, or shares of a stock position; short is negative.' }),
    numeric('spot', 'Spot', [64, 0.9], { decimals: 2, help: 'The quote that the value was found with. Unit: currency a share.' }),
    numeric('unit_price', measures.label('unit_price'), [76, 1]),
    numeric('market_value', measures.label('market_value'), [92, 1.2]),
    numeric('cash_delta', measures.label('cash_delta'), [88, 1.2]),
    numeric('cash_gamma_1pct', measures.label('cash_gamma_1pct'), [78, 1.1]),
    numeric('vega_1pt', measures.label('vega_1pt'), [70, 1]),
    numeric('theta_1d', measures.label('theta_1d'), [70, 1]),
    text('trade_status', 'Status', [84, 0.8], {
      build: (cell) => cell.appendChild(make('span', 'db-chip')),
      paint: (cell, row) => paintStatus(cell.parts, frame.drawn.string('trade_status', row)),
    }),
    text('priced_by', 'Priced by', [100, 1.4], {
      faint: true,
      title: (row) => frame.drawn.string('reason', row) || null,
    }),
  ];
}

/** @param {Cell} cell @param {Table} table @param {number} row */
function paintContract(cell, table, row) {
  const [contract, style] = cell.parts;
  setText(contract, table.string('contract', row));
  setAttribute(contract, 'title', table.string('contract', row));
  const exercise = table.string('exercise_style', row);
  setText(style, exercise);
  style.hidden = !exercise;
}

/** @param {HTMLElement} chip @param {string} status */
function paintStatus(chip, status) {
  setText(chip, status);
  chip.hidden = !status;
  setAttribute(chip, 'data-quiet', status === 'Live' ? null : 'no');
}

/** @param {Table} table @param {number} row @param {string} name */
function whyUnknown(table, row, name) {
  const reason = table.string('reason', row);
  if (reason) return reason;
  return name === 'actual_pnl' ? 'No previous close is known.' : 'Not known.';
}

/** @param {Table} table @param {string[]} words */
function matching(table, words) {
  return table.places.filter((row) => hasEvery(words, SEARCHED.map((column) => table.string(column, row))));
}

/** @param {Selection} selection */
function selectionText(selection) {
  if (selection?.path) return selection.path.join(' \u203a ');
  return selection?.ticker ?? '';
}

/** @param {Filters | null | undefined} filters */
function filterTexts(filters) {
  const { statuses = [], books = [] } = filters ?? {};
  return [statuses.length && `status ${statuses.join(', ')}`, books.length && `book ${books.join(', ')}`];
}
