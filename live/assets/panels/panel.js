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

/** @import { PanelData } from './frame.js' */
/** @import { Emit, Selection } from './selection.js' */

/**
 * @typedef {(name: string, value: unknown) => void} Setter
 * @typedef {{ parentElement: HTMLElement, data: PanelData, setStateValue?: Setter, setTriggerValue?: Setter }} Component as Streamlit mounts it
 * @typedef {{ state: Setter, once: Setter }} Tell Python: a value that stays, or one of the moment
 * @typedef {{ update: (data: any) => void, close: () => void }} Built
 * @typedef {Built & { kind: string, said?: string, setStateValue?: Setter, setTriggerValue?: Setter }} Panel
 */

/** @type {Record<string, (host: HTMLElement, key: string, emit: Emit, data: any, tell: Tell) => Built>} */
const BUILDERS = {
  status: buildStatus,
  figures: buildFigures,
  market: buildMarket,
  summary: buildSummary,
  trades: buildTrades,
  explore: buildExplore,
};

/** @type {WeakMap<HTMLElement, Panel>} */
const mounted = new WeakMap();

/** @param {Component} component */
export function mount(component) {
  const { parentElement, data } = component;
  const styled = linkStyles();
  let panel = mounted.get(parentElement);
  if (panel && panel.kind !== data.panel) {
    panel.close();
    panel = undefined;
  }
  panel ??= build(component, styled);
  mounted.set(parentElement, panel);
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

/** @param {Component} component @param {Promise<unknown>} styled @returns {Panel} */
function build({ parentElement, data }, styled) {
  const builder = BUILDERS[data.panel];
  if (!builder) throw new Error(`there is no panel "${data.panel}"`);
  const host = parentElement.appendChild(make('div', 'db-host'));
  // Without its styles a panel has no shape to fill: it is not there before they are.
  host.style.display = 'none';
  styled.then(() => host.style.removeProperty('display'));
  /** @type {Tell} */
  const tell = {
    state: (name, value) => panel.setStateValue?.(name, value),
    once: (name, value) => panel.setTriggerValue?.(name, value),
  };
  const emit = (/** @type {Selection} */ selection) => tell.state('selection', selection);
  const built = builder(host, data.key ?? data.panel, emit, data, tell);
  /** @type {Panel} */
  const panel = {
    kind: data.panel,
    update: built.update,
    close() {
      built.close();
      host.remove();
    },
  };
  return panel;
}

// Resolves when the styles are there, and also when they cannot be had: a plain panel is better than none.
function linkStyles() {
  // From the joined file as from here.
  const href = new URL('../panels/board.css', import.meta.url).href;
  /** @type {(HTMLLinkElement & { styled?: Promise<unknown> })[]} */
  const links = [...document.head.querySelectorAll('link')].filter((each) => each.dataset.deltaboard !== undefined);
  let link = links.find((candidate) => candidate.href === href);
  if (!link) {
    links.forEach((older) => older.remove());
    link = make('link', '', { rel: 'stylesheet', href, 'data-deltaboard': '' });
    const fresh = link;
    link.styled = new Promise((resolve) => {
      fresh.onload = fresh.onerror = resolve;
    });
    document.head.append(link);
  }
  return link.styled ?? Promise.resolve();
}
