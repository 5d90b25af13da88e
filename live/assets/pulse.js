// What moved: the cell fades within half a second and a small arrow tells the way, for those who see no colour too.

import { make } from './dom.js';
import { prefersLessMotion } from './theme.js';

const FADE_MS = 480;

export function pulse(cell, up) {
  const way = up ? 'up' : 'down';
  cell.pulses?.forEach((animation) => animation.cancel());
  cell.arrow ??= cell.appendChild(make('i', 'db-arrow', { 'aria-hidden': 'true' }));
  cell.arrow.dataset.way = way;
  cell.dataset.moved = way;
  const calm = prefersLessMotion();
  const arrow = cell.arrow.animate({ opacity: calm ? [1, 1] : [1, 1, 0] }, { duration: FADE_MS });
  cell.pulses = [arrow];
  if (!calm) {
    const colour = `var(--db-pulse-${way})`;
    const frames = [
      { backgroundColor: colour },
      { backgroundColor: colour, offset: 0.3 },
      { backgroundColor: 'transparent' },
    ];
    cell.pulses.push(cell.animate(frames, { duration: FADE_MS, easing: 'ease-out' }));
  }
  arrow.onfinish = () => stopPulse(cell);
}

export function stopPulse(cell) {
  if (!cell.pulses) return;
  cell.pulses.forEach((animation) => animation.cancel());
  cell.pulses = null;
  delete cell.dataset.moved;
}
