import assert from 'node:assert/strict';
import { afterEach, beforeEach, mock, test } from 'node:test';

const sockets = [];

class Socket {
  constructor(address) {
    this.address = address;
    this.isClosed = false;
    sockets.push(this);
  }

  close() {
    this.isClosed = true;
  }
}

Object.assign(globalThis, { WebSocket: Socket, location: { origin: 'http://board' }, window: { addEventListener() {}, removeEventListener() {} } });
const { useFeed } = await import('../../../../live/assets/wire/feed.js');

const LONG_MS = 30000;
const RETRY_MS = 8000 * 1.25; // the longest
let used;

beforeEach(() => {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  sockets.length = 0;
  used = useFeed('nodes', [['as_of', 'latest']], () => {});
});

afterEach(() => {
  used.release();
  mock.timers.reset();
});

const status = (socket) => socket.onmessage({ data: JSON.stringify({ kind: 'status' }) });

test('a connection that was never answered is given up and opened again', () => {
  assert.equal(sockets.length, 1);
  mock.timers.tick(LONG_MS - 1);
  assert.ok(!sockets[0].isClosed);
  mock.timers.tick(1);
  assert.ok(sockets[0].isClosed);
  assert.equal(used.feed.connection, 'lost');
  mock.timers.tick(RETRY_MS);
  assert.equal(sockets.length, 2);
  sockets[1].onopen();
  assert.equal(used.feed.connection, 'open');
});

test('one that opened and says nothing is too; each word gives it as long again', () => {
  sockets[0].onopen();
  for (let said = 0; said < 3; said++) {
    mock.timers.tick(LONG_MS - 1);
    status(sockets[0]);
  }
  assert.ok(!sockets[0].isClosed);
  mock.timers.tick(LONG_MS);
  assert.ok(sockets[0].isClosed);
  mock.timers.tick(RETRY_MS);
  assert.equal(sockets.length, 2);
});

test('a late word of one that was given up changes nothing', () => {
  mock.timers.tick(LONG_MS);
  status(sockets[0]);
  sockets[0].onopen();
  assert.equal(used.feed.connection, 'lost');
  assert.equal(used.feed.status, null);
});

test('who was refused, paused or left is not opened again for its silence', () => {
  sockets[0].onclose({ code: 4403, reason: 'no role' });
  mock.timers.tick(LONG_MS - 1);
  assert.equal(sockets.length, 1);
  assert.equal(used.feed.connection, 'refused');
  mock.timers.tick(1); // by itself it asks again after half a minute
  assert.equal(sockets.length, 2);
  used.release();
  mock.timers.tick(2 * LONG_MS);
  assert.equal(sockets.length, 2);
});
