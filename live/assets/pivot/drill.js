// What is behind a cell of a pivot: its trades in a list of their own, and from there a trade's page.

import { make, setText } from '../dom/dom.js';
import { number } from '../dom/format.js';
import { viewerIn } from './pivot_engine.js';
import { gridOf, workByKeyboard } from './pivot_keys.js';

const allDigits = (value) => number(value, (String(value).split('.')[1] ?? '').length);

// leave: puts the focus where it goes when the list is closed.
export function buildDrill(body, { tell, columns, leave }) {
  const root = body.appendChild(make('section', 'db-drill', { hidden: '', 'aria-label': 'The trades behind a cell' }));
  const head = root.appendChild(make('header', 'db-head'));
  const title = head.appendChild(make('h3', 'db-title', { text: 'Trades in' }));
  const words = head.appendChild(make('span', 'db-subtitle'));
  const open = head.appendChild(make('button', 'db-tool db-word', { type: 'button', hidden: '' }));
  const close = head.appendChild(make('button', 'db-tool', { type: 'button', text: '\u2715', title: 'Close', 'aria-label': 'Close the list of trades' }));
  const box = root.appendChild(make('div', 'db-pivot'));
  let viewer = null;
  let source = null; // the engine, the name of its table, the theme of the moment, and how its columns look
  let tradeId = '';

  close.addEventListener('click', shut);
  open.addEventListener('click', () => tell.once('trade', tradeId));

  const keys = workByKeyboard(root, { name: 'Trades of the cell', viewOf: () => viewer.getView(), escape: shut });

  function shut() {
    if (root.hidden) return false;
    root.hidden = true;
    leave();
    return true;
  }

  function choose(trade) {
    tradeId = trade;
    open.hidden = !trade;
    setText(open, `Open ${trade}`);
  }

  function toldOf([name, operator, value]) {
    const isDay = source.formats[name]?.date_format && Number.isFinite(value);
    const told = isDay ? new Date(value).toISOString().slice(0, 10) : typeof value === 'number' ? allDigits(value) : value;
    return operator === '==' ? told : `${name} ${operator} ${told}`;
  }

  async function show(trade, filter, byKeyboard) {
    if (!source) return;
    root.hidden = false;
    choose(trade);
    setText(title, trade ? 'Trade' : 'Trades in');
    setText(words, trade || filter.map(toldOf).join(' \u203a ') || 'everything');
    box.hidden = Boolean(trade);
    root.classList.toggle('db-one', Boolean(trade));
    if (trade && byKeyboard) open.focus();
    if (trade) return;
    viewer ??= await opened();
    await viewer.restore({ table: source.table, plugin: 'Datagrid', group_by: [], split_by: [], columns, filter, columns_config: source.formats, settings: false });
    await viewer.flush();
    if (byKeyboard) gridOf(box)?.focus();
  }

  async function opened() {
    const made = await viewerIn(box, source.engine, source.themeOf());
    made.addEventListener('perspective-click', ({ detail }) => {
      if (!detail.row?.Trade) return;
      keys.answer((byKeyboard) => {
        choose(detail.row.Trade);
        if (byKeyboard) open.focus();
      });
    });
    return made;
  }

  return {
    shut,
    putAway: () => (root.hidden = true), // of a view that is shown no more: the focus is not ours to move
    show: (trade, filter, byKeyboard) => show(trade, filter, byKeyboard).catch((error) => console.error('deltaboard, drill:', error)),
    use: (engine, table, themeOf, formats) => (source = { engine, table, themeOf, formats }),
    close: () => viewer?.delete().catch(() => {}),
  };
}
