// How the day of one share went: the last quote of each few minutes, as the server says.

/** @import { Point } from './wire.js' */

// A new array: the points before some moment, and those that are now from then on.
/** @param {Point[]} points @param {[from: number, points: Point[]]} tail */
export const withTail = (points, [from, tail]) => [...points.filter(([at]) => at < from), ...tail];
