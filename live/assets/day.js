// How the day of one share went, in about eighty points, and the small line that shows it.

const MOST_POINTS = 160;
const WIDTH = 100;
const HEIGHT = 19;

// A new array with the point appended; when it grows long every second point goes, the first and the last stay.
export function appendPoint(points, at, quote) {
  if (!Number.isFinite(at) || !Number.isFinite(quote)) return points;
  const last = points[points.length - 1];
  if (last && at < last[0]) return points;
  const kept = last && at === last[0] ? points.slice(0, -1) : points.slice();
  kept.push([at, quote]);
  return thinned(kept);
}

export function thinned(points) {
  let kept = points;
  while (kept.length > MOST_POINTS) kept = kept.filter((_, i) => i % 2 === 0 || i === kept.length - 1);
  return kept;
}

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

export function drawLine(path, points) {
  if (path.points === points) return;
  path.points = points;
  path.setAttribute('d', outline(thinned(points ?? [])));
}

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
