import assert from 'node:assert/strict';
import { test } from 'node:test';

import { sayStore } from '../../../../live/assets/panels/say_store.js';

test('a fault of the store is a red light with its cause', () => {
  assert.deepEqual(sayStore({ store: 'disk_full', store_detail: 'No room on /data.' }), { tone: 'bad', text: 'Store disk full', title: 'No room on /data.' });
  assert.equal(sayStore({ store: 'unreachable' }).title, 'The database does not answer.');
});

test('where all is well there is none', () => {
  for (const status of [null, undefined, {}, { store: 'ok' }]) assert.equal(sayStore(status), null);
});
