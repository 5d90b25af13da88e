import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

import { Asked, KeyQueue } from '../../../../live/assets/pivot/key_queue.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));
const LONG_MS = 60_000;
let did;
let queue;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout'] });
  did = [];
  queue = new KeyQueue();
});
afterEach(() => mock.timers.reset());

const press = (name, until = async () => {}) =>
  queue.press(async () => {
    did.push(name);
    await until();
  });

test('keys act in their order, each when the one before has ended', async () => {
  let end;
  press('Enter', () => new Promise((resolve) => (end = resolve)));
  press('ArrowDown');
  press('End');
  await settled();
  assert.deepEqual(did, ['Enter']);
  end();
  await settled();
  assert.deepEqual(did, ['Enter', 'ArrowDown', 'End']);
});

test('one that fails, and one that never ends, hold up no other for ever', async () => {
  mock.method(console, 'warn', () => {});
  press('End', () => new Promise(() => {}));
  press('Enter', () => Promise.reject(new Error('the view is gone')));
  press('ArrowDown');
  await settled();
  mock.timers.tick(LONG_MS - 1);
  await settled();
  assert.deepEqual(did, ['End']);
  mock.timers.tick(1);
  await settled();
  assert.deepEqual(did, ['End', 'Enter', 'ArrowDown']);
});

test('an answer that has begun is waited for, however long it takes', async () => {
  const asked = new Asked();
  press('Enter', () => asked.there);
  press('ArrowDown');
  await settled();
  asked.begin();
  mock.timers.tick(LONG_MS - 1);
  await settled();
  assert.deepEqual(did, ['Enter']);
  asked.end();
  await settled();
  assert.deepEqual(did, ['Enter', 'ArrowDown']);
});

test('a press that nobody answers holds up the next for a while alone', async () => {
  press('Enter', () => new Asked().there);
  press('ArrowDown');
  await settled();
  mock.timers.tick(10_000);
  await settled();
  assert.deepEqual(did, ['Enter', 'ArrowDown']);
});
