// Where a panel begins: Streamlit calls mount() at every rerun and theme change; the panel is built once and then only
// takes the new data.

import { make } from './dom.js';
import { hearFromPython } from './selection.js';
import { buildFigures } from './show_figures.js';
import { buildMarket } from './show_market.js';
import { buildStatus } from './show_status.js';
import { buildSummary } from './show_summary.js';
import { buildTrades } from './show_trades.js';

const BUILDERS = {
  status: buildStatus,
  figures: buildFigures,
  market: buildMarket,
  summary: buildSummary,
  trades: buildTrades,
};

const VERSION = new URL(import.meta.url).search;
const mounted = new WeakMap();

export function mount(component) {
  const { parentElement, data } = component;
  linkStyles();
  let panel = mounted.get(parentElement);
  if (panel && panel.kind !== data.panel) {
    panel.close();
    panel = null;
  }
  if (!panel) {
    panel = build(component);
    mounted.set(parentElement, panel);
  }
  panel.setStateValue = component.setStateValue;
  const said = JSON.stringify(data.selection ?? null);
  if (panel.said !== said) {
    panel.said = said;
    hearFromPython(data.selection ?? null);
  }
  panel.update(data);
  return () => {
    if (mounted.get(parentElement) !== panel) return;
    mounted.delete(parentElement);
    panel.close();
  };
}

function build({ parentElement, data }) {
  const builder = BUILDERS[data.panel];
  if (!builder) throw new Error(`there is no panel "${data.panel}"`);
  const host = parentElement.appendChild(make('div', 'db-host'));
  const panel = { kind: data.panel };
  const emit = (selection) => panel.setStateValue?.('selection', selection);
  const built = builder(host, data.key ?? data.panel, emit, data);
  panel.update = built.update;
  panel.close = () => {
    built.close();
    host.remove();
  };
  return panel;
}

function linkStyles() {
  const href = new URL(`./board.css${VERSION}`, import.meta.url).href;
  const links = [...document.head.querySelectorAll('link[data-deltaboard]')];
  if (links.some((link) => link.href === href)) return;
  links.forEach((link) => link.remove());
  document.head.append(make('link', '', { rel: 'stylesheet', href, 'data-deltaboard': '' }));
}
