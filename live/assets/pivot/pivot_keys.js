// How a pivot's grid is worked by keyboard: by itself it can only be scrolled. The grid is one stop of the Tab key; in
// it the arrows walk, Enter opens or closes a row, sorts by a head, and asks for what is behind a cell.

import { make, setAttribute } from '../dom/dom.js';
import { Asked, KeyQueue } from './key_queue.js';

/** @import { View } from './pivot_engine.js' */

/**
 * What of the engine's grid is used here.
 * @typedef {{ type: string, x?: number, y?: number }} Meta of a cell
 * @typedef {object} GridCalls
 * @property {(drawn: () => void) => void} addStyleListener
 * @property {(cell: Element) => Meta | undefined} getMeta
 * @property {(x: number, y: number) => Promise<void>} scrollToCell
 */

/**
 * @typedef {HTMLElement & GridCalls} RegularTable
 * @typedef {{ x: number, y: number }} Place of a cell
 * @typedef {(key: string, isFar: boolean) => Promise<void>} Act what a key does
 */

const LABEL = -1; // the place of a row's label among its cells
const HEAD = -1; // the place of the heads of the columns among the rows
const STYLE = '.db-cursor { outline: 2px solid var(--st-primary-color, #1668c7); outline-offset: -2px; }';
const LONGEST_DRAW_MS = 10_000; // after it, keys no longer wait for what a press has changed
const MOST_TRIES = 50; // of asking a view that has just been replaced by another
let cursors = 0;
const queue = new KeyQueue(); // of all grids of the page: each key acts where the focus is when its turn has come
/** @type {WeakMap<Element, Act>} */
const acts = new WeakMap(); // grid -> what a key does in it

// The grid of a viewer, where it shows one and not a chart.
/** @param {Element} box @returns {RegularTable | null} */
export const gridOf = (box) => box.querySelector('perspective-viewer-datagrid')?.shadowRoot?.querySelector('regular-table') ?? null;

// name: what the grid is called; escape: what the Escape key does anywhere in the box, true where it did something.
/**
 * @param {HTMLElement} box
 * @param {{ name: string, viewOf: () => Promise<View>, escape: () => boolean }} setup
 */
