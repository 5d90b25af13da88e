// The figures that matter: the whole book, or what the filters leave of it, each against the previous close.

import { cardLayout, digitsWide } from './card_layout.js';
import { make, setAttribute, setText } from '../dom/dom.js';
import { compactChange, isKnown, number, plural, shownSign, timeOfDay, UNKNOWN } from '../dom/format.js';
import { Frame } from './frame.js';
import { Measures } from '../grid/measures.js';
import { pulse } from '../dom/pulse.js';
import { queryOf } from '../wire/feed.js';
import { currenciesOf, lackingOf, TOTAL } from '../grid/tree.js';

const RULED_WIDTH = 126; // of ten digits of a large value, as they are mostly drawn
const FIGURES = ['actual_pnl', 'market_value', 'cash_delta', 'cash_gamma_1pct', 'vega_1pt', 'theta_1d', 'rho_1bp'];

/** @import { PanelData } from './frame.js' */
/** @import { Emit } from './selection.js' */

/** @typedef {{ now: number, change: number, lacking: number }} Sums */

/** @param {Element} host @param {string} key @param {Emit} emit @param {PanelData} data */
export function buildFigures(host, key, emit, data) {
  /** @type {Frame} */
  const frame = new Frame(host, { kind: 'figures', key, title: 'Figures', skeleton: 'cards', withHead: false });
  const measures = new Measures(data.measures);
  const strip = frame.body.appendChild(make('div', 'db-cards'));
  const cards = new Map(FIGURES.map((name) => [name, buildCard(strip, name, measures)]));
  const side = strip.appendChild(make('div', 'db-card db-side'));
  side.append(frame.switch.element, frame.subtitle, frame.note);
  frame.switch.buttons.paused.textContent = '\u275a\u275a';
  frame.switch.buttons.paused.setAttribute('aria-label', 'Pause');
  /** @type {object | null} */
  let painted = null; // the snapshot that the numbers are of: those of another one have not moved
  const ruler = strip.appendChild(make('span', 'db-ruler db-card-ruler', { 'aria-hidden': 'true', text: '0'.repeat(10) }));
  const cardOf = (/** @type {string} */ name) => /** @type {Card} */ (cards.get(name));
  const digits = FIGURES.map(() => 0); // the widest number of each so far: cards do not go to and fro with the numbers

  // No card is narrower than its number, whatever room there is: they go to more lines.
  function layOut() {
    const pixels = strip.clientWidth;
    if (!pixels) return;
    const { lines, size, template } = cardLayout(pixels, digits, Math.max(1, ruler.offsetWidth / RULED_WIDTH));
    strip.dataset.size = size;
    strip.style.gridTemplateColumns = template;
    frame.root.style.setProperty('--db-lines', String(lines));
  }

  function makeRoom() {
    const grown = FIGURES.map((name, place) => Math.max(digits[place], digitsWide(cardOf(name).words.data)));
    if (grown.every((count, place) => count === digits[place])) return;
    digits.splice(0, digits.length, ...grown);
    layOut();
  }
  const watcher = new ResizeObserver(layOut);
  watcher.observe(strip);
  watcher.observe(ruler); // larger letters of one's own

  // Its cards say it: a value that will not come is a dash. Why, the panels beside it say.
  const plainMessage = frame.messageOf.bind(frame);
  frame.messageOf = (/** @type {string} */ state) => {
    if (state === 'empty') for (const { words } of cards.values()) words.nodeValue = UNKNOWN;
    return state === 'empty' ? '' : plainMessage(state);
  };

  frame.paint = (table) => {
    const total = table.placeOf(TOTAL) ?? -1;
    const currencies = currenciesOf(table, total);
    for (const name of FIGURES) {
      const sum = (/** @type {string} */ column) => table.number(column, total);
      const sums = { now: sum(name), change: sum(`change_${name}`), lacking: sum(lackingOf(name)) };
      paintCard(cardOf(name), name, sums, currencies, measures.decimals(name), painted !== table.header);
    }
    painted = table.header;
    makeRoom();
    const trades = table.number('trades', total);
    setText(frame.subtitle, [plural(trades || 0, 'trade'), ...(currencies.length === 1 ? currencies : [])].join(' \u00b7 '));
  };
  const plainNote = frame.noteOf.bind(frame);
  frame.noteOf = () => {
    const note = plainNote();
    const { table } = frame;
    return note.text || !table ? note : { text: `as of ${table.observedAt ? `${timeOfDay(table.observedAt)} UTC` : table.asOfDate}`, tone: null };
  };
  return {
    /** @param {PanelData} next */
    update(next) {
      frame.update(next);
      frame.use('nodes', queryOf(next));
      frame.paintSoon();
    },
    close() {
      watcher.disconnect();
      frame.close();
    },
  };
}

/** @typedef {ReturnType<typeof buildCard> & { raw?: number }} Card */

/** @param {Element} strip @param {string} name @param {Measures} measures */
function buildCard(strip, name, measures) {
  const element = strip.appendChild(make('div', 'db-card', { 'data-figure': name, title: measures.help(name) }));
  element.append(make('div', 'db-card-label', { text: measures.label(name) }));
  const line = element.appendChild(make('div', 'db-card-line'));
  const value = line.appendChild(make('span', 'db-card-value', { 'data-column': name }));
  const words = value.appendChild(document.createTextNode('\u00a0'));
  const below = element.appendChild(make('div', 'db-card-change'));
  const change = below.appendChild(make('span', '', { text: '\u00a0' }));
  const since = below.appendChild(make('span', 'db-since'));
  return { value, words, below, change, since };
}

/**
 * @param {Card} card
 * @param {string} name
 * @param {Sums} sums
 * @param {string[]} currencies
 * @param {number} decimals
 * @param {boolean} fresh
 */
function paintCard(card, name, sums, currencies, decimals, fresh) {
  const mixed = currencies.length > 1;
  const { now } = sums;
  const text = number(now, decimals);
  if (card.words.nodeValue !== text) {
    if (!fresh && isKnown(now) && isKnown(card.raw)) pulse(card.value, now > card.raw);
    card.words.nodeValue = text;
  }
  card.raw = now;
  card.value.dataset.raw = String(now);
  const sign = shownSign(now, decimals);
  setAttribute(card.value, 'data-tint', sign < 0 ? 'down' : sign > 0 && name === 'actual_pnl' ? 'up' : null);
  const currencyReason = mixed ? `Not added up: ${currencies.join(' and ')} are different currencies.` : null;
  const reason = currencyReason ?? (Number.isNaN(now) ? 'Not known.' : null);
  setAttribute(card.value, 'title', reason);
  const note = mixed ? { text: 'several currencies' } : noteBelow(name, sums);
  setText(card.change, note.text);
  setText(card.since, note.since ?? '');
  setAttribute(card.below, 'data-tone', note.tone);
  setAttribute(card.below, 'title', note.title);
}

/** @param {string} name @param {Sums} sums @returns {{ text: string, since?: string, tone?: string, title?: string }} */
function noteBelow(name, sums) {
  const isPnl = name === 'actual_pnl';
  if (sums.lacking > 0) {
    const text = `without ${plural(sums.lacking, 'trade')}`;
    const title = isPnl
      ? 'Trades without a previous close have no P&L of the day.'
      : `Not known for ${plural(sums.lacking, 'trade')}: this is the sum of the others.`;
    return { text, tone: 'warn', title };
  }
  if (isPnl) return { text: isKnown(sums.now) ? 'since close' : 'no previous close' };
  return isKnown(sums.change) ? { text: compactChange(sums.change), since: '\u00a0since close' } : { text: 'no previous close' };
}
