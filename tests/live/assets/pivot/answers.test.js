import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Answers } from '../../../../live/assets/pivot/answers.js';
import { CellClicks } from '../../../../live/assets/pivot/cell_clicks.js';

test('what the page answers to what it was told is no news', () => {
  const answers = new Answers();
  assert.ok(answers.isNews('start'));
  answers.tell('a');
  answers.tell('b');
  assert.ok(!answers.isNews('start'), 'a run from before');
  assert.ok(!answers.isNews('a'));
  assert.ok(!answers.isNews('a'), 'said again while b is not answered');
  assert.ok(!answers.isNews('b'));
  assert.ok(answers.isNews('another view'));
});

test('an answer may leave out the ones before it', () => {
  const answers = new Answers();
  answers.tell('a');
  answers.tell('b');
  assert.ok(!answers.isNews('b'));
  assert.ok(answers.isNews('a'), 'nobody has told that since');
});

test('a click is answered, and the same click twice', () => {
  const clicks = new CellClicks();
  clicks.clicked();
  clicks.clicked();
  assert.deepEqual([clicks.answers(), clicks.answers()], [true, true]);
});

test('an answer to a click in an earlier arrangement is none', () => {
  const clicks = new CellClicks();
  clicks.clicked();
  assert.ok(clicks.answers());
  clicks.clicked(); // the panel is busy: its answer is late
  clicks.arranged();
  assert.ok(!clicks.answers());
  clicks.clicked();
  assert.ok(clicks.answers());
});
