// What a binary message says: the header and its numeric columns, as written by live/tables/wire.py.

/**
 * @typedef {{ values: string[], codes: number[] }} CodedTexts each text once, and which one a row has
 * @typedef {string[] | CodedTexts} Texts a text column
 * @typedef {[at: number, quote: number]} Point of a day: milliseconds, and the quote
 * @typedef {Record<string, Float64Array<ArrayBuffer>>} Columns the numeric columns; NaN is not known
 */

/**
 * @typedef {object} Header docs/architecture.md, The wire, has its fields
 * @property {'snapshot' | 'delta'} kind
 * @property {string} table
 * @property {string} [board]
 * @property {number} revision
 * @property {string} [as_of_date]
 * @property {string | null} [observed_at]
 * @property {number} rows
 * @property {string[]} columns
 * @property {Record<string, Texts>} [text]
 * @property {number} [text_rows]
 * @property {number[]} [gone]
 * @property {Record<string, Point[]>} [day]
 * @property {Record<string, [from: number, points: Point[]]>} [day_tail]
 * @property {number[]} [streams]
 * @property {number} [without_value]
 * @property {string[]} [currencies]
 */

/**
 * @typedef {{ header: Header, columns: Columns }} TableMessage
 * @typedef {{ header: Header, streams: ArrayBuffer[] }} PivotMessage
 */

/**
 * @typedef {object} FeedStatus
 * @property {string} [state]
 * @property {string} [name]
 * @property {number} [speed]
 * @property {number | null} [lag_seconds]
 * @property {string} [detail]
 */

/**
 * @typedef {object} Status what each socket is told about once a second
 * @property {'status'} kind
 * @property {number} revision
 * @property {string} [as_of_date]
 * @property {string} [latest_as_of_date]
 * @property {string | null} [observed_at]
 * @property {boolean} [loaded] whether there is a board of the date
 * @property {string} [store]
 * @property {string} [store_detail]
 * @property {FeedStatus} [feed]
 * @property {FeedStatus[]} [feeds]
 * @property {{ fault: string, task: string, reason: string, process: string, needed_live: boolean }[]} [faults]
 * @property {number} trades
 * @property {Record<string, number>} [not_included]
 * @property {number} [default_parameters]
 * @property {number} [dead_letters]
 */

const MAGIC = 0x31424c44; // "DLB1", read as a little-endian number
const decoder = new TextDecoder();

/** @param {ArrayBuffer} buffer @returns {TableMessage | PivotMessage} */
export function decode(buffer) {
  const view = new DataView(buffer);
  if (buffer.byteLength < 8 || view.getUint32(0, true) !== MAGIC) throw new Error('not a message of the board');
  const bodyStart = 8 + view.getUint32(4, true);
  /** @type {Header} */
  const header = JSON.parse(decoder.decode(new Uint8Array(buffer, 8, bodyStart - 8)));
  if (header.streams) return { header, streams: streamsOf(buffer, bodyStart, header.streams) };
  /** @type {Columns} */
  const columns = {};
  header.columns.forEach((name, i) => {
    columns[name] = new Float64Array(buffer, bodyStart + i * 8 * header.rows, header.rows);
  });
  return { header, columns };
}

// The body of a message for the pivot: Arrow streams, back to back.
/** @param {ArrayBuffer} buffer @param {number} bodyStart @param {number[]} lengths */
function streamsOf(buffer, bodyStart, lengths) {
  let place = bodyStart;
  return lengths.map((length) => buffer.slice(place, (place += length)));
}
