// What rows are on screen, and what their cells show: a grid that only ever builds the rows one can see.

import { buildRuler, ColumnWidths, MOST_LETTERS } from './column_widths.js';
import { make, setAttribute } from '../dom/dom.js';
import { isKnown, number, shownSign } from '../dom/format.js';
import { keepInAddress } from './kept_in_address.js';
import { sortOf, sortWord } from './order.js';
import { Pulses } from '../dom/pulse.js';

/** @import { Layer } from '../dom/pulse.js' */
/** @import { Sort } from './order.js' */

/**
 * @typedef {HTMLElement & { words?: Text, parts?: any, shown?: string, raw?: number, layer?: Layer }} Cell
 * @typedef {{ element: HTMLElement, cells: Cell[], key: string | null, index: number }} Slot
 */

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} name
 * @property {string} label
 * @property {string | null} [help]
 * @property {[least: number, share: number]} width least pixels, and the share of what is left
 * @property {string} [align]
 * @property {number} [decimals]
 * @property {boolean} [plus] a plus stands before positive numbers
 * @property {boolean} [tint] positive numbers are coloured, too
 * @property {boolean} [faint]
 * @property {boolean} [sortable]
 * @property {(row: Row) => number} [value] makes it a column of numbers
 * @property {(row: Row) => string} [text] of the others
 * @property {(row: Row) => string | null} [title]
 * @property {(row: Row) => boolean} [marked]
 * @property {(cell: Cell) => unknown} [build] what is in a cell: it has it as its `parts`
 * @property {(cell: Cell, row: Row) => void} [paint] takes the cell over
 */

/**
 * @template Row
 * @typedef {object} GridSetup
 * @property {Column<Row>[]} columns
 * @property {string} [role]
 * @property {string} label
 * @property {string} sortName under which the address says by which column it is sorted
 * @property {(row: Row) => string} rowKey
 * @property {(element: HTMLElement, row: Row) => void} decorate
 * @property {(sort: Sort | null) => void} onSort
 * @property {(row: Row, event: KeyboardEvent | MouseEvent) => void} [onPick]
 * @property {(key: string, row: Row) => boolean} [onKey]
 */

export const ROW_HEIGHT = 25;
const OVERSCAN = 4;
let gridCount = 0;

/** @template Row */
export class Grid {
  /** @param {GridSetup<Row>} setup */
  constructor({ columns, role = 'grid', label, sortName, rowKey, decorate, onSort, onPick, onKey }) {
    this.columns = columns;
    this.rowKey = rowKey;
    this.decorate = decorate;
    this.onSort = onSort;
    this.onPick = onPick;
    this.onKey = onKey;
    this.id = `db-grid-${++gridCount}`;
    /** @type {Row[]} */
    this.rows = [];
    /** @type {Slot[]} */
    this.slots = [];
    this.template = '';
    /** @type {Map<string, [left: number, width: number]> | null} */
    this.places = null;
    /** @type {number | null} */
    this.frame = null;
    this.active = -1;
    this.scroller = make('div', 'db-scroll', { role, tabindex: '0', 'aria-label': label });
    this.canvas = this.scroller.appendChild(make('div', 'db-canvas'));
    this.widths = new ColumnWidths(columns, this.canvas.appendChild(buildRuler()));
    this.layOut();
    this.canvas.append(this.buildHeader());
    this.sortKept = keepInAddress(sortName, () => this.sortAs(sortOf(this.sortKept.word, columns)));
    this.sort = sortOf(this.sortKept.word, columns);
    this.sortKept.say(sortWord(this.sort)); // a column that is not there is said no more
    this.showSort();
    this.body = this.canvas.appendChild(make('div', 'db-rows', { role: 'rowgroup' }));
    this.pulses = new Pulses(this.body);
    this.scroller.addEventListener('scroll', () => this.paintSoon(), { passive: true });
    this.scroller.addEventListener('keydown', (event) => this.pressed(event));
    this.body.addEventListener('click', (event) => this.clicked(event));
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(this.scroller);
    this.watcher.observe(this.widths.ruler); // whoever spaces letters wider, or takes larger ones
  }

  buildHeader() {
    const header = make('div', 'db-row db-header', { role: 'row' });
    /** @type {Map<string, HTMLElement>} */
    this.headers = new Map();
    for (const column of this.columns) {
      const cell = make('div', 'db-cell', { role: 'columnheader', title: column.help, 'data-align': column.align });
      if (column.sortable === false) cell.append(make('span', '', { text: column.label }));
      else {
        const button = make('button', 'db-sort', { type: 'button', text: column.label });
        button.addEventListener('click', () => this.sortBy(column));
        cell.append(button);
      }
      header.append(cell);
      this.headers.set(column.name, cell);
    }
    return header;
  }

