// What came for the pivot and is not in its table yet: Arrow, in the order of its coming.

export class PivotRows {
  constructor(message) {
    this.board = message.header.board ?? '';
    this.waiting = [];
    this.apply(message);
  }

  apply({ header, streams }) {
    this.waiting.push({ streams, gone: header.gone ?? [], isSnapshot: header.kind === 'snapshot' });
    this.revision = header.revision;
    this.asOfDate = header.as_of_date;
    this.observedAt = header.observed_at ?? this.observedAt ?? null;
    this.rows = header.rows;
    this.withoutValue = header.without_value;
    this.currencies = header.currencies;
    return true;
  }

  // What came since this was last asked; it waits no more.
  taken() {
    return this.waiting.splice(0);
  }
}
