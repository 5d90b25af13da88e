// What a table holds at a revision: numeric columns, text columns, and for the market the day so far.

import { appendPoint } from './day.js';

export class Table {
  constructor({ header, columns }) {
    this.rows = header.rows;
    this.columns = columns;
    this.text = header.text ?? {};
    this.day = new Map(Object.entries(header.day ?? {}));
    this.header = header;
    this.board = header.board ?? '';
    this.stamp(header);
  }

  stamp(header) {
    this.revision = header.revision;
    this.asOfDate = header.as_of_date ?? this.asOfDate;
    this.observedAt = header.observed_at ?? this.observedAt ?? null;
  }

  number(column, row) {
    const values = this.columns[column];
    return values ? values[row] : NaN;
  }

  string(column, row) {
    const values = this.text[column];
    if (!values) return '';
    return (Array.isArray(values) ? values[row] : values.values[values.codes[row]]) ?? '';
  }

  // Changes the rows of a delta in place; false when it does not fit, and a fresh snapshot is needed.
  apply({ header, columns }) {
    const ids = columns.row;
    if (!ids || ids.some((id) => !(id >= 0 && id < this.rows))) return false;
    for (const [name, values] of Object.entries(columns)) {
      if (name === 'row') continue;
      const target = (this.columns[name] ??= new Float64Array(this.rows).fill(NaN));
      for (let i = 0; i < ids.length; i++) target[ids[i]] = values[i];
    }
    for (const [name, values] of Object.entries(header.text ?? {})) this.applyText(name, values, ids);
    this.stamp(header);
    if (header.table === 'market') this.extendDay(ids);
    return true;
  }

  applyText(name, values, ids) {
    const plain = Array.from({ length: this.rows }, (_, row) => this.string(name, row));
    ids.forEach((id, i) => {
      plain[id] = Array.isArray(values) ? values[i] : values.values[values.codes[i]];
    });
    this.text[name] = plain;
  }

  extendDay(ids) {
    for (const id of ids) {
      const ticker = this.string('ticker', id);
      const at = this.number('observed_ms', id);
      const points = this.day.get(ticker) ?? [];
      this.day.set(ticker, appendPoint(points, at, this.number('quote', id)));
    }
  }

  // A copy that later deltas do not touch: what a paused panel shows.
  frozen() {
    const copy = Object.create(Table.prototype);
    Object.assign(copy, this);
    copy.columns = Object.fromEntries(Object.entries(this.columns).map(([name, values]) => [name, values.slice()]));
    copy.text = { ...this.text };
    copy.day = new Map(this.day);
    return copy;
  }
}
