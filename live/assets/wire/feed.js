// What the server says of one table: one socket for all the panels that show it, opened again when it drops.

import { decode } from './wire.js';
import { PivotRows } from './pivot_rows.js';
import { Table } from './table.js';

/** @import { PivotMessage, Status, TableMessage } from './wire.js' */

/**
 * @typedef {[name: string, value: string][]} Query
 * @typedef {'data' | 'status' | 'connection'} News
 * @typedef {(what: News, feed: Feed) => void} Listener
 * @typedef {{ statuses?: string[], books?: string[] }} Filters which trades count; an empty list means all
 */

const FIRST_RETRY_MS = 400;
const LONGEST_RETRY_MS = 8000;
const RETRY_REFUSED_MS = 30000;
// Close codes with which a server refuses, with its reason: policy, bad request, not signed in, not allowed, no such thing.
const REFUSALS = new Set([1008, 4400, 4401, 4403, 4404]);
const NOT_SIGNED_IN = 4401;
const LEAST_BETWEEN_LOADS_MS = 60000;
const LOAD_AFTER_MS = 3000;
// The server says every second how it is. A connection that is silent for so long is dead, although nobody closed it: a
// laptop slept, a proxy forgot it, the server never answered the handshake.
const DEAD_AFTER_MS = 30000;

/** @type {Map<string, Feed>} */
const feeds = new Map();

// The feed of a table and its query ([name, value] pairs). With an `owner`: a feed of one's own, at one's own pace.
/**
 * @param {string} table
 * @param {Query} query
 * @param {Listener} listener
 * @param {string} [owner]
 * @param {number | null} [pace]
 */
export function useFeed(table, query, listener, owner = '', pace = null) {
  const key = JSON.stringify([table, query, owner]);
  const feed = feeds.get(key) ?? new Feed(key, table, query, pace);
  feeds.set(key, feed);
  feed.listeners.add(listener);
  feed.open();
  return { key, feed, release: () => feed.release(listener) };
}

// What a panel asks of its table: the date, and the trades that count.
/** @param {{ as_of?: string | null, filters?: Filters | null }} asked @returns {Query} */
export function queryOf({ as_of: asOf, filters }) {
  const { statuses = [], books = [] } = filters ?? {};
  return [
    ['as_of', asOf ?? 'latest'],
    ...statuses.map((status) => /** @type {[string, string]} */ (['status', status])),
    ...books.map((book) => /** @type {[string, string]} */ (['book', book])),
  ];
}

// Whoever is not signed in any more gets the page that says so, with a way to sign in again; and not in a circle. Not at
// once: who has just signed out in this tab is on the way to another page. And not where the page has said so by itself
// meanwhile: who signs in again there is on the way, too.
function loadPageAnew() {
  const last = Number(sessionStorage.getItem('deltaboard-loaded'));
  if (Date.now() - last < LEAST_BETWEEN_LOADS_MS) return;
  sessionStorage.setItem('deltaboard-loaded', String(Date.now()));
  setTimeout(() => document.querySelector('.db-panel') && location.reload(), LOAD_AFTER_MS);
}

export class Feed {
  /** @param {string} key @param {string} table @param {Query} query @param {number | null} pace */
  constructor(key, table, query, pace) {
    this.key = key;
    this.name = table;
    this.query = query;
    /** @type {Set<Listener>} */
    this.listeners = new Set();
    /** @type {Table | PivotRows | null} */
    this.table = null;
    /** @type {Status | null} */
    this.status = null;
    this.statusAt = 0;
    /** @type {'connecting' | 'open' | 'lost' | 'refused' | 'suspended'} */
    this.connection = 'connecting';
    this.refusal = '';
    /** @type {number | null} */
    this.lostAt = null;
    this.openedAt = 0;
    this.pace = pace;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.retryMs = FIRST_RETRY_MS;
    this.timer = 0;
    this.silence = 0;
    this.suspendWhenFilled = false;
    this.wake = () => {
      if (this.timer) this.open();
    };
    window.addEventListener('online', this.wake);
  }

  // Whether the server has said nothing for so long, although it is connected.
  /** @param {number} milliseconds */
  isSilent(milliseconds) {
    return this.statusAt > 0 && Date.now() - Math.max(this.statusAt, this.openedAt) > milliseconds;
  }

  address() {
    const url = new URL(`/live/${this.name}`, location.origin);
    url.protocol = location.protocol === 'https:' ? 'wss:' : 'ws:';
    for (const [name, value] of this.query) url.searchParams.append(name, value);
    if (this.pace) url.searchParams.set('pace', String(this.pace));
    if (this.table) {
      url.searchParams.set('since', String(this.table.revision));
      url.searchParams.set('board', this.table.board);
    }
    return url.href;
  }

