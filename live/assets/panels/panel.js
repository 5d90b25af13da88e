// Where a panel begins: Streamlit calls mount() at every rerun and theme change; the panel is built once and then only
// takes the new data.

// First, because it asks the server for what the others show.
import './early.js';
import { make } from '../dom/dom.js';
import { sayAll } from '../grid/kept_in_address.js';
import { hearFromPython } from './selection.js';
import { buildExplore } from './show_explore.js';
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
  explore: buildExplore,
};

const mounted = new WeakMap();

export function mount(component) {
  const { parentElement, data } = component;
  const styled = linkStyles();
  let panel = mounted.get(parentElement);
  if (panel && panel.kind !== data.panel) {
    panel.close();
    panel = null;
  }
  if (!panel) {
    panel = build(component, styled);
    mounted.set(parentElement, panel);
  }
  panel.setStateValue = component.setStateValue;
  panel.setTriggerValue = component.setTriggerValue;
  const said = JSON.stringify(data.selection ?? null);
  if (panel.said !== said) {
    panel.said = said;
    hearFromPython(data.selection ?? null);
  }
  panel.update(data);
  sayAll();
  return () => {
    if (mounted.get(parentElement) !== panel) return;
    mounted.delete(parentElement);
    panel.close();
  };
}

function build({ parentElement, data }, styled) {
  const builder = BUILDERS[data.panel];
  if (!builder) throw new Error(`there is no panel "${data.panel}"`);
  const host = parentElement.appendChild(make('div', 'db-host'));
  // Without its styles a panel has no shape to fill: it is not there before they are.
  host.style.display = 'none';
  styled.then(() => host.style.removeProperty('display'));
  const panel = { kind: data.panel };
  const tell = {
    state: (name, value) => panel.setStateValue?.(name, value),
    once: (name, value) => panel.setTriggerValue?.(name, value),
  };
  const emit = (selection) => tell.state('selection', selection);
  const built = builder(host, data.key ?? data.panel, emit, data, tell);
  panel.update = built.update;
  panel.close = () => {
    built.close();
    host.remove();
  };
  return panel;
}

// Resolves when the styles are there, and also when they cannot be had: a plain panel is better than none.
function linkStyles() {
  const href = new URL('./board.css', import.meta.url).href;
  const links = [...document.head.querySelectorAll('link[data-deltaboard]')];
  let link = links.find((candidate) => candidate.href === href);
  if (!link) {
    links.forEach((older) => older.remove());
    link = make('link', '', { rel: 'stylesheet', href, 'data-deltaboard': '' });
    link.styled = new Promise((resolve) => {
      link.onload = link.onerror = resolve;
    });
    document.head.append(link);
  }
  return link.styled ?? Promise.resolve();
}
