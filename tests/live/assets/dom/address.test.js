import assert from 'node:assert/strict';
import { afterEach, test } from 'node:test';

import { pageAddress } from '../../../../live/assets/dom/address.js';

const standAt = (search) => Object.assign(globalThis, { location: { search } });

afterEach(() => delete globalThis.location);

test('another page is asked for with its parameters', () => {
  standAt('');
  assert.equal(pageAddress('trade'), 'trade');
  assert.equal(pageAddress('trade', { trade_id: 'A&B 1' }), 'trade?trade_id=A%26B+1');
  assert.equal(pageAddress('/list?included=no', { as_of: '2020-03-12' }), '/list?included=no&as_of=2020-03-12');
});

test('a demo identity goes along', () => {
  standAt('?person=Ana&book=X');
  assert.equal(pageAddress('trade', { trade_id: 'T1' }), 'trade?trade_id=T1&person=Ana');
  assert.equal(pageAddress('trade'), 'trade?person=Ana');
});
