// The small line that shows how the day of one share went.

/** @import { Point } from '../wire/wire.js' */

const WIDTH = 100;
const HEIGHT = 19;

/** @typedef {SVGPathElement & { points?: Point[] }} Line */

/** @param {Element} cell */
export function buildLine(cell) {
  const names = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(names, 'svg');
  svg.setAttribute('class', 'db-line');
  svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute('preserveAspectRatio', 'none');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(names, 'path');
  svg.append(path);
  cell.append(svg);
  return path;
}

/** @param {Line} path @param {Point[] | undefined} points */
export function drawLine(path, points) {
  if (path.points === points) return;
  path.points = points;
  path.setAttribute('d', outline(points ?? []));
}

/** @param {Point[]} points */
function outline(points) {
  if (points.length < 2) return '';
  let low = Infinity;
  let high = -Infinity;
  for (const [, quote] of points) {
    low = Math.min(low, quote);
    high = Math.max(high, quote);
  }
  const start = points[0][0];
  const length = points[points.length - 1][0] - start || 1;
  const range = high - low;
  let text = '';
  for (const [at, quote] of points) {
    const x = (((at - start) / length) * WIDTH).toFixed(1);
    const y = (range > 0 ? 1.5 + (1 - (quote - low) / range) * (HEIGHT - 3) : HEIGHT / 2).toFixed(1);
    text += `${text ? 'L' : 'M'}${x} ${y}`;
  }
  return text;
}
