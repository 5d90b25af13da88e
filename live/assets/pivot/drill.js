// What is behind a cell of a pivot: its trades in a list of their own, and from there a trade's page.

import { make, setText } from '../dom/dom.js';
import { number } from '../dom/format.js';
import { clickOf, viewerIn } from './pivot_engine.js';
import { gridOf, workByKeyboard } from './pivot_keys.js';

/** @import { Engine, Filter, Look, Viewer } from './pivot_engine.js' */

const allDigits = (/** @type {number} */ value) => number(value, (String(value).split('.')[1] ?? '').length);

// leave: puts the focus where it goes when the list is closed.
/**
 * @param {HTMLElement} body
 * @param {{ tell: { once: (name: string, value: string) => void }, columns: string[], leave: () => void }} setup
 */
export function buildDrill(body, { tell, columns, leave }) {
  const root = body.appendChild(make('section', 'db-drill', { hidden: '', 'aria-label': 'The trades behind a cell' }));
  const head = root.appendChild(make('header', 'db-head'));
  const title = head.appendChild(make('h3', 'db-title', { text: 'Trades in' }));
  const words = head.appendChild(make('span', 'db-subtitle'));
  const open = head.appendChild(make('button', 'db-tool db-word', { type: 'button', hidden: '' }));
  const close = head.appendChild(make('button', 'db-tool', { type: 'button', text: '\u2715', title: 'Close', 'aria-label': 'Close the list of trades' }));
  const box = root.appendChild(make('div', 'db-pivot'));
  /** @type {Viewer | null} */
  let viewer = null;
  /** @type {{ engine: Engine, table: string, themeOf: () => string, formats: Record<string, Look> } | null} */
  let source = null; // the engine, the name of its table, the theme of the moment, and how its columns look
  let tradeId = '';

  close.addEventListener('click', shut);
  open.addEventListener('click', () => tell.once('trade', tradeId));

  const keys = workByKeyboard(root, { name: 'Trades of the cell', viewOf: async () => /** @type {Viewer} */ (viewer).getView(), escape: shut });

  function shut() {
    if (root.hidden) return false;
    root.hidden = true;
    leave();
    return true;
  }

  /** @param {string} trade */
  function choose(trade) {
    tradeId = trade;
    open.hidden = !trade;
    setText(open, `Open ${trade}`);
  }

  /** @param {Filter} filter */
  function toldOf([name, operator, value]) {
    const isDay = source?.formats[name]?.date_format && Number.isFinite(value);
    const told = isDay ? new Date(value).toISOString().slice(0, 10) : typeof value === 'number' ? allDigits(value) : value;
    return operator === '==' ? told : `${name} ${operator} ${told}`;
  }

  /** @param {string} trade @param {Filter[]} filter @param {boolean} byKeyboard */
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
    viewer ??= await opened(source);
    await viewer.restore({ table: source.table, plugin: 'Datagrid', group_by: [], split_by: [], columns, filter, columns_config: source.formats, settings: false });
    await viewer.flush();
    if (byKeyboard && !root.hidden) gridOf(box)?.focus();
  }

  /** @param {NonNullable<typeof source>} from */
  async function opened(from) {
    const made = await viewerIn(box, from.engine, from.themeOf());
    made.addEventListener('perspective-click', (event) => {
      const trade = clickOf(event).row?.Trade;
      if (!trade) return;
      keys.answer((byKeyboard) => {
        choose(trade);
        if (byKeyboard) open.focus();
      });
    });
    return made;
  }

  return {
    shut,
    // Of a view that is shown no more: the focus is not ours to move.
    putAway() {
      root.hidden = true;
    },
    /** @param {string} trade @param {Filter[]} filter @param {boolean} byKeyboard */
    show: (trade, filter, byKeyboard) => show(trade, filter, byKeyboard).catch((error) => console.error('deltaboard, drill:', error)),
    /** @param {NonNullable<typeof source>} from */
    use(from) {
      source = from;
    },
    close: () => viewer?.delete().catch(() => {}),
  };
}