  open() {
    clearTimeout(this.timer);
    this.timer = 0;
    if (this.socket || this.connection === 'suspended') return;
    const socket = new WebSocket(this.address());
    socket.binaryType = 'arraybuffer';
    this.socket = socket;
    socket.onopen = () => this.socket === socket && this.connected();
    socket.onmessage = (event) => this.socket === socket && this.receive(event.data);
    socket.onclose = (event) => this.socket === socket && this.dropped(event);
    this.expectNews();
  }

  expectNews() {
    clearTimeout(this.silence);
    this.silence = setTimeout(() => this.giveUp(), DEAD_AFTER_MS);
  }

  // What does not answer does not close either: the browser would wait for minutes.
  giveUp() {
    this.hangUp();
    this.lost();
    this.tell('connection');
  }

  connected() {
    this.connection = 'open';
    this.lostAt = null;
    this.openedAt = Date.now();
    this.tell('connection');
  }

  /** @param {string | ArrayBuffer} data */
  receive(data) {
    this.expectNews();
    this.retryMs = FIRST_RETRY_MS;
    if (typeof data === 'string') {
      const status = JSON.parse(data);
      if (status.kind !== 'status') return;
      this.status = status;
      this.statusAt = Date.now();
      this.tell('status');
      return;
    }
    try {
      const message = decode(data);
      if (message.header.kind === 'snapshot') this.table = 'streams' in message ? new PivotRows(message) : new Table(message);
      else if (!this.takes(message)) throw new Error('a delta that does not fit the table');
    } catch (error) {
      console.warn(`deltaboard, ${this.name}:`, error);
      this.startOver();
      return;
    }
    if (this.suspendWhenFilled) this.suspend();
    this.tell('data');
  }

  // Whether a delta was one of the table that is here, and is in it now.
  /** @param {TableMessage | PivotMessage} message */
  takes(message) {
    if (this.table instanceof Table) return 'columns' in message && this.table.apply(message);
    return this.table !== null && 'streams' in message && this.table.apply(message);
  }

  // What came does not fit what is here: forget it and ask for a snapshot.
  startOver() {
    this.table = null;
    this.hangUp();
    this.retryLater();
  }

  retryLater() {
    this.timer = setTimeout(() => this.open(), this.retryMs * (0.75 + Math.random() / 2));
    this.retryMs = Math.min(this.retryMs * 1.7, LONGEST_RETRY_MS);
  }

  /** @param {CloseEvent} event */
  dropped(event) {
    this.socket = null;
    clearTimeout(this.silence);
    if (REFUSALS.has(event.code) && event.reason) {
      this.lostAt ??= Date.now();
      this.connection = 'refused';
      this.refusal = event.reason;
      this.timer = setTimeout(() => this.open(), RETRY_REFUSED_MS);
      if (event.code === NOT_SIGNED_IN) loadPageAnew();
    } else {
      this.lost();
    }
    this.tell('connection');
  }

  lost() {
    this.lostAt ??= Date.now();
    this.connection = 'lost';
    if (Date.now() - this.openedAt > LONGEST_RETRY_MS) this.retryMs = FIRST_RETRY_MS;
    this.retryLater();
  }

  hangUp() {
    clearTimeout(this.timer);
    clearTimeout(this.silence);
    this.timer = 0;
    const socket = this.socket;
    this.socket = null;
    socket?.close();
  }

  // Only for a feed of one's own. A new pace is a new connection that resumes from the revision seen.
  /** @param {number | null} pace */
  setPace(pace) {
    const resumes = this.connection === 'suspended' || this.pace !== pace;
    this.suspendWhenFilled = false;
    this.pace = pace;
    if (!resumes) return;
    if (this.connection === 'suspended') this.connection = 'connecting';
    this.hangUp();
    this.open();
  }

  // Closes the socket and keeps the table; without a table yet, as soon as there is one.
  suspend() {
    this.suspendWhenFilled = !this.table;
    if (!this.table || this.connection === 'suspended') return;
    this.hangUp();
    this.connection = 'suspended';
    this.lostAt = null;
  }

  /** @param {Listener} listener */
  release(listener) {
    this.listeners.delete(listener);
    if (this.listeners.size) return;
    feeds.delete(this.key);
    window.removeEventListener('online', this.wake);
    this.hangUp();
  }

  /** @param {News} what */
  tell(what) {
    for (const listener of [...this.listeners]) listener(what, this);
  }
}
