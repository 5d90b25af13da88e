// Are we live, as of when, how far behind, and what is missing: one line.

import { pageAddress } from '../dom/address.js';
import { announce } from '../dom/announce.js';
import { make, setAttribute, setText } from '../dom/dom.js';
import { count, isKnown, plural, seconds, timeOfDay } from '../dom/format.js';
import { Frame, STALE_AFTER_MS } from './frame.js';
import { sayStore } from './say_store.js';

/** @import { Feed } from '../wire/feed.js' */
/** @import { FeedStatus, Status } from '../wire/wire.js' */
/** @import { PanelData } from './frame.js' */

/** @typedef {{ tone: string, text: string, title?: string, follows?: boolean }} Light */

/** @param {Element} host @param {string} key */
export function buildStatus(host, key) {
  const frame = new Frame(host, { kind: 'status', key, title: 'Status', skeleton: 'line', withHead: false });
  const line = frame.body.appendChild(make('div', 'db-status'));
  const dot = line.appendChild(make('span', 'db-dot', { 'aria-hidden': 'true' }));
  const state = line.appendChild(make('strong', 'db-state', { 'data-status': 'state' }));
  const asOf = line.appendChild(make('span', 'db-as-of', { 'data-status': 'as_of' }));
  const facts = line.appendChild(make('span', 'db-facts'));
  const lag = facts.appendChild(make('span', 'db-fact', { 'data-status': 'lag' }));
  const revision = facts.appendChild(make('span', 'db-fact', { 'data-status': 'revision' }));
  const letters = line.appendChild(make('a', 'db-pill', { 'data-status': 'dead_letters', hidden: '' }));
  const pill = line.appendChild(make('a', 'db-pill', { 'data-status': 'not_included', hidden: '' }));
  const defaults = line.appendChild(make('a', 'db-pill', { 'data-status': 'default_parameters', hidden: '' }));
  /** @type {Partial<PanelData>} */
  let latest = {};
  frame.message.remove(); // its one line says everything

  function show() {
    const { feed } = frame;
    const seen = newest(feed);
    const said = sayState(feed, latest.as_of);
    setAttribute(frame.root, 'data-tone', said.tone);
    setAttribute(dot, 'data-tone', said.tone);
    if (state.textContent && state.textContent !== said.text) announce(said.text);
    setText(state, said.text);
    setAttribute(state, 'title', said.title);
    const moment = seen.observedAt ? `${timeOfDay(seen.observedAt)} UTC, ` : '';
    setText(asOf, seen.date ? `\u00b7 as of ${moment}${seen.date}` : '');
    const behind = said.follows ? feed?.status?.feed?.lag_seconds : null;
    setText(lag, behind === null || behind === undefined ? '' : `${seconds(behind)} behind the feed`);
    setText(revision, seen.revision === undefined ? '' : `revision ${count(seen.revision)}`);
    setAttribute(frame.root, 'data-revision', seen.revision);
    setAttribute(frame.root, 'data-state', feed?.status || feed?.table ? 'ready' : 'loading');
    frame.skeleton.hidden = true;
    const url = listOf(latest);
    showPill(pill, feed?.status, url);
    showDefaults(defaults, feed?.status, url);
    showLetters(letters, feed?.status, url);
  }

  frame.show = show;
  frame.onStatus = () => frame.paintSoon();
  frame.showNote = show;
  return {
    /** @param {PanelData} next */
    update(next) {
      frame.update(next);
      latest = next;
      frame.use('market', [['as_of', next.as_of ?? 'latest']]); // any table says it: this one is there whatever the filters
      frame.paintSoon();
    },
    close: () => frame.close(),
  };
}

// The table may be ahead of the last status, and the other way round.
/** @param {Feed | undefined} feed */
function newest(feed) {
  const { status, table } = feed ?? {};
  if (status && (!table || status.revision >= table.revision || status.as_of_date !== table.asOfDate)) {
    return { revision: status.revision, observedAt: status.observed_at, date: status.as_of_date };
  }
  return table ? { revision: table.revision, observedAt: table.observedAt, date: table.asOfDate } : {};
}

