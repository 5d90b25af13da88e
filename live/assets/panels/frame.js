// What all panels share: the head with title, subtitle and mode, the table that is shown (the feed's, or a frozen copy),
// when it is painted, and what stands there while there is nothing to show.

import { announce } from '../dom/announce.js';
import { make, setAttribute, setText } from '../dom/dom.js';
import { useFeed } from '../wire/feed.js';
import { timeOfDay } from '../dom/format.js';
import { ModeSwitch } from './mode.js';
import { sayStore } from './say_store.js';
import { applyTheme } from '../dom/theme.js';

/** @import { Feed, News, Query } from '../wire/feed.js' */
/** @import { PivotRows } from '../wire/pivot_rows.js' */
/** @import { Table } from '../wire/table.js' */
/** @import { Status } from '../wire/wire.js' */
/** @import { ModeChoice } from './mode.js' */

/**
 * @typedef {object} FrameSetup
 * @property {string} kind
 * @property {string} key
 * @property {string} title
 * @property {string} [skeleton]
 * @property {boolean} [paced] the socket itself follows the mode
 * @property {number | null} [livePace] how many seconds apart, when live
 * @property {boolean} [withHead] false: a panel that arranges these parts itself
 * @property {ModeChoice} [first]
 */

/** @typedef {{ text: string, tone: string | null, title?: string, spoken?: string }} Note */

/**
 * What a panel gets of Python at each run of the page.
 * @typedef {object} PanelData
 * @property {string} panel
 * @property {string} [key]
 * @property {number} [height] pixels
 * @property {boolean} [fills_window]
 * @property {string} [as_of]
 * @property {import('../wire/feed.js').Filters | null} [filters]
 * @property {import('./selection.js').Selection} [selection]
 * @property {import('../grid/measures.js').Measure[]} [measures]
 * @property {string | null} [not_included_url]
 */

export const STALE_AFTER_MS = 5000;
const LOST_SHOWN_AFTER_MS = 1200;
const LEAST_BETWEEN_PAINTS_MS = 80; // the first change shows at once, a burst of them not more often than this
const ABOVE_PX = 72; // the line of controls above a panel that fills the window, and the gaps

/** @template {Table | PivotRows} [Shown=Table] */
export class Frame {
  /** @param {Element} host @param {FrameSetup} setup */
  constructor(host, { kind, key, title, skeleton = 'rows', paced = false, withHead = true, livePace = null, first }) {
    this.kind = kind;
    this.key = key;
    this.paced = paced;
    this.livePace = livePace;
    /** @type {(table: Shown) => void} */
    this.paint = () => {};
    /** @type {(() => string) | undefined} */
    this.emptyText = undefined;
    /** @type {((what: News) => void) | undefined} */
    this.onStatus = undefined;
    this.fault = ''; // what went wrong in drawing it, in words
    this.isDrawn = () => true; // whether what shows the table is there; what is slow to load says so here
    this.closed = false;
    this.queued = false;
    /** @type {ReturnType<typeof useFeed> | null} */
    this.handle = null;
    /** @type {Shown | null} */
    this.copy = null;
    this.timer = 0;
    /** @type {Shown | null} */
    this.shown = null; // the table that is on screen: it stays, dimmed, while another one is on its way
    this.root = make('section', 'db-panel', { 'data-panel': kind, 'aria-label': title, 'data-state': 'loading' });
    this.title = make('h2', 'db-title', { text: title });
    this.subtitle = make('span', 'db-subtitle');
    this.note = make('span', 'db-note');
    this.told = '';
    this.tools = make('span', 'db-tools');
    this.body = make('div', 'db-body');
    this.message = make('div', 'db-message', { role: 'status', hidden: '' });
    this.skeleton = buildSkeleton(skeleton);
    this.switch = new ModeSwitch(key, () => this.modeChanged(), first);
    if (withHead) {
      const head = this.root.appendChild(make('header', 'db-head'));
      head.append(this.title, this.subtitle, this.note, this.tools, this.switch.element);
    }
    this.root.append(this.body);
    this.body.append(this.skeleton, this.message);
    host.append(this.root);
    this.paintedAt = -Infinity;
    this.listener = (/** @type {News} */ what) => this.heard(what);
    this.clock = setInterval(() => this.showNote(), 1000);
  }

