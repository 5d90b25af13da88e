import assert from 'node:assert/strict';
import { test } from 'node:test';

import { Answers } from '../../../../live/assets/pivot/answers.js';

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
