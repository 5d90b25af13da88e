// What rows are on screen, and what their cells show: a grid that only ever builds the rows one can see.
//
// A column: { name, label, help, width: [least pixels, share of what is left], align, decimals, plus, tint, value(row),
// text(row), title(row), build(cell), paint(cell, row), sortable }. `value` makes it a number; `paint` takes the cell over.

import { make, setAttribute } from './dom.js';
import { isKnown, number, shownSign } from './format.js';
import { Pulses } from './pulse.js';

export const ROW_HEIGHT = 25;
const OVERSCAN = 4;
// How wide a digit and the space around a number are; the tight ones where the panel is too narrow for the others.
const ROOMY = { digit: 8.1, padding: 21, least: 1 };
const TIGHT = { digit: 7.4, padding: 14, least: 0.86 };
const MOST_LETTERS = 14; // of a text that a column makes room for
let gridCount = 0;

const labelWidth = (column) => column.label.length * 6.7 + 17;

export class Grid {
  constructor({ columns, role = 'grid', label, rowKey, decorate, onSort, onPick, onKey }) {
    Object.assign(this, { columns, rowKey, decorate, onSort, onPick, onKey });
    this.id = `db-grid-${++gridCount}`;
    this.rows = [];
    this.slots = [];
    this.sort = null;
    this.active = -1;
    this.calm = true;
    this.scroller = make('div', 'db-scroll', { role, tabindex: '0', 'aria-label': label });
    this.canvas = this.scroller.appendChild(make('div', 'db-canvas'));
    this.longest = new Map(columns.map((column) => [column, 0]));
    this.layOut();
    this.canvas.append(this.buildHeader());
    this.body = this.canvas.appendChild(make('div', 'db-rows', { role: 'rowgroup' }));
    this.pulses = new Pulses(this.body);
    this.scroller.addEventListener('scroll', () => this.paintSoon(), { passive: true });
    this.scroller.addEventListener('keydown', (event) => this.pressed(event));
    this.body.addEventListener('click', (event) => this.clicked(event));
    this.watcher = new ResizeObserver(() => this.fit());
    this.watcher.observe(this.scroller);
  }