  // --- what is shown

  /** @param {string} table @param {Query} query */
  use(table, query) {
    const owner = this.paced ? this.key : '';
    if (this.handle && this.handle.key === JSON.stringify([table, query, owner])) return;
    const before = this.handle;
    this.copy = null;
    this.handle = useFeed(table, query, this.listener, owner, this.pace);
    before?.release();
    this.applyMode();
    this.paintSoon();
  }

  /** @returns {Feed | undefined} */
  get feed() {
    return this.handle?.feed;
  }

  get mode() {
    return this.switch.mode;
  }

  get pace() {
    if (!this.paced) return null;
    return this.mode === 'periodic' ? this.switch.period : this.livePace;
  }

  get table() {
    return this.paced || this.mode === 'live' ? this.tableOfFeed : this.copy;
  }

  // Each table has rows of one kind, and so has each panel.
  get tableOfFeed() {
    return /** @type {Shown | null} */ (this.feed?.table ?? null);
  }

  // What is shown, for those who are asked only when something is.
  get drawn() {
    return /** @type {Shown} */ (this.shown);
  }

  /** @param {News} what */
  heard(what) {
    if (what === 'data') {
      if (!this.paced && this.mode !== 'live' && !this.copy) this.takeCopy();
      if (this.paced || this.mode === 'live') this.paintSoon();
    } else if (what === 'connection' || !this.table) {
      this.paintSoon();
    }
    this.onStatus?.(what);
  }

  takeCopy() {
    const table = this.feed?.table;
    this.copy = /** @type {Shown | null} */ (table && 'frozen' in table ? table.frozen() : null);
    this.paintSoon();
  }

  modeChanged() {
    if (this.mode !== 'paused') this.copy = null;
    this.applyMode();
    this.paintSoon();
  }

  applyMode() {
    clearInterval(this.timer);
    const { mode, period } = this.switch;
    if (this.paced) {
      if (mode === 'paused') this.feed?.suspend();
      else this.feed?.setPace(this.pace);
      return;
    }
    if (mode === 'live') this.copy = null;
    else if (!this.copy) this.takeCopy();
    if (mode === 'periodic') this.timer = setInterval(() => this.takeCopy(), period * 1000);
  }

  // --- painting

  paintSoon() {
    if (this.queued) return;
    this.queued = true;
    const wait = this.paintedAt + LEAST_BETWEEN_PAINTS_MS - performance.now();
    const next = () =>
      requestAnimationFrame(() => {
        this.queued = false;
        this.paintedAt = performance.now();
        if (!this.closed) this.show();
      });
    if (wait > 0) setTimeout(next, wait);
    else next();
  }

  show() {
    const table = this.table;
    if (table) {
      this.shown = table;
      setAttribute(this.root, 'data-revision', table.revision);
      setAttribute(this.root, 'data-as-of', table.asOfDate);
      this.paint(table);
    }
    this.showState(table);
    this.showNote();
  }

  /** @param {Shown | null} table */
  showState(table) {
    const state = this.stateOf(table);
    setAttribute(this.root, 'data-state', state);
    this.skeleton.hidden = state !== 'loading' || (Boolean(this.shown) && this.isDrawn());
    this.root.classList.toggle('db-waiting', !table && Boolean(this.shown));
    const text = this.messageOf(state);
    this.message.hidden = !text;
    setText(this.message, text);
  }

  /** @param {Shown | null} table */
  stateOf(table) {
    if (this.feed?.connection === 'refused') return 'refused';
    if (this.fault) return 'error';
    if (!table) return this.stateWithoutTable();
    if (this.emptyText?.()) return 'empty';
    return this.isDrawn() ? 'ready' : 'loading';
  }

  // Where nothing has come yet: is it on its way, or will it not come, and why?
  stateWithoutTable() {
    const { connection, status } = this.feed ?? {};
    if (connection === 'lost' || sayStore(status)) return 'error';
    return status && !status.loaded ? 'empty' : 'loading';
  }

