// How a panel follows the feed: live, every so many seconds, or paused. Each panel has its own, kept for the session.

import { make, setText } from '../dom/dom.js';

/**
 * @typedef {'live' | 'periodic' | 'paused'} Mode
 * @typedef {{ mode?: Mode, period?: number }} ModeChoice
 */

export const PERIODS = [1, 5, 15, 60];

export class ModeSwitch {
  // `first`: mode and period where nobody has chosen in this session.
  /** @param {string} panelKey @param {(mode: Mode, period: number) => void} onChange @param {ModeChoice} [first] */
  constructor(panelKey, onChange, first = {}) {
    this.storageKey = `deltaboard.mode.${panelKey}`;
    this.onChange = onChange;
    /** @type {Mode} */
    this.mode = first.mode ?? 'live';
    /** @type {HTMLElement | null} */
    this.menu = null;
    /** @param {PointerEvent} click */
    this.outside = (click) => {
      if (!(click.target instanceof Node && this.element.contains(click.target))) this.closeMenu();
    };
    this.period = first.period ?? 5;
    this.remembered();
    const group = make('div', 'db-modes', { role: 'group', 'aria-label': 'How this panel follows the feed' });
    this.element = group;
    this.buttons = {
      live: this.button(group, 'live', 'Live', 'Every change as it comes'),
      periodic: this.button(group, 'periodic', '', 'Look again every few seconds; click twice to choose how many'),
      paused: this.button(group, 'paused', 'Pause', 'Keep what is shown until switched on again'),
    };
    this.buttons.periodic.setAttribute('aria-haspopup', 'menu');
    this.buttons.periodic.addEventListener('keydown', (event) => {
      if (event.key === 'ArrowDown') this.openMenu(event);
    });
    this.show();
  }

  remembered() {
    try {
      const kept = JSON.parse(sessionStorage.getItem(this.storageKey) ?? '{}') ?? {};
      if (['live', 'periodic', 'paused'].includes(kept.mode)) this.mode = kept.mode;
      if (kept.period > 0) this.period = kept.period;
    } catch {
      // What is not readable is not remembered.
    }
  }

  /** @param {HTMLElement} group @param {Mode} mode @param {string} text @param {string} title */
  button(group, mode, text, title) {
    const button = group.appendChild(make('button', 'db-mode', { type: 'button', text, title, 'data-mode': mode }));
    button.addEventListener('click', (event) => {
      if (mode === 'periodic' && this.mode === 'periodic') this.openMenu(event);
      else this.change(mode, this.period);
    });
    return button;
  }

  /** @param {Mode} mode @param {number} period */
  change(mode, period) {
    this.closeMenu();
    this.mode = mode;
    this.period = period;
    try {
      sessionStorage.setItem(this.storageKey, JSON.stringify({ mode, period }));
    } catch {
      // A browser that keeps nothing still switches.
    }
    this.show();
    this.onChange(mode, period);
  }

  show() {
    setText(this.buttons.periodic, `${this.period} s`);
    for (const [mode, button] of Object.entries(this.buttons)) button.setAttribute('aria-pressed', String(mode === this.mode));
  }

  /** @param {Event} event */
  openMenu(event) {
    event.preventDefault();
    event.stopPropagation();
    if (this.menu) return this.closeMenu();
    const menu = make('div', 'db-menu', { role: 'menu', 'aria-label': 'How often' });
    /** @type {HTMLElement[]} */
    const items = [];
    for (const period of PERIODS) {
      const item = make('button', 'db-menu-item', { type: 'button', role: 'menuitemradio', text: `${period} s` });
      item.setAttribute('aria-checked', String(period === this.period));
      item.addEventListener('click', () => this.change('periodic', period));
      items.push(item);
    }
    menu.append(...items);
    menu.addEventListener('keydown', (press) => this.pressedInMenu(press, items));
    this.element.append(menu);
    this.menu = menu;
    (items.find((item) => item.ariaChecked === 'true') ?? items[0]).focus();
    document.addEventListener('pointerdown', this.outside);
  }

  /** @param {KeyboardEvent} event @param {HTMLElement[]} items */
  pressedInMenu(event, items) {
    const step = event.key === 'ArrowDown' ? 1 : event.key === 'ArrowUp' ? -1 : 0;
    if (step) items[(items.findIndex((item) => item === document.activeElement) + step + items.length) % items.length].focus();
    else if (event.key === 'Escape') {
      this.closeMenu();
      this.buttons.periodic.focus();
    } else return;
    event.preventDefault();
    event.stopPropagation();
  }

  closeMenu() {
    if (!this.menu) return;
    document.removeEventListener('pointerdown', this.outside);
    this.menu.remove();
    this.menu = null;
  }
}
