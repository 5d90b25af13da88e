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

  // Puts what waits into a table of the pivot, which `make` makes from the first snapshot.
  async pourInto(make) {
    for (const { streams, gone, isSnapshot } of this.waiting.splice(0)) {
      if (isSnapshot) {
        await make(streams[0]);
        continue;
      }
      const table = await make(null);
      for (const stream of streams) await table.update(stream);
      if (gone.length) await table.remove(gone);
    }
  }
}
