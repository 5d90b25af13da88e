// What keeps the store from being read or written, as a light; nothing where all is well.

/** @import { Status } from '../wire/wire.js' */

/** @type {Record<string, { tone: string, text: string }>} */
const LIGHTS = {
  unreachable: { tone: 'bad', text: 'Store unreachable' },
  hung: { tone: 'bad', text: 'Store not responding' },
  read_only: { tone: 'bad', text: 'Store read-only' },
  disk_full: { tone: 'bad', text: 'Store disk full' },
  long_write: { tone: 'warn', text: 'Long write running' },
  locked: { tone: 'bad', text: 'Store locked' },
  overloaded: { tone: 'bad', text: 'Store overloaded' },
  corrupt: { tone: 'bad', text: 'Store damaged' },
};

/** @param {Status | null | undefined} status */
export function sayStore(status) {
  const light = LIGHTS[status?.store ?? ''];
  return light && status ? { ...light, title: status.store_detail || 'The database does not answer.' } : null;
}