  /** @param {string} state @returns {string} */
  messageOf(state) {
    if (state === 'refused') {
      return this.feed?.refusal || 'You are not signed in, or not allowed to see this. Reload the page to sign in again.';
    }
    if (state === 'error') {
      if (this.fault) return this.fault;
      if (this.feed?.connection === 'lost') return 'No connection to the board. It is tried again by itself.';
      return `${sayStore(this.feed?.status)?.title ?? ''} The numbers come by themselves after that.`;
    }
    if (state !== 'empty') return '';
    return this.table ? (this.emptyText?.() ?? '') : nothingOf(this.feed?.status);
  }

  showNote() {
    const { text, tone, title, spoken = text } = this.noteOf();
    setText(this.note, text);
    setAttribute(this.note, 'data-tone', tone);
    setAttribute(this.note, 'title', title);
    this.tell(tone ? spoken : '');
  }

  // That the numbers stand still, and that they go on. A pause is this panel's alone, the rest is that of the page.
  /** @param {string} standing */
  tell(standing) {
    const name = this.title.textContent ?? '';
    const words = standing && this.mode === 'paused' ? `${name}: ${standing}` : standing.charAt(0).toUpperCase() + standing.slice(1);
    if (words === this.told) return;
    announce(words || (this.told.startsWith(name) ? `${name}: no longer paused` : 'The numbers go on'));
    this.told = words;
  }

  /** @returns {Note} */
  noteOf() {
    const { feed, shown: table } = this;
    if (this.mode === 'paused' && table) {
      const text = `paused since ${timeOfDay(table.observedAt ?? Date.now())} UTC`;
      return { text, tone: 'warn', title: `These are the numbers of ${table.observedAt ?? 'when it was paused'}.` };
    }
    if (feed?.lostAt && Date.now() - feed.lostAt > LOST_SHOWN_AFTER_MS && table) {
      const title = 'The server does not answer. These are the last numbers that came; they go on by themselves.';
      return { text: 'connection lost, retrying', tone: 'bad', title };
    }
    if (feed?.isSilent(STALE_AFTER_MS)) {
      const title = 'Nothing has been heard of the board since then. Reload the page if it stays so.';
      return { text: `stale since ${timeOfDay(feed.statusAt)} UTC`, tone: 'warn', title };
    }
    const fault = sayStore(feed?.status);
    if (fault && table) {
      const title = `${fault.title} These are the last numbers that came; they go on by themselves after that.`;
      return { text: fault.text.charAt(0).toLowerCase() + fault.text.slice(1), tone: 'bad', title };
    }
    return { text: '', tone: null };
  }

  // --- from Streamlit

  /** @param {PanelData} data */
  update(data) {
    if (data.height) this.root.style.height = data.fills_window ? `max(${data.height}px, 100vh - ${ABOVE_PX}px)` : `${data.height}px`;
    applyTheme(this.root);
  }

  close() {
    this.closed = true;
    clearInterval(this.clock);
    clearInterval(this.timer);
    this.switch.closeMenu();
    this.handle?.release();
    this.root.remove();
  }
}

// Why there is no board of the date that was asked for.
/** @param {Status | null | undefined} status */
function nothingOf(status) {
  const { as_of_date: asOf, latest_as_of_date: latest } = status ?? {};
  if (!latest) return 'There are no quotes yet, so nothing has a value. Upload quotes, or start a feed.';
  return `Nothing is known of ${asOf}. The newest date is ${latest}: choose it at \u201cAs of\u201d.`;
}

/** @param {string} kind */
function buildSkeleton(kind) {
  const skeleton = make('div', `db-skeleton db-skeleton-${kind}`, { 'aria-hidden': 'true' });
  const pieces = kind === 'rows' ? 14 : kind === 'cards' ? 7 : 1;
  for (let i = 0; i < pieces; i++) {
    const row = skeleton.appendChild(make('div', 'db-bone-row'));
    const bones = kind === 'rows' ? 6 : 2;
    for (let bone = 0; bone < bones; bone++) row.append(make('span', 'db-bone'));
  }
  return skeleton;
}
