// A file that the server makes: asked for, waited for, and kept by the browser under the name that the server gave it.

import { make } from '../dom/dom.js';

const NOTHING = 'Nothing was downloaded: ';

// Returns what went wrong, in words; nothing when the file is there.
/** @param {string} address @param {RequestInit} [request] */
export async function saveFile(address, request = {}) {
  let answer;
  let content;
  try {
    answer = await fetch(address, request);
    if (!answer.ok) return NOTHING + (await reasonOf(answer));
    content = await answer.blob();
  } catch {
    return `${NOTHING}${answer ? 'the connection broke off. Try again.' : 'the server does not answer.'}`;
  }
  const link = make('a', '', { href: URL.createObjectURL(content), download: nameOf(answer) });
  link.click(); // it is in no document: a click there would close the menu that it came from
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
  return '';
}

const nameOf = (/** @type {Response} */ answer) => decodeURIComponent(/filename\*=UTF-8''([^;]+)/.exec(answer.headers.get('Content-Disposition') ?? '')?.[1] ?? 'table');

/** @param {Response} answer @returns {Promise<string>} */
async function reasonOf(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return `the server said ${answer.status}.`;
  }
}
