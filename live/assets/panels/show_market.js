// What the market does: every underlying with its last quote, its change since the previous close, and its day.

import { buildLine, drawLine } from '../grid/day_line.js';
import { Frame } from './frame.js';
import { Grid } from '../grid/grid.js';
import { Newcomers } from '../dom/newcomers.js';
import { mergedRows, sortedRows } from '../grid/order.js';
import { choose, onSelection, selected } from './selection.js';
import { setText } from '../dom/dom.js';

/** @import { Column } from '../grid/grid.js' */
/** @import { Table } from '../wire/table.js' */
/** @import { PanelData } from './frame.js' */
/** @import { Emit } from './selection.js' */

/** @param {Element} host @param {string} key @param {Emit} emit */
export function buildMarket(host, key, emit) {
  /** @type {Frame} */
  const frame = new Frame(host, { kind: 'market', key, title: 'Market' });
  const figure = (/** @type {string} */ name, /** @type {number} */ row) => frame.shown?.number(name, row) ?? NaN;
  const word = (/** @type {string} */ name, /** @type {number} */ row) => frame.shown?.string(name, row) ?? '';
  const change = (/** @type {number} */ row) => figure('quote', row) - figure('previous_close', row);
  const percent = (/** @type {number} */ row) => (100 * change(row)) / figure('previous_close', row);
  const noClose = (/** @type {number} */ row) => (Number.isNaN(change(row)) ? 'No previous close is known.' : null);
  /** @type {Column<number>[]} */
  const columns = [
    {
      name: 'ticker',
      label: 'Ticker',
      width: [50, 1.1],
      text: (row) => word('ticker', row),
      title: (row) => [word('name', row), word('sector', row)].filter(Boolean).join(', '),
    },
    numeric('quote', 'Last', [58, 1.25], (row) => figure('quote', row), {
      help: 'The newest quote. Unit: currency a share.',
      title: (row) => (Number.isNaN(figure('quote', row)) ? 'No quote has come yet.' : null),
    }),
    numeric('change', 'Change', [58, 1.25], change, {
      help: 'Last \u2212 previous close. Unit: currency a share.',
      plus: true,
      tint: true,
      title: noClose,
    }),
    numeric('percent', '%', [46, 0.95], percent, {
      help: '(Last \u2212 previous close) \u00f7 previous close. Unit: %.',
      plus: true,
      tint: true,
      decimals: 1,
      title: noClose,
    }),
    {
      name: 'day',
      label: 'Day',
      help: 'The quotes of the day so far, from the lowest to the highest.',
      width: [56, 1.7],
      align: 'right',
      sortable: false,
      build: buildLine,
      paint: (cell, row) => drawLine(cell.parts, frame.shown?.day.get(word('ticker', row))),
    },
  ];
  const grid = new Grid({
    columns,
    label: 'Market',
    sortName: 'sort_market',
    rowKey: (row) => word('ticker', row),
    decorate: (element, row) => {
      const on = selected()?.ticker === word('ticker', row);
      element.setAttribute('aria-selected', String(on));
      newcomers.mark(element, word('ticker', row));
    },
    onSort: () => order(),
    onPick: (row) => choose({ ticker: word('ticker', row) }, emit),
  });
  frame.body.append(grid.scroller);
  const newcomers = new Newcomers(() => grid.paint());
  frame.emptyText = () => (frame.shown?.rows === 0 ? 'No underlying has a quote yet. Load quotes or start a feed.' : '');

  /** @type {object | null} */
  let ordered = null;
  /** @type {object | null} */
  let form = null;
  function order() {
    if (!frame.shown) return;
    ordered = frame.shown.header;
    form = frame.shown.form;
    grid.makeRoom(frame.shown.places);
    grid.setRows(sortedRows(frame.shown, frame.shown.places, columns, grid.sort, 'ticker'));
    grid.paint();
  }

  // An underlying came: the others stay as they stand.
  /** @param {Table} table */
  function extend(table) {
    form = table.form;
    const { rows, fresh } = mergedRows(table, grid.rows, table.places, columns, grid.sort, 'ticker');
    grid.makeRoom(fresh);
    newcomers.add(fresh.map((row) => table.string('ticker', row)));
    grid.exchangeRows(rows);
    grid.paint();
  }

  frame.paint = (table) => {
    setText(frame.subtitle, 'vs close');
    if (ordered !== table.header) order();
    else if (form !== table.form) extend(table);
    else grid.paint();
  };
  const forget = onSelection(() => grid.paint());
  return {
    /** @param {PanelData} data */
    update(data) {
      frame.update(data);
      frame.use('market', [['as_of', data.as_of ?? 'latest']]);
    },
    close() {
      forget();
      newcomers.close();
      grid.close();
      frame.close();
    },
  };
}

/**
 * @param {string} name
 * @param {string} label
 * @param {[number, number]} width
 * @param {(row: number) => number} value
 * @param {Partial<Column<number>>} [extra]
 * @returns {Column<number>}
 */
function numeric(name, label, width, value, extra = {}) {
  return { name, label, width, value, align: 'right', decimals: 2, ...extra };
}
