import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PivotRows } from '../../../../live/assets/wire/pivot_rows.js';
import { decode } from '../../../../live/assets/wire/wire.js';

// As live/tables/wire.py writes it; tests/live/boards/test_wire.py has the layout in bytes.
function encoded(header, ...bodies) {
  const text = new TextEncoder().encode(JSON.stringify(header));
  const length = Math.ceil((8 + text.length) / 8) * 8 - 8;
  const size = bodies.reduce((sum, body) => sum + body.byteLength, 0);
  const bytes = new Uint8Array(8 + length + size).fill(0x20, 8, 8 + length);
  bytes.set(new TextEncoder().encode('DLB1'));
  new DataView(bytes.buffer).setUint32(4, length, true);
  bytes.set(text, 8);
  let place = 8 + length;
  for (const body of bodies) {
    bytes.set(new Uint8Array(body.buffer ?? body), place);
    place += body.byteLength;
  }
  return bytes.buffer;
}

test('numbers come as they were sent, in the order of the columns', () => {
  const header = { kind: 'snapshot', table: 'market', revision: 7, rows: 3, columns: ['quote', 'close'], text: { ticker: ['A', 'B', '\u00dcn\u00ef'] } };
  const message = decode(encoded(header, new Float64Array([66.54, NaN, -0]), new Float64Array([1e-300, 2, Infinity])));
  assert.deepEqual(message.header, header);
  assert.deepEqual(Object.keys(message.columns), ['quote', 'close']);
  assert.deepEqual([...message.columns.quote], [66.54, NaN, -0]);
  assert.deepEqual([...message.columns.close], [1e-300, 2, Infinity]);
});

test('no rows are no numbers', () => {
  const message = decode(encoded({ kind: 'delta', rows: 0, columns: ['row'] }));
  assert.equal(message.columns.row.length, 0);
});

test('what is no message of the board is refused', () => {
  for (const bytes of [[], [1, 2, 3], [...new TextEncoder().encode('HTTP/1.1 502')]]) {
    assert.throws(() => decode(new Uint8Array(bytes).buffer), /not a message of the board/);
  }
});

test('rows of a pivot wait in the order of their coming', () => {
  const header = (kind, more) => ({ kind, revision: 7, rows: 2, columns: [], currencies: ['USD'], without_value: 1, ...more });
  const snapshot = encoded(header('snapshot', { board: 'b', observed_at: 'noon', streams: [2, 3] }), new Uint8Array([1, 2]), new Uint8Array([3, 4, 5]));
  const rows = new PivotRows(decode(snapshot));
  rows.apply(decode(encoded(header('delta', { revision: 8, streams: [1], gone: [4] }), new Uint8Array([9]))));
  const [first, second, ...none] = rows.taken();
  assert.deepEqual(first.streams.map((stream) => [...new Uint8Array(stream)]), [[1, 2], [3, 4, 5]]);
  assert.deepEqual([first.isSnapshot, second.isSnapshot, second.gone, none], [true, false, [4], []]);
  assert.deepEqual([rows.revision, rows.board, rows.observedAt, rows.withoutValue], [8, 'b', 'noon', 1]);
  assert.deepEqual(rows.taken(), []);
});