  // First click: what one looks for first, the largest number or the first name; second: the other way; third: as it came.
  /** @param {Column<Row>} column */
  sortBy(column) {
    const first = Boolean(column.value);
    /** @type {Sort | null} */
    let sort = null;
    if (this.sort?.column !== column.name) sort = { column: column.name, descending: first };
    else if (this.sort.descending === first) sort = { column: column.name, descending: !first };
    this.sortKept.say(sortWord(sort));
    this.sortAs(sort);
  }

  /** @param {Sort | null} sort */
  sortAs(sort) {
    this.sort = sort;
    this.showSort();
    this.onSort(sort);
  }

  showSort() {
    for (const [name, cell] of this.headers) {
      const way = this.sort?.column === name ? (this.sort.descending ? 'descending' : 'ascending') : null;
      setAttribute(cell, 'aria-sort', way);
    }
  }

  /** @param {Row[]} rows */
  setRows(rows) {
    this.pulses.clear();
    const active = this.active >= 0 && this.active < this.rows.length ? this.rowKey(this.rows[this.active]) : null;
    this.rows = rows;
    this.body.style.height = `${rows.length * ROW_HEIGHT}px`;
    setAttribute(this.scroller, 'aria-rowcount', rows.length);
    if (active !== null) this.active = rows.findIndex((row) => this.rowKey(row) === active);
  }

  // Other rows while one looks: what is on top of the view stays there.
  /** @param {Row[]} rows */
  exchangeRows(rows) {
    const top = Math.floor(this.scroller.scrollTop / ROW_HEIGHT);
    const key = top > 0 && top < this.rows.length ? this.rowKey(this.rows[top]) : null;
    this.setRows(rows);
    const now = key === null ? -1 : rows.findIndex((row) => this.rowKey(row) === key);
    if (now >= 0 && now !== top) this.scroller.scrollTop += (now - top) * ROW_HEIGHT;
  }

  /** @param {Row[]} rows */
  makeRoom(rows) {
    this.widths.makeRoom(rows);
    this.layOut();
  }

  layOut() {
    this.isNarrow = false;
    const { template, least, density } = this.widths.within(this.scroller.clientWidth);
    if (template === this.template) return;
    this.template = template;
    for (const each of ['tight', 'dense']) this.scroller.classList.toggle(`db-${each}`, each === density);
    this.canvas.style.setProperty('--db-template', template);
    this.canvas.style.minWidth = `${least}px`;
    this.places = null;
  }

  // Where a column stands, for the pulse behind its cells.
  /** @param {Column<Row>} column @returns {[left: number, width: number]} */
  placeOf(column) {
    if (!this.places) {
      const { left } = this.body.getBoundingClientRect();
      /** @param {DOMRect} box @returns {[number, number]} */
      const place = (box) => [box.left - left, box.width];
      this.places = new Map([...this.headers].map(([name, cell]) => [name, place(cell.getBoundingClientRect())]));
    }
    return this.places.get(column.name) ?? [0, 0];
  }

  fit() {
    this.places = null;
    this.layOut();
    // Never more rows than a screen has room for, whatever the page around does to the height.
    const height = Math.min(this.scroller.clientHeight, Math.max(screen.height, 2000));
    const wanted = Math.ceil(height / ROW_HEIGHT) + 2 * OVERSCAN;
    while (this.slots.length < wanted) this.slots.push(this.buildSlot());
    for (const slot of this.slots.splice(wanted)) slot.element.remove();
    this.forget();
    this.paint();
  }

  /** @returns {Slot} */
  buildSlot() {
    const element = this.body.appendChild(make('div', 'db-row', { role: 'row' }));
    element.id = `${this.id}-${Math.random().toString(36).slice(2, 9)}`;
    element.style.display = 'none'; // until it has a row: an empty one would lie over the first
    const cells = this.columns.map((column) => {
      /** @type {Cell} */
      const cell = make('div', 'db-cell', { role: 'gridcell', 'data-column': column.name, 'data-align': column.align });
      if (column.faint) cell.classList.add('db-faint');
      if (column.build) cell.parts = column.build(cell);
      else cell.words = cell.appendChild(document.createTextNode(''));
      element.append(cell);
      return cell;
    });
    return { element, cells, key: null, index: -1 };
  }

  // What is painted next has not moved, whatever stands there now.
  forget() {
    this.slots.forEach((slot) => (slot.key = null));
  }

  paintSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  paint() {
    const size = this.slots.length;
    if (!size) return;
    const first = Math.max(0, Math.floor(this.scroller.scrollTop / ROW_HEIGHT) - OVERSCAN);
    for (let index = first; index < first + size; index++) {
      const slot = this.slots[index % size];
      if (index < this.rows.length) this.paintRow(slot, index);
      else if (slot.index !== -1) this.clear(slot);
    }
    if (this.isNarrow) this.layOut(); // once for all that grew: to say how wide it is the browser lays out the page
    this.pulses.show(ROW_HEIGHT - 1);
    const active = this.active >= 0 ? this.slots.find((slot) => slot.index === this.active) : null;
    setAttribute(this.scroller, 'aria-activedescendant', active?.element.id);
  }

  /** @param {Slot} slot */
  clear(slot) {
    slot.element.style.display = 'none';
    slot.index = -1;
    slot.key = null;
    slot.element.removeAttribute('data-row-key');
  }

  /** @param {Slot} slot @param {number} index */
  paintRow(slot, index) {
    const row = this.rows[index];
    const key = this.rowKey(row);
    const fresh = slot.key !== key;
    const element = slot.element;
    if (slot.index !== index) {
      if (slot.index === -1) element.style.display = '';
      slot.index = index;
      element.style.transform = `translateY(${index * ROW_HEIGHT}px)`;
      setAttribute(element, 'aria-rowindex', index + 1);
      element.dataset.odd = String(index % 2);
    }
    if (fresh) {
      slot.key = key;
      element.dataset.rowKey = key;
    }
    element.classList.toggle('db-active', index === this.active);
    this.decorate(element, row);
    for (let i = 0; i < this.columns.length; i++) this.paintCell(this.columns[i], slot.cells[i], row, fresh ? -1 : index);
  }

  // `place` is the row's index when the cell showed the same row before, and may pulse; -1 when it did not.
  /** @param {Column<Row>} column @param {Cell} cell @param {Row} row @param {number} place */
  paintCell(column, cell, row, place) {
    const fresh = place < 0;
    if (fresh && cell.dataset.moved) delete cell.dataset.moved;
    if (column.paint) return column.paint(cell, row);
    if (!column.value) {
      const text = column.text?.(row) ?? '';
      if (cell.shown !== text && cell.words) cell.words.nodeValue = cell.shown = text;
      setAttribute(cell, 'title', column.title ? column.title(row) : text.length > MOST_LETTERS ? text : null);
      return;
    }
    const raw = column.value(row);
    const before = cell.raw;
    if (fresh || !Object.is(raw, before)) {
      const text = number(raw, column.decimals, column.plus);
      if (text !== cell.shown && cell.words) {
        cell.words.nodeValue = cell.shown = text;
        if (this.widths.grow(column, text.length)) this.isNarrow = true;
        if (!fresh && isKnown(raw) && isKnown(before)) {
          this.pulses.note(cell, raw > before, ...this.placeOf(column), place * ROW_HEIGHT);
        }
        const sign = shownSign(raw, column.decimals);
        const tint = sign < 0 ? 'down' : sign > 0 && column.tint ? 'up' : null;
        setAttribute(cell, 'data-tint', isKnown(raw) ? tint : 'unknown');
      }
      cell.raw = raw;
      cell.dataset.raw = String(raw);
    }
    if (column.title) setAttribute(cell, 'title', column.title(row));
    if (column.marked) cell.classList.toggle('db-marked', column.marked(row));
  }

  /** @param {MouseEvent} event */
  clicked(event) {
    const element = event.target instanceof Element && event.target.closest('.db-row');
    const slot = this.slots.find((candidate) => candidate.element === element);
    if (!slot || slot.index < 0) return;
    this.active = slot.index;
    this.onPick?.(this.rows[slot.index], event);
    this.paint();
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    if (event.target !== this.scroller || !this.rows.length) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 2);
    /** @type {Record<string, number>} */
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.activate(Math.max(this.active, 0) + (this.active < 0 ? 0 : moves[event.key]));
    else if (this.active < 0) return;
    else if (event.key === 'Enter' || event.key === ' ') this.onPick?.(this.rows[this.active], event);
    else if (!this.onKey?.(event.key, this.rows[this.active])) return;
    event.preventDefault();
    this.paint();
  }

  /** @param {number} index */
  activate(index) {
    this.active = Math.min(Math.max(index, 0), this.rows.length - 1);
    const top = this.active * ROW_HEIGHT;
    const height = this.scroller.clientHeight - ROW_HEIGHT * 1.2;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > this.scroller.scrollTop + height) this.scroller.scrollTop = top + ROW_HEIGHT - height;
  }

  close() {
    this.sortKept.close();
    this.watcher.disconnect();
    if (this.frame) cancelAnimationFrame(this.frame);
  }
}
