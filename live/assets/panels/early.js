// Asks for the live tables of a page while Streamlit's own page is still on its way: its panels find them here.

import { pivotEngine } from '../pivot/pivot_engine.js';
import { queryOf, useFeed } from '../wire/feed.js';

const KEPT_MS = 20000; // which no panel has come for by then, none needs
const SAID = 'meta[name=deltaboard-early]';

/** @import { Query } from '../wire/feed.js' */

/**
 * @typedef {{ table: string, owner: string, pace: number | null }} EarlyTable
 * @typedef {{ tables: EarlyTable[], statuses: string[], engine: string | null }} Early as ui/asgi/preload.py says it
 */

// `tables`: name, owner and pace of each; `statuses`: those that count where the address names none; `engine`: the
// pivot's folder. The address says the rest, as the page itself will read it.
/** @param {Early} early */
function ask({ tables, statuses, engine }) {
  const asked = new URLSearchParams(location.search);
  /** @type {Query} */
  const whole = [['as_of', asked.get('as_of') ?? 'latest']];
  const filters = { statuses: asked.has('status') ? asked.getAll('status') : statuses, books: asked.getAll('book') };
  const chosen = queryOf({ as_of: asked.get('as_of'), filters });
  /** @type {Query} */
  const selection = ['path', 'ticker'].map((name) => /** @type {[string, string]} */ ([name, asked.get(name) ?? ''])).filter(([, value]) => value);
  /** @type {Record<string, Query>} */
  const queries = { market: whole, nodes: chosen, explore: chosen, trades: [...chosen, ...selection.slice(0, 1)] };
  for (const { table, owner, pace } of tables) {
    const { release } = useFeed(table, queries[table], () => {}, owner, pace);
    setTimeout(release, KEPT_MS);
  }
  if (engine) pivotEngine(engine).catch(() => {}); // whoever shows a pivot tries again, and says what is wrong
}

/** @type {HTMLMetaElement | null} */
const said = document.querySelector(SAID);
if (said) ask(JSON.parse(said.content));