export function workByKeyboard(box, { name, viewOf, escape }) {
  /** @type {WeakSet<RegularTable>} */
  const known = new WeakSet();
  const id = `db-cursor-${++cursors}`;
  /** @type {Place | null} */
  let cursor = null;
  /** @type {Asked | null} */
  let asked = null; // by the Enter key, of whoever answers to a click on a cell
  let isLed = false; // whether it was the keyboard that asked last: an answer leads on whom it reaches late, too
  /** @type {Set<() => void>} */
  const draws = new Set(); // who waits for the next time that the grid is drawn

  /** @param {RegularTable} grid */
  function take(grid) {
    if (known.has(grid)) return;
    known.add(grid);
    grid.before(make('style', '', { text: STYLE }));
    grid.setAttribute('role', 'group');
    grid.setAttribute('aria-label', `${name}: arrows to walk, Enter to open`);
    acts.set(grid, (key, isFar) => act(grid, key, isFar));
    grid.addStyleListener(() => {
      mark(grid);
      for (const drawn of draws) drawn();
      draws.clear();
    });
  }

  const isAt = (/** @type {Meta | undefined} */ meta, /** @type {Place} */ { x, y }) => {
    if (meta?.type === 'body') return meta.x === x && meta.y === y;
    if (meta?.type === 'row_header') return x === LABEL && meta.y === y;
    return meta?.type === 'column_header' && y === HEAD && meta.x === x;
  };

  /** @param {RegularTable} grid @param {Place} place */
  function cellAt(grid, place) {
    const found = [...grid.querySelectorAll('td, th')].filter((cell) => isAt(grid.getMeta(cell), place));
    return found.find((cell) => /psp-tree-label|psp-header-leaf/.test(cell.className)) ?? found[0] ?? null;
  }

  /** @param {RegularTable} grid */
  function mark(grid) {
    for (const cell of grid.querySelectorAll('.db-cursor')) {
      cell.classList.remove('db-cursor');
      cell.removeAttribute('id');
    }
    const cell = cursor && isFocused(grid) ? cellAt(grid, cursor) : null;
    cell?.classList.add('db-cursor');
    if (cell) cell.id = id;
    setAttribute(grid, 'aria-activedescendant', cell ? id : null);
  }

  const isFocused = (/** @type {RegularTable} */ grid) => {
    const root = grid.getRootNode();
    return (root instanceof ShadowRoot || root instanceof Document) && root.activeElement === grid;
  };

  const nextDraw = () =>
    new Promise((/** @type {(value?: unknown) => void} */ resolve) => {
      const late = setTimeout(resolve, LONGEST_DRAW_MS);
      draws.add(() => {
        clearTimeout(late);
        resolve();
      });
    });

  // How many rows and columns there are; of the view that takes its place where one is just being replaced.
  async function size() {
    for (let tries = 1; ; tries++) {
      try {
        const view = await viewOf();
        return await Promise.all([view.num_rows(), view.num_columns()]);
      } catch (error) {
        if (tries === MOST_TRIES) throw error;
        await new Promise((resume) => setTimeout(resume, 20));
      }
    }
  }

  /** @param {RegularTable} grid @param {string} key @param {boolean} isFar */
  async function walk(grid, key, isFar) {
    const [rows, columns] = await size();
    const first = cellAt(grid, { x: LABEL, y: firstRow(grid) }) ? LABEL : 0;
    const page = Math.max(1, Math.floor(room(grid) / rowHeight(grid)) - 1);
    const { x, y } = cursor ?? { x: first, y: firstRow(grid) - (key === 'ArrowDown' ? 1 : 0) };
    /** @type {Record<string, [number, number]>} */
    const places = {
      ArrowDown: [x, y + 1],
      ArrowUp: [x, y - 1],
      ArrowRight: [x + 1, y],
      ArrowLeft: [x - 1, y],
      PageDown: [x, y + page],
      PageUp: [x, y - page],
      Home: isFar ? [x, 0] : [first, y],
      End: isFar ? [x, rows - 1] : [columns - 1, y],
    };
    const to = places[key];
    cursor = { x: within(to[0], first, columns - 1), y: within(to[1], HEAD, rows - 1) };
    if (cursor.y === HEAD) cursor.x = Math.max(cursor.x, 0);
    await bringIntoView(grid, cursor);
    mark(grid);
  }

  /** @param {RegularTable} grid @param {Place} place */
  async function bringIntoView(grid, place) {
    const height = rowHeight(grid);
    const top = place.y * height;
    if (top < grid.scrollTop) grid.scrollTop = Math.max(top, 0);
    else if (top + height > grid.scrollTop + room(grid)) grid.scrollTop = top + height - room(grid);
    const shown = place.x >= 0 ? cellAt(grid, place)?.getBoundingClientRect() : null;
    const edge = grid.getBoundingClientRect();
    if (place.x === LABEL) return;
    if (!shown || shown.right > edge.left + grid.clientWidth || shown.left < edge.left) await Promise.race([grid.scrollToCell(place.x, firstRow(grid)), nextDraw()]); // while it ticks, a scroll may never end
  }

  // A row's label opens and closes at a press, a head sorts at one; a cell answers to a click. Done when that is there.
  /** @param {RegularTable} grid */
  async function enter(grid) {
    const cell = cursor && cellAt(grid, cursor);
    if (!cell || !cursor) return;
    const where = { bubbles: true, composed: true, button: 0 };
    const press = () => cell.dispatchEvent(new MouseEvent('mousedown', where));
    if (cursor.x !== LABEL && cursor.y !== HEAD) {
      isLed = true;
      asked = new Asked();
      cell.dispatchEvent(new MouseEvent('click', where));
      await asked.there;
    } else if (cursor.y === HEAD) {
      const drawn = nextDraw();
      press();
      await drawn;
    } else if (/psp-tree-label-(expand|collapse)/.test(cell.className)) {
      const [before] = await size();
      press();
      for (const end = Date.now() + LONGEST_DRAW_MS; (await size())[0] === before && Date.now() < end; ) await new Promise(requestAnimationFrame);
      await nextDraw();
    }
  }

  /** @param {RegularTable} grid @param {string} key */
  function opens(grid, key) {
    if (cursor?.x !== LABEL) return false;
    const label = cellAt(grid, cursor)?.className ?? '';
    return (key === 'ArrowRight' && label.includes('psp-tree-label-expand')) || (key === 'ArrowLeft' && label.includes('psp-tree-label-collapse'));
  }

  /** @param {RegularTable} grid @param {string} key @param {boolean} isFar */
  async function act(grid, key, isFar) {
    if (key === 'Enter' || key === ' ' || opens(grid, key)) await enter(grid);
    else await walk(grid, key, isFar);
  }

  /** @param {KeyboardEvent} event */
  function pressed(event) {
    if (event.key === 'Escape' && escape()) return event.preventDefault();
    if (event.key === 'Tab') return event.stopPropagation(); // the engine's side would keep it for itself
    const [grid] = event.composedPath();
    if (!isGrid(grid)) return;
    take(grid);
    const { key } = event;
    if (!/^(Enter| |Arrow(Down|Up|Left|Right)|Page(Down|Up)|Home|End)$/.test(key)) return;
    const isFar = event.ctrlKey || event.metaKey;
    queue.press(() => actAtFocus(grid, key, isFar));
    event.preventDefault();
    event.stopPropagation();
  }

  /** @param {FocusEvent} event */
  function focused(event) {
    const [grid] = event.composedPath();
    if (!isGrid(grid)) return;
    take(grid);
    mark(grid);
  }

  box.addEventListener('keydown', pressed, true);
  box.addEventListener('pointerdown', () => (isLed = false), true);
  box.addEventListener('focusin', focused);
  box.addEventListener('focusout', focused);
  return {
    // Does what answers to a click on a cell, told whether it was the Enter key's: who asked with the keyboard is led on by it.
    /** @param {(byKeyboard: boolean) => unknown} step */
    async answer(step) {
      const answered = asked;
      asked = null;
      answered?.begin();
      try {
        await step(isLed);
      } finally {
        answered?.end();
      }
    },
  };
}

