// What the market does: every underlying with its last quote, its change since the previous close, and its day.

import { buildLine, drawLine } from '../grid/day_line.js';
import { plural } from '../dom/format.js';
import { Frame } from './frame.js';
import { Grid } from '../grid/grid.js';
import { Newcomers } from '../dom/newcomers.js';
import { mergedRows, sortedRows } from '../grid/order.js';
import { choose, onSelection, selected } from './selection.js';
import { setText } from '../dom/dom.js';

export function buildMarket(host, key, emit) {
  const frame = new Frame(host, { kind: 'market', key, title: 'Market' });
  const change = (row) => frame.shown.number('quote', row) - frame.shown.number('previous_close', row);
  const percent = (row) => (100 * change(row)) / frame.shown.number('previous_close', row);
  const noClose = (row) => (Number.isNaN(change(row)) ? 'No previous close is known.' : null);
  const columns = [
    {
      name: 'ticker',
      label: 'Ticker',
      width: [50, 1.1],
      text: (row) => frame.shown.string('ticker', row),
      title: (row) => [frame.shown.string('name', row), frame.shown.string('sector', row)].filter(Boolean).join(', '),
    },
    numeric('quote', 'Last', [58, 1.25], (row) => frame.shown.number('quote', row), {
      help: 'The newest quote. Unit: currency a share.',
      title: (row) => (Number.isNaN(frame.shown.number('quote', row)) ? 'No quote has come yet.' : null),
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
      paint: (cell, row) => drawLine(cell.parts, frame.shown.day.get(frame.shown.string('ticker', row))),
    },
  ];
  const grid = new Grid({
    columns,
    label: 'Market',
    sortName: 'sort_market',
    rowKey: (row) => frame.shown.string('ticker', row),
    decorate: (element, row) => {
      const on = selected()?.ticker === frame.shown.string('ticker', row);
      element.setAttribute('aria-selected', on);
      newcomers.mark(element, frame.shown.string('ticker', row));
    },
    onSort: () => order(),
    onPick: (row) => choose({ ticker: frame.shown.string('ticker', row) }, emit),
  });
  frame.body.append(grid.scroller);
  const newcomers = new Newcomers(() => grid.paint());
  frame.emptyText = () => (frame.shown?.rows === 0 ? 'No underlying has a quote yet. Load quotes or start a feed.' : '');

  let ordered = null;
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

function numeric(name, label, width, value, extra = {}) {
  return { name, label, width, value, align: 'right', decimals: 2, ...extra };
}