  buildHeader() {
    const header = make('div', 'db-row db-header', { role: 'row' });
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
  sortBy(column) {
    const first = Boolean(column.value);
    if (this.sort?.column !== column.name) this.sort = { column: column.name, descending: first };
    else if (this.sort.descending === first) this.sort = { column: column.name, descending: !first };
    else this.sort = null;
    for (const [name, cell] of this.headers) {
      const way = this.sort?.column === name ? (this.sort.descending ? 'descending' : 'ascending') : null;
      setAttribute(cell, 'aria-sort', way);
    }
    this.onSort(this.sort);
  }

  setRows(rows) {
    this.pulses.clear();
    const active = this.active >= 0 && this.active < this.rows.length ? this.rowKey(this.rows[this.active]) : null;
    this.rows = rows;
    this.body.style.height = `${rows.length * ROW_HEIGHT}px`;
    setAttribute(this.scroller, 'aria-rowcount', rows.length);
    if (active !== null) this.active = rows.findIndex((row) => this.rowKey(row) === active);
  }

  // Other rows while one looks: what is on top of the view stays there.
  exchangeRows(rows) {
    const top = Math.floor(this.scroller.scrollTop / ROW_HEIGHT);
    const key = top > 0 && top < this.rows.length ? this.rowKey(this.rows[top]) : null;
    this.setRows(rows);
    const now = key === null ? -1 : rows.findIndex((row) => this.rowKey(row) === key);
    if (now >= 0 && now !== top) this.scroller.scrollTop += (now - top) * ROW_HEIGHT;
  }

  // No number is ever cut off, nor a short name: a column is as wide as its longest, measured over all rows beforehand.
  makeRoom(rows) {
    for (const column of this.columns) {
      if (!column.value) {
        if (column.paint) continue;
        // One more than it has: capitals are wide.
        for (const row of rows) this.grow(column, Math.min(column.text(row).length, MOST_LETTERS) + 1);
        continue;
      }
      let low = NaN;
      let high = NaN;
      for (const row of rows) {
        const value = column.value(row);
        if (!(value >= low)) low = Number.isNaN(value) ? low : value;
        if (!(value <= high)) high = Number.isNaN(value) ? high : value;
      }
      for (const value of [low, high]) this.grow(column, number(value, column.decimals, column.plus).length);
    }
    this.widen();
  }

  grow(column, letters) {
    if (letters <= this.longest.get(column)) return;
    this.longest.set(column, letters);
    this.isNarrow = true;
  }

  // Once for all that grew: to say how wide it is the browser has to lay out the page.
  widen() {
    if (!this.isNarrow) return;
    this.isNarrow = false;
    this.layOut();
  }

  layOut() {
    const least = (column, { digit, padding, least: share }) =>
      Math.ceil(Math.max(column.width[0] * share, this.longest.get(column) * digit + padding, labelWidth(column)));
    const total = (space) => this.columns.reduce((sum, column) => sum + least(column, space), 0);
    const tight = total(ROOMY) > this.scroller.clientWidth;
    const space = tight ? TIGHT : ROOMY;
    const template = this.columns.map((column) => `minmax(${least(column, space)}px, ${column.width[1]}fr)`).join(' ');
    if (template === this.template) return;
    this.template = template;
    this.scroller.classList.toggle('db-tight', tight);
    this.canvas.style.setProperty('--db-template', template);
    this.canvas.style.minWidth = `${total(space)}px`;
    this.places = null;
  }

  // Where a column stands, for the pulse behind its cells.
  placeOf(column) {
    if (!this.places) {
      const { left } = this.body.getBoundingClientRect();
      const place = (box) => [box.left - left, box.width];
      this.places = new Map([...this.headers].map(([name, cell]) => [name, place(cell.getBoundingClientRect())]));
    }
    return this.places.get(column.name);
  }

  fit() {
    this.places = null;
    this.layOut();
    // Never more rows than a screen has room for, whatever the page around does to the height.
    const height = Math.min(this.scroller.clientHeight, Math.max(screen.height, 2000));
    const wanted = Math.ceil(height / ROW_HEIGHT) + 2 * OVERSCAN;
    while (this.slots.length < wanted) this.slots.push(this.buildSlot());
    while (this.slots.length > wanted) this.slots.pop().element.remove();
    this.slots.forEach((slot) => (slot.key = null));
    this.paint();
  }

  buildSlot() {
    const element = this.body.appendChild(make('div', 'db-row', { role: 'row' }));
    element.id = `${this.id}-${Math.random().toString(36).slice(2, 9)}`;
    element.style.display = 'none'; // until it has a row: an empty one would lie over the first
    const cells = this.columns.map((column) => {
      const cell = make('div', 'db-cell', { role: 'gridcell', 'data-column': column.name, 'data-align': column.align });
      if (column.faint) cell.classList.add('db-faint');
      if (column.build) cell.parts = column.build(cell);
      else cell.words = cell.appendChild(document.createTextNode(''));
      element.append(cell);
      return cell;
    });
    return { element, cells, key: null, index: -1 };
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
    this.widen();
    this.pulses.show(ROW_HEIGHT - 1);
    const active = this.active >= 0 ? this.slots.find((slot) => slot.index === this.active) : null;
    setAttribute(this.scroller, 'aria-activedescendant', active?.element.id);
  }

  clear(slot) {
    slot.element.style.display = 'none';
    slot.index = -1;
    slot.key = null;
    slot.element.removeAttribute('data-row-key');
  }

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
      element.dataset.odd = index % 2;
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
  paintCell(column, cell, row, place) {
    const fresh = place < 0;
    if (fresh && cell.dataset.moved) delete cell.dataset.moved;
    if (column.paint) return column.paint(cell, row);
    if (!column.value) {
      const text = column.text(row);
      if (cell.shown !== text) cell.words.nodeValue = cell.shown = text;
      setAttribute(cell, 'title', column.title ? column.title(row) : text.length > MOST_LETTERS ? text : null);
      return;
    }
    const raw = column.value(row);
    if (fresh || !Object.is(raw, cell.raw)) {
      const text = number(raw, column.decimals, column.plus);
      if (text !== cell.shown) {
        cell.words.nodeValue = cell.shown = text;
        this.grow(column, text.length);
        if (!fresh && isKnown(raw) && isKnown(cell.raw)) {
          this.pulses.note(cell, raw > cell.raw, ...this.placeOf(column), place * ROW_HEIGHT);
        }
        const sign = shownSign(raw, column.decimals);
        const tint = sign < 0 ? 'down' : sign > 0 && column.tint ? 'up' : null;
        setAttribute(cell, 'data-tint', isKnown(raw) ? tint : 'unknown');
      }
      cell.raw = raw;
      cell.dataset.raw = raw;
    }
    if (column.title) setAttribute(cell, 'title', column.title(row));
    if (column.marked) cell.classList.toggle('db-marked', column.marked(row));
  }

  clicked(event) {
    const element = event.target.closest('.db-row');
    const slot = this.slots.find((candidate) => candidate.element === element);
    if (!slot || slot.index < 0) return;
    this.active = slot.index;
    this.onPick?.(this.rows[slot.index], event);
    this.paint();
  }

  pressed(event) {
    if (event.target !== this.scroller || !this.rows.length) return;
    const page = Math.max(1, Math.floor(this.scroller.clientHeight / ROW_HEIGHT) - 2);
    const moves = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
    if (event.key in moves) this.activate(Math.max(this.active, 0) + (this.active < 0 ? 0 : moves[event.key]));
    else if (this.active < 0) return;
    else if (event.key === 'Enter' || event.key === ' ') this.onPick?.(this.rows[this.active], event);
    else if (!this.onKey?.(event.key, this.rows[this.active])) return;
    event.preventDefault();
    this.paint();
  }

  activate(index) {
    this.active = Math.min(Math.max(index, 0), this.rows.length - 1);
    const top = this.active * ROW_HEIGHT;
    const height = this.scroller.clientHeight - ROW_HEIGHT * 1.2;
    if (top < this.scroller.scrollTop) this.scroller.scrollTop = top;
    else if (top + ROW_HEIGHT > this.scroller.scrollTop + height) this.scroller.scrollTop = top + ROW_HEIGHT - height;
  }

  close() {
    this.watcher.disconnect();
    if (this.frame) cancelAnimationFrame(this.frame);
  }
}