/** @param {EventTarget} target @returns {target is RegularTable} */
const isGrid = (target) => target instanceof HTMLElement && target.tagName === 'REGULAR-TABLE';

// A key that was pressed in a grid: it acts where the focus has come to since.
/** @param {RegularTable} grid @param {string} key @param {boolean} isFar */
async function actAtFocus(grid, key, isFar) {
  let focus = document.activeElement;
  while (focus?.shadowRoot?.activeElement) focus = focus.shadowRoot.activeElement;
  const action = acts.get(!focus || focus === document.body ? grid : focus);
  if (action) await action(key, isFar);
  else if ((key === 'Enter' || key === ' ') && focus instanceof HTMLElement && focus.matches('.db-drill button')) focus.click();
}

const within = (/** @type {number} */ value, /** @type {number} */ low, /** @type {number} */ high) => Math.min(Math.max(value, low), Math.max(high, low));
const rowHeight = (/** @type {RegularTable} */ grid) => grid.querySelector('tbody tr')?.getBoundingClientRect().height || 20;
const room = (/** @type {RegularTable} */ grid) => grid.clientHeight - (grid.querySelector('thead')?.getBoundingClientRect().height ?? 0);
const firstRow = (/** @type {RegularTable} */ grid) => Math.round(grid.scrollTop / rowHeight(grid));
