// What a pivot shows, as a file: the server writes it, so that there is one way of escaping and of naming columns.

import { pageAddress } from '../dom/address.js';
import { saveFile } from './save_file.js';

/** @import { View } from './pivot_engine.js' */

const ADDRESS = '/deltaboard/export';

// Returns what went wrong, in words; nothing when the file is there.
/** @param {View} view @param {string} form @param {{ title: string, about: Record<string, string> }} words */
export async function exportShown(view, form, { title, about }) {
  const body = await view.to_arrow();
  const headers = { 'Content-Type': 'application/vnd.apache.arrow.stream' };
  return saveFile(pageAddress(ADDRESS, { form, title, ...prefixed(about) }), { method: 'POST', body, headers });
}

const prefixed = (/** @type {Record<string, string>} */ about) => Object.fromEntries(Object.entries(about).filter(([, value]) => value).map(([name, value]) => [`about.${name}`, value]));
