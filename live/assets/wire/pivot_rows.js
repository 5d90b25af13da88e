// What came for the pivot and is not in its table yet: Arrow, in the order of its coming.

/** @import { PivotMessage } from './wire.js' */

export class PivotRows {
  /** @param {PivotMessage} message */
  constructor(message) {
    this.board = message.header.board ?? '';
    /** @type {{ streams: ArrayBuffer[], gone: number[], isSnapshot: boolean }[]} */
    this.waiting = [];
    /** @type {string | null} */
    this.observedAt = null;
    this.revision = message.header.revision;
    this.rows = 0;
    this.withoutValue = 0;
    /** @type {string[]} */
    this.currencies = [];
    this.apply(message);
  }

  /** @param {PivotMessage} message */
  apply({ header, streams }) {
    this.waiting.push({ streams, gone: header.gone ?? [], isSnapshot: header.kind === 'snapshot' });
    this.revision = header.revision;
    this.asOfDate = header.as_of_date;
    this.observedAt = header.observed_at ?? this.observedAt;
    this.rows = header.rows;
    this.withoutValue = header.without_value ?? 0;
    this.currencies = header.currencies ?? [];
    return true;
  }

  // What came since this was last asked; it waits no more.
  taken() {
    return this.waiting.splice(0);
  }
}
