// How a pivot's grid is worked by keyboard: by itself it can only be scrolled. The grid is one stop of the Tab key; in
// it the arrows walk, Enter opens or closes a row, sorts by a head, and asks for what is behind a cell.

import { make, setAttribute } from './dom.js';

const LABEL = -1; // the place of a row's label among its cells
const HEAD = -1; // the place of the heads of the columns among the rows
const STYLE = '.db-cursor { outline: 2px solid var(--st-primary-color, #1668c7); outline-offset: -2px; }';
let cursors = 0;

// The grid of a viewer, where it shows one and not a chart.
export const gridOf = (box) => box.querySelector('perspective-viewer-datagrid')?.shadowRoot?.querySelector('regular-table') ?? null;

// name: what the grid is called; escape: what the Escape key does anywhere in the box, true where it did something.
export function workByKeyboard(box, { name, viewOf, escape }) {
  const known = new WeakSet();
  const id = `db-cursor-${++cursors}`;
  let cursor = null;
  let entered = false;
  let acted = Promise.resolve(); // to walk takes the engine's answer: keys act in their order, however fast they come

  function take(grid) {
    if (known.has(grid)) return;
    known.add(grid);
    grid.parentNode.prepend(make('style', '', { text: STYLE }));
    grid.setAttribute('role', 'group');
    grid.setAttribute('aria-label', `${name}: arrows to walk, Enter to open`);
    grid.addStyleListener(() => mark(grid));
  }

  const isAt = (meta, { x, y }) => {
    if (meta?.type === 'body') return meta.x === x && meta.y === y;
    if (meta?.type === 'row_header') return x === LABEL && meta.y === y;
    return meta?.type === 'column_header' && y === HEAD && meta.x === x;
  };

  function cellAt(grid, place) {
    const found = [...grid.querySelectorAll('td, th')].filter((cell) => isAt(grid.getMeta(cell), place));
    return found.find((cell) => /psp-tree-label|psp-header-leaf/.test(cell.className)) ?? found[0] ?? null;
  }

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

  const isFocused = (grid) => grid.getRootNode().activeElement === grid;

  async function walk(grid, key, isFar) {
    const view = await viewOf();
    const [rows, columns] = await Promise.all([view.num_rows(), view.num_columns()]);
    const first = cellAt(grid, { x: LABEL, y: firstRow(grid) }) ? LABEL : 0;
    const page = Math.max(1, Math.floor(room(grid) / rowHeight(grid)) - 1);
    const { x, y } = cursor ?? { x: first, y: firstRow(grid) - (key === 'ArrowDown' ? 1 : 0) };
    const to = {
      ArrowDown: [x, y + 1],
      ArrowUp: [x, y - 1],
      ArrowRight: [x + 1, y],
      ArrowLeft: [x - 1, y],
      PageDown: [x, y + page],
      PageUp: [x, y - page],
      Home: isFar ? [x, 0] : [first, y],
      End: isFar ? [x, rows - 1] : [columns - 1, y],
    }[key];
    cursor = { x: within(to[0], first, columns - 1), y: within(to[1], HEAD, rows - 1) };
    if (cursor.y === HEAD) cursor.x = Math.max(cursor.x, 0);
    await bringIntoView(grid);
    mark(grid);
  }

  async function bringIntoView(grid) {
    const height = rowHeight(grid);
    const top = cursor.y * height;
    if (top < grid.scrollTop) grid.scrollTop = Math.max(top, 0);
    else if (top + height > grid.scrollTop + room(grid)) grid.scrollTop = top + height - room(grid);
    const box = cursor.x >= 0 ? cellAt(grid, cursor)?.getBoundingClientRect() : null;
    const edge = grid.getBoundingClientRect();
    if (cursor.x === LABEL) return;
    if (!box || box.right > edge.left + grid.clientWidth || box.left < edge.left) await grid.scrollToCell(cursor.x, firstRow(grid));
  }

  // A row's label opens and closes at a press, a head sorts at one; a cell answers to a click.
  function enter(grid) {
    const cell = cursor && cellAt(grid, cursor);
    if (!cell) return;
    const isCell = cursor.x !== LABEL && cursor.y !== HEAD;
    entered = isCell;
    const where = { bubbles: true, composed: true, button: 0 };
    cell.dispatchEvent(new MouseEvent(isCell ? 'click' : 'mousedown', where));
  }

  function opens(grid, key) {
    if (cursor?.x !== LABEL) return false;
    const label = cellAt(grid, cursor)?.className ?? '';
    return (key === 'ArrowRight' && label.includes('psp-tree-label-expand')) || (key === 'ArrowLeft' && label.includes('psp-tree-label-collapse'));
  }

  async function act(grid, key, isFar) {
    if (key === 'Enter' || key === ' ' || opens(grid, key)) enter(grid);
    else await walk(grid, key, isFar);
  }

  function pressed(event) {
    if (event.key === 'Escape' && escape()) return event.preventDefault();
    if (event.key === 'Tab') return event.stopPropagation(); // the engine's side would keep it for itself
    const grid = event.composedPath()[0];
    if (grid.tagName !== 'REGULAR-TABLE') return;
    take(grid);
    const { key } = event;
    if (!/^(Enter| |Arrow(Down|Up|Left|Right)|Page(Down|Up)|Home|End)$/.test(key)) return;
    const isFar = event.ctrlKey || event.metaKey;
    acted = acted.then(() => act(grid, key, isFar)).catch((error) => console.warn('deltaboard, pivot:', error));
    event.preventDefault();
    event.stopPropagation();
  }

  function focused(event) {
    const grid = event.composedPath()[0];
    if (grid.tagName !== 'REGULAR-TABLE') return;
    take(grid);
    mark(grid);
  }

  box.addEventListener('keydown', pressed, true);
  box.addEventListener('focusin', focused);
  box.addEventListener('focusout', focused);
  // Whether the last click on a cell was the Enter key's: who asked with the keyboard is led on by it.
  return { tookEnter: () => entered && !(entered = false) };
}

const within = (value, low, high) => Math.min(Math.max(value, low), Math.max(high, low));
const rowHeight = (grid) => grid.querySelector('tbody tr')?.getBoundingClientRect().height || 20;
const room = (grid) => grid.clientHeight - (grid.querySelector('thead')?.getBoundingClientRect().height ?? 0);
const firstRow = (grid) => Math.round(grid.scrollTop / rowHeight(grid));
