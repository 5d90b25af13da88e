// A table as files: links that anybody may copy. A click waits for the file, and says beside the links what became of it.

import { make, setAttribute, setText } from '../dom/dom.js';
import { saveFile } from './save_file.js';

/**
 * @typedef {{ links: { label: string, address: string }[] }} FileLinks as ui/links/export_menu.py says them
 */

/** @type {WeakMap<HTMLElement, ReturnType<typeof build>>} */
const mounted = new WeakMap();
/** @type {Map<string, string>} */
const said = new Map(); // first address of a menu -> its words: they are there again when it was closed meanwhile
/** @type {Set<string>} */
const waiting = new Set(); // first addresses of menus that wait for a file

/** @param {{ parentElement: HTMLElement, data: FileLinks }} component */
export function mount({ parentElement, data }) {
  const menu = mounted.get(parentElement) ?? build(parentElement);
  mounted.set(parentElement, menu);
  menu.update(data);
  return () => {
    if (mounted.get(parentElement) === menu) mounted.delete(parentElement);
    menu.close();
  };
}

/** @param {HTMLElement} parent */
function build(parent) {
  const list = parent.appendChild(make('nav', '', { 'aria-label': 'As a file' }));
  const words = parent.appendChild(make('p', '', { role: 'status' }));
  /** @type {HTMLAnchorElement[]} */
  const links = [];
  let key = '';

  function show() {
    setAttribute(list, 'aria-busy', waiting.has(key) || null);
    setText(words, said.get(key) ?? '');
  }

  /** @param {HTMLAnchorElement} link */
  async function save(link, asked = key) {
    if (waiting.has(asked)) return;
    waiting.add(asked);
    tell(asked, `Making the ${link.textContent} file\u2026`);
    const problem = await saveFile(link.href);
    waiting.delete(asked);
    tell(asked, problem);
  }

  /** @param {number} place */
  function linkAt(place) {
    const link = list.appendChild(make('a'));
    link.addEventListener('click', (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return; // as any link: elsewhere, or kept
      event.preventDefault();
      save(link);
    });
    links[place] = link;
    return link;
  }

  shown.add(show);
  return {
    /** @param {FileLinks} data */
    update(data) {
      key = data.links[0].address;
      data.links.forEach(({ label, address }, place) => {
        const link = links[place] ?? linkAt(place);
        setText(link, label);
        setAttribute(link, 'href', address);
      });
      show();
    },
    close() {
      shown.delete(show);
      list.remove();
      words.remove();
    },
  };
}

/** @type {Set<() => void>} */
const shown = new Set(); // how each menu that is open shows what is known

/** @param {string} key @param {string} words */
function tell(key, words) {
  if (words) said.set(key, words);
  else said.delete(key);
  for (const show of shown) show();
}