/** @param {Feed | undefined} feed @param {string | undefined} asOf @returns {Light} */
function sayState(feed, asOf) {
  const now = Date.now();
  const status = feed?.status;
  if (feed?.connection === 'refused') return { tone: 'bad', text: feed.refusal || 'Not allowed to see this' };
  if (feed?.lostAt && (now - feed.lostAt > 1000 || !status)) {
    return { tone: 'bad', text: 'Connection lost, retrying', title: `Lost at ${timeOfDay(feed.lostAt)} UTC` };
  }
  if (!feed || !status) return { tone: 'idle', text: 'Connecting\u2026' };
  if (feed.isSilent(STALE_AFTER_MS)) return { tone: 'warn', text: `Stale since ${timeOfDay(feed.statusAt)} UTC` };
  const storeFault = sayStore(status);
  if (storeFault) return storeFault;
  const fault = (status.faults ?? []).find((one) => one.needed_live);
  if (fault) return { tone: 'bad', text: 'Not up to date', title: sayFaults(status) };
  const latest = status.latest_as_of_date;
  if (!latest) return { tone: 'warn', text: 'No quotes yet', title: 'Nothing has a value before quotes are loaded or a feed runs.' };
  if (asOf && asOf !== 'latest' && asOf !== latest) {
    if (asOf < latest) return { tone: 'idle', text: 'Earlier day', title: `The latest day is ${latest}.` };
    return { tone: 'idle', text: 'Later day', title: `No quotes have come for it: the latest day that has some is ${latest}.` };
  }
  const said = sayFeed(status.feed);
  return { ...said, title: [said.title, ...otherFeeds(status), sayFaults(status)].filter(Boolean).join('\n') };
}

// What does not work, here or in a sidecar, and why: a line each.
/** @param {Pick<Status, 'faults'>} status */
function sayFaults({ faults = [] }) {
  return faults.map(({ fault, task, reason, process }) => `${fault} (${task}, ${process}: ${reason})`).join('\n');
}

// All feeds, where there are several: each with its state and how far it is behind.
/** @param {Status} status */
function otherFeeds({ feeds = [] }) {
  if (feeds.length < 2) return [];
  return feeds.map(({ name, state, lag_seconds: lag, detail }) => {
    const behind = state === 'playing' && isKnown(lag) ? `, ${seconds(lag)} behind` : '';
    return `${name}: ${state}${behind}${detail ? ` (${detail})` : ''}`;
  });
}

/** @param {FeedStatus | undefined} feed @returns {Light} */
function sayFeed(feed) {
  const speed = feed?.speed ? `, ${count(feed.speed)} times as fast as it was` : '';
  switch (feed?.state) {
    case 'playing':
      return { tone: 'good', text: 'Live', title: `${feed.name ?? 'Feed'}${speed}`, follows: true };
    case 'paused':
      return { tone: 'warn', text: 'Paused', title: `${feed.name ?? 'The feed'} is paused.` };
    case 'ended':
      return { tone: 'warn', text: 'Replay over', title: 'The replay has come to its end. Start it again to see it move.' };
    default:
      return { tone: 'warn', text: 'No feed', title: 'No feed is running: what is shown is the last that came.' };
  }
}

// Where what is left out is listed, of the date that is looked at.
/** @param {Partial<PanelData>} data */
function listOf({ not_included_url: url, as_of: asOf }) {
  return url && pageAddress(url, asOf && asOf !== 'latest' ? { as_of: asOf } : {});
}

/** @param {HTMLElement} pill @param {Status | null | undefined} status @param {string | null | undefined} url */
function showPill(pill, status, url) {
  const missing = status?.not_included ?? {};
  const total = Object.values(missing).reduce((sum, trades) => sum + trades, 0);
  pill.hidden = total === 0;
  if (!total || !status) return;
  setText(pill, `${count(total)} of ${plural(status.trades, 'trade')} not included`);
  const reasons = Object.entries(missing).filter(([, trades]) => trades > 0);
  setAttribute(pill, 'title', reasons.map(([reason, trades]) => `${count(trades)} ${reason}`).join('\n'));
  setAttribute(pill, 'href', url);
}

/** @param {HTMLElement} pill @param {Status | null | undefined} status @param {string | null | undefined} url */
function showDefaults(pill, status, url) {
  const trades = status?.default_parameters ?? 0;
  pill.hidden = !trades;
  if (!trades) return;
  setText(pill, `Default parameters: ${plural(trades, 'trade')}`);
  setAttribute(pill, 'title', 'Their tickers have no parameters on this date. The list says how to fix it.');
  setAttribute(pill, 'href', url);
}

/** @param {HTMLElement} pill @param {Status | null | undefined} status @param {string | null | undefined} url */
function showLetters(pill, status, url) {
  const waiting = status?.dead_letters ?? 0;
  pill.hidden = !waiting;
  if (!waiting) return;
  setText(pill, `${plural(waiting, 'message')} set aside`);
  setAttribute(pill, 'title', 'They could not be taken. The list says why, and how to try them again.');
  setAttribute(pill, 'href', url);
}
