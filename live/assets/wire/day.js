// How the day of one share went, in about eighty points.

/** @import { Point } from './wire.js' */

const MOST_POINTS = 160;

// A new array with the point appended; when it grows long every second point goes, the first and the last stay.
/** @param {Point[]} points @param {number} at @param {number} quote */
export function appendPoint(points, at, quote) {
  if (!Number.isFinite(at) || !Number.isFinite(quote)) return points;
  const last = points[points.length - 1];
  if (last && at < last[0]) return points;
  const kept = last && at === last[0] ? points.slice(0, -1) : points.slice();
  kept.push([at, quote]);
  return thinned(kept);
}

/** @param {Point[]} points */
export function thinned(points) {
  let kept = points;
  while (kept.length > MOST_POINTS) kept = kept.filter((_, i) => i % 2 === 0 || i === kept.length - 1);
  return kept;
}
