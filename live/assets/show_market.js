// What the market does: every underlying with its last quote, its change since the previous close, and its day.

import { buildLine, drawLine } from './day.js';
import { plural } from './format.js';
import { Frame } from './frame.js';
import { Grid } from './grid.js';
import { sortedRows } from './order.js';
import { choose, onSelection, selected } from './selection.js';
import { setText } from './dom.js';

export function buildMarket(host, key, emit) {
  const frame = new Frame(host, { kind: 'market', key, title: 'Market' });
  const change = (row) => frame.shown.number('quote', row) - frame.shown.number('previous_close', row);
  const percent = (row) => (100 * change(row)) / frame.shown.number('previous_close', row);
  const noClose = (row) => (Number.isNaN(change(row)) ? 'No previous close is known.' : null);
  const columns = [
    {
      name: 'ticker',
      label: 'Ticker',
      width: 'minmax(58px, 1.1fr)',
      text: (row) => frame.shown.string('ticker', row),
      title: (row) => [frame.shown.string('name', row), frame.shown.string('sector', row)].filter(Boolean).join(', '),
    },
    numeric('quote', 'Last', 'minmax(70px, 1.25fr)', (row) => frame.shown.number('quote', row), {
      title: (row) => (Number.isNaN(frame.shown.number('quote', row)) ? 'No quote has come yet.' : null),
    }),
    numeric('change', 'Change', 'minmax(66px, 1.25fr)', change, { plus: true, tint: true, title: noClose }),
    numeric('percent', '%', 'minmax(52px, 0.95fr)', percent, { plus: true, tint: true, decimals: 1, title: noClose }),
    {
      name: 'day',
      label: 'Day',
      width: 'minmax(76px, 1.7fr)',
      align: 'right',
      sortable: false,
      build: buildLine,
      paint: (cell, row) => drawLine(cell.parts, frame.shown.day.get(frame.shown.string('ticker', row))),
    },
  ];
  const grid = new Grid({
    columns,
    label: 'Market',
    minWidth: 330,
    rowKey: (row) => frame.shown.string('ticker', row),
    decorate: (element, row) => {
      const on = selected()?.ticker === frame.shown.string('ticker', row);
      element.setAttribute('aria-selected', on);
    },
    onSort: () => order(),
    onPick: (row) => choose({ ticker: frame.shown.string('ticker', row) }, emit),
  });
  frame.body.append(grid.scroller);
  frame.emptyText = () => (frame.shown?.rows === 0 ? 'No underlying has a quote yet. Load quotes or start a feed.' : '');

  let ordered = null;
  function order() {
    if (!frame.shown) return;
    ordered = frame.shown.header;
    grid.setRows(sortedRows(frame.shown, null, columns, grid.sort ?? { column: 'ticker', descending: false }));
    grid.paint();
  }

  frame.paint = (table) => {
    setText(frame.subtitle, `${plural(table.rows, 'underlying')}, against previous close`);
    if (ordered !== table.header) order();
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
      grid.close();
      frame.close();
    },
  };
}

function numeric(name, label, width, value, extra = {}) {
  return { name, label, width, value, align: 'right', decimals: 2, ...extra };
}
