import assert from 'node:assert/strict';
import { test } from 'node:test';

import { compactChange, count, isKnown, number, plural, seconds, shownSign, timeOfDay } from '../../../../live/assets/dom/format.js';

const cases = (name, of, ...table) =>
  test(name, () => {
    for (const [given, expected] of table) assert.equal(of(...given), expected, JSON.stringify(given));
  });

cases(
  'a number has its signs, thousands and decimals; unknown is a dash',
  number,
  [[0], '0'],
  [[1234567.891, 2], '1,234,567.89'],
  [[1234], '1,234'],
  [[-7.73, 2], '\u22127.73'],
  [[7.73, 2, true], '+7.73'],
  [[0, 2, true], '0.00'],
  [[-0.004, 2], '0.00'],
  [[-0.005, 2], '\u22120.01'],
  [[NaN], '\u2013'],
  [[Infinity], '\u2013'],
  [[null], '\u2013'],
  [[undefined], '\u2013'],
  [['12'], '\u2013'],
);

cases(
  'the sign is of what is shown',
  shownSign,
  [[-1], -1],
  [[1], 1],
  [[0.4], 0],
  [[-0.5], -1],
  [[-0.004, 2], 0],
  [[NaN], 0],
);

cases(
  'a change takes few characters',
  compactChange,
  [[12_800_000], '+12.8 m'],
  [[-120_000], '\u2212120 k'],
  [[999_400], '+999 k'],
  [[999_600], '+1.0 m'],
  [[1_234_000_000], '+1.2 bn'],
  [[18_000], '+18.0 k'],
  [[999], '+999'],
  [[7], '+7'],
  [[0], '0'],
  [[NaN], '\u2013'],
);

cases('one is one', plural, [[1, 'trade'], '1 trade'], [[0, 'trade'], '0 trades'], [[48211, 'row'], '48,211 rows'], [[2, 'entry', 'entries'], '2 entries']);
cases('counts have no decimals', count, [[48211], '48,211'], [[2.4], '2']);
cases('times are UTC', timeOfDay, [['2020-03-12T14:32:07Z'], '14:32:07'], [[1584023527000], '14:32:07'], [['noon'], '\u2013'], [[null], '\u2013']);
cases(
  'a lag is seconds, minutes or hours',
  seconds,
  [[0.2], '0.2 s'],
  [[9.96], '10 s'],
  [[119], '119 s'],
  [[120], '2 min'],
  [[7199], '120 min'],
  [[7200], '2 h'],
  [[NaN], '\u2013'],
);
cases('known is a finite number', isKnown, [[0], true], [[NaN], false], [['0'], false], [[null], false]);
