// What a table holds at a revision: numeric columns, text columns, and for the market the day so far.
//
// A row has an id, which the server gives, and a place in the columns, which it keeps. Rows come and go by deltas.

import { withTail } from './day.js';

/** @import { Columns, Header, Point, TableMessage, Texts } from './wire.js' */

export class Table {
  /** @param {TableMessage} message */
  constructor({ header, columns }) {
    const { row: ids, ...values } = columns;
    this.room = header.rows;
    /** @type {Columns} */
    this.columns = values;
    /** @type {Record<string, Texts>} */
    this.text = header.text ?? {};
    this.dense = ids ? 0 : header.rows; // ids below it are places
    /** @type {Map<number, number>} id -> place */
    this.known = new Map();
    ids?.forEach((id, place) => this.known.set(id, place));
    this.shown = Array.from({ length: header.rows }, (_, place) => place);
    /** @type {Set<number>} places */
    this.hidden = new Set();
    this.used = header.rows;
    /** @type {Map<string, Point[]>} ticker -> the points of its day */
    this.day = new Map(Object.entries(header.day ?? {}));
    this.header = header;
    this.form = {}; // another one whenever rows come or go, or text changes
    this.board = header.board ?? '';
    this.revision = header.revision;
    this.asOfDate = header.as_of_date;
    /** @type {string | null} */
    this.observedAt = null;
    this.stamp(header);
  }

  /** @param {Header} header */
  stamp(header) {
    this.revision = header.revision;
    this.asOfDate = header.as_of_date ?? this.asOfDate;
    this.observedAt = header.observed_at ?? this.observedAt;
  }

  // How many rows are shown; their places, in no order that means anything.
  get rows() {
    return this.shown.length;
  }

  get places() {
    return this.shown;
  }

  /** @param {string} column @param {number} place */
  number(column, place) {
    return this.columns[column]?.[place] ?? NaN;
  }

  /** @param {string} column @param {number} place @returns {string} */
  string(column, place) {
    const values = this.text[column];
    if (!values) return '';
    return (Array.isArray(values) ? values[place] : values.values[values.codes[place]]) ?? '';
  }

  // Takes the rows of a delta; false when it does not fit, and a fresh snapshot is needed.
  /** @param {TableMessage} message */
  apply({ header, columns }) {
    const { row: ids, ...changed } = columns;
    if (!ids) return false;
    const names = Object.keys(header.text ?? {});
    const withText = names.length ? (header.text_rows ?? ids.length) : 0;
    for (let i = withText; i < ids.length; i++) if (!this.isShown(ids[i])) return false;
    const moved = [this.leave(header.gone ?? []), this.come(ids.subarray(0, withText))].includes(true);
    const places = Array.from(ids, (id) => /** @type {number} */ (this.placeOf(id)));
    for (const [name, values] of Object.entries(changed)) {
      const target = this.column(name);
      for (let i = 0; i < places.length; i++) target[places[i]] = values[i];
    }
    for (const [name, values] of Object.entries(header.text ?? {})) this.applyText(name, values, places, withText);
    if (moved) this.list();
    if (moved || withText) this.form = {};
    this.stamp(header);
    for (const [ticker, tail] of Object.entries(header.day_tail ?? {})) this.day.set(ticker, withTail(this.day.get(ticker) ?? [], tail));
    return true;
  }

  /** @param {number} id */
  placeOf(id) {
    return id >= 0 && id < this.dense ? id : this.known.get(id);
  }

  /** @param {number} id */
  isShown(id) {
    const place = this.placeOf(id);
    return place !== undefined && !this.hidden.has(place);
  }

  /** @param {number[]} ids */
  leave(ids) {
    const before = this.hidden.size;
    for (const id of ids) {
      const place = this.placeOf(id);
      if (place !== undefined) this.hidden.add(place);
    }
    return this.hidden.size !== before;
  }

  /** @param {Float64Array} ids */
  come(ids) {
    let some = false;
    for (const id of ids) {
      if (this.isShown(id)) continue;
      some = true;
      const place = this.placeOf(id);
      if (place === undefined) this.known.set(id, this.used++);
      else this.hidden.delete(place);
    }
    if (this.used > this.room) this.grow();
    return some;
  }

  // Columns get longer by doubling, so that a stream of new rows copies little.
  grow() {
    this.room = Math.max(2 * this.room, this.used, 16);
    for (const [name, values] of Object.entries(this.columns)) {
      this.columns[name] = new Float64Array(this.room).fill(NaN);
      this.columns[name].set(values);
    }
  }

  list() {
    this.shown = [];
    for (let place = 0; place < this.used; place++) if (!this.hidden.has(place)) this.shown.push(place);
  }

  /** @param {string} name */
  column(name) {
    return (this.columns[name] ??= new Float64Array(this.room).fill(NaN));
  }

  /** @param {string} name @param {Texts} values @param {number[]} places @param {number} count */
  applyText(name, values, places, count) {
    const before = this.text[name];
    const target = Array.isArray(before) ? before : Array.from({ length: this.used }, (_, place) => this.string(name, place));
    this.text[name] = target;
    for (let i = 0; i < count; i++) {
      target[places[i]] = Array.isArray(values) ? values[i] : values.values[values.codes[i]];
    }
  }

  // A copy that later deltas do not touch: what a paused panel shows.
  frozen() {
    /** @type {Table} */
    const copy = Object.create(Table.prototype);
    Object.assign(copy, this);
    copy.columns = Object.fromEntries(Object.entries(this.columns).map(([name, values]) => [name, values.slice()]));
    copy.text = Object.fromEntries(
      Object.entries(this.text).map(([name, values]) => [name, Array.isArray(values) ? values.slice() : values]),
    );
    copy.day = new Map(this.day);
    return copy;
  }
}
