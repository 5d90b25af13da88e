// What moved: it fades within half a second, and a small arrow tells the way, for those who see no colour too.
//
// All cells that moved at once share one layer behind the text, and only the layer's opacity is animated: the browser
// fades it without computing styles or painting text again, however many cells there are.

import { make } from './dom.js';
import { prefersLessMotion } from './theme.js';

const FADE_MS = 480;
const MOST_LAYERS = 3;

/** @param {HTMLElement} element @param {() => void} whenDone */
function fade(element, whenDone) {
  const calm = prefersLessMotion();
  element.classList.toggle('db-calm', calm);
  const frames = calm ? [{ opacity: 1 }, { opacity: 1 }] : [{ opacity: 1 }, { opacity: 1, offset: 0.3 }, { opacity: 0 }];
  const animation = element.animate(frames, { duration: FADE_MS, easing: 'ease-out' });
  animation.onfinish = whenDone;
  return animation;
}

/**
 * @typedef {HTMLElement & { layer?: Layer }} Moving
 * @typedef {{ cell: Moving, up: boolean, left: number, width: number, top: number }} Spot
 * @typedef {{ element: HTMLElement, spots: Spot[], animation?: Animation }} Layer
 * @typedef {HTMLElement & { glow?: HTMLElement, fading?: Animation }} Glowing
 */

// The pulses of one grid: note what moved while painting, then show it at once.
export class Pulses {
  /** @param {HTMLElement} body */
  constructor(body) {
    this.body = body;
    /** @type {Layer[]} */
    this.layers = [];
    /** @type {Spot[]} */
    this.spots = [];
  }

  /** @param {Moving} cell @param {boolean} up @param {number} left @param {number} width @param {number} top */
  note(cell, up, left, width, top) {
    this.spots.push({ cell, up, left, width, top });
  }

  /** @param {number} height */
  show(height) {
    if (!this.spots.length) return;
    while (this.layers.length >= MOST_LAYERS) this.end(this.layers[0]);
    /** @type {Layer} */
    const layer = { element: make('div', 'db-pulses', { 'aria-hidden': 'true' }), spots: this.spots };
    for (const { cell, up, left, width, top } of this.spots) {
      const way = up ? 'up' : 'down';
      const spot = make('i', 'db-pulse', { 'data-way': way });
      spot.style.cssText = `left:${left}px;top:${top}px;width:${width}px;height:${height}px`;
      layer.element.append(spot);
      cell.dataset.moved = way;
      cell.layer = layer;
    }
    this.spots = [];
    this.body.prepend(layer.element);
    this.layers.push(layer);
    layer.animation = fade(layer.element, () => this.end(layer));
  }

  /** @param {Layer} layer */
  end(layer) {
    layer.animation?.cancel();
    layer.element.remove();
    this.layers = this.layers.filter((other) => other !== layer);
    for (const { cell } of layer.spots) if (cell.layer === layer) delete cell.dataset.moved;
  }

  // Rows are about to stand elsewhere.
  clear() {
    this.spots = [];
    [...this.layers].forEach((layer) => this.end(layer));
  }
}

// One figure on its own.
/** @param {Glowing} element @param {boolean} up */
export function pulse(element, up) {
  const way = up ? 'up' : 'down';
  element.glow ??= element.appendChild(make('i', 'db-glow', { 'aria-hidden': 'true' }));
  element.glow.dataset.way = way;
  element.dataset.moved = way;
  element.fading?.cancel();
  element.fading = fade(element.glow, () => {
    delete element.dataset.moved;
  });
}
