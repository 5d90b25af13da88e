// What a binary message says: the header and its numeric columns, as written by live/boards/wire.py.

const MAGIC = 0x31424c44; // "DLB1", read as a little-endian number
const decoder = new TextDecoder();

export function decode(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0, true) !== MAGIC) throw new Error('not a message of the board');
  const bodyStart = 8 + view.getUint32(4, true);
  const header = JSON.parse(decoder.decode(new Uint8Array(buffer, 8, bodyStart - 8)));
  if (header.streams) return { header, streams: streamsOf(buffer, bodyStart, header.streams) };
  const columns = {};
  header.columns.forEach((name, i) => {
    columns[name] = new Float64Array(buffer, bodyStart + i * 8 * header.rows, header.rows);
  });
  return { header, columns };
}

// The body of a message for the pivot: Arrow streams, back to back.
function streamsOf(buffer, bodyStart, lengths) {
  let place = bodyStart;
  return lengths.map((length) => buffer.slice(place, (place += length)));
}
