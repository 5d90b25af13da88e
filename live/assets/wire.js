// What a binary message says: the header and its numeric columns, as written by live/wire.py.

const MAGIC = 0x31424c44; // "DLB1", read as a little-endian number
const decoder = new TextDecoder();

export function decode(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0, true) !== MAGIC) throw new Error('not a message of the board');
  const bodyStart = 8 + view.getUint32(4, true);
  const header = JSON.parse(decoder.decode(new Uint8Array(buffer, 8, bodyStart - 8)));
  const columns = {};
  header.columns.forEach((name, i) => {
    columns[name] = new Float64Array(buffer, bodyStart + i * 8 * header.rows, header.rows);
  });
  return { header, columns };
}
