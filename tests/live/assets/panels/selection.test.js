import assert from 'node:assert/strict';
import { beforeEach, mock, test } from 'node:test';

import { choose, hearFromPython, isSelectedPath, onSelection, selected } from '../../../../live/assets/panels/selection.js';

const EMEA = { path: ['EMEA'] };
const AAPL = { ticker: 'AAPL' };
const told = [];
let later; // what happens when Python has not answered for some seconds
const emit = ({ click, ...selection }) => told.push([typeof click, selection]);

beforeEach(() => {
  mock.restoreAll();
  mock.method(globalThis, 'setTimeout', (step) => (later = step));
  hearFromPython(AAPL); // whatever was pending is over: this is news
  hearFromPython(null);
  hearFromPython(null);
  told.length = 0;
});

test('a click selects at once and tells Python; the same again clears', () => {
  choose(EMEA, emit);
  assert.deepEqual(selected(), EMEA);
  assert.ok(isSelectedPath(['EMEA']) && !isSelectedPath(['EMEA', 'x']) && !isSelectedPath([]));
  choose(EMEA, emit);
  assert.equal(selected(), null);
  assert.deepEqual(told, [['number', EMEA], ['number', {}]]);
});

test('an answer to a click that comes after the next one undoes nothing', () => {
  choose(EMEA, emit);
  choose(AAPL, emit);
  hearFromPython(EMEA);
  assert.deepEqual(selected(), AAPL);
  hearFromPython(AAPL);
  assert.deepEqual(selected(), AAPL);
});

test('a run from before the click undoes nothing', () => {
  choose(EMEA, emit);
  hearFromPython(null);
  assert.deepEqual(selected(), EMEA);
});

test('what Python says otherwise is the truth', () => {
  choose(EMEA, emit);
  hearFromPython(AAPL);
  assert.deepEqual(selected(), AAPL);
  choose(EMEA, emit);
  later(); // Python does not answer any more
  hearFromPython(AAPL);
  assert.deepEqual(selected(), AAPL);
});

test('whoever listens is told of changes, and no more when they leave', () => {
  const heard = [];
  const leave = onSelection((selection) => heard.push(selection));
  choose(EMEA, emit);
  hearFromPython(EMEA);
  leave();
  choose(AAPL, emit);
  assert.deepEqual(heard, [EMEA]);
});
