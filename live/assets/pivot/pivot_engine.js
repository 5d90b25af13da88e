// The pivot's own engine: one in a page, loaded when the first pivot is shown.

import { make } from '../dom/dom.js';

/**
 * How a pivot is arranged, as its engine saves it.
 * @typedef {object} PivotConfig
 * @property {string} [plugin]
 * @property {object} [plugin_config]
 * @property {string[]} group_by
 * @property {string[]} split_by
 * @property {(string | null)[]} columns
 * @property {[name: string, way: string][]} sort
 * @property {Filter[]} filter
 * @property {Record<string, string | { expr: string }>} expressions
 * @property {Record<string, Aggregate>} [aggregates]
 * @property {Record<string, Look>} [columns_config]
 * @property {string} [group_rollup_mode]
 * @property {string} [split_rollup_mode]
 */

/**
 * @typedef {[name: string, operator: string, value: any]} Filter
 * @typedef {string | string[]} Aggregate a name, or a name and what it is weighted by
 * @typedef {{ number_format?: object, date_format?: object }} Look of a column
 * @typedef {Record<string, string>} Schema name of a column -> its type
 * @typedef {{ label: string, decimals: number, sums: Within }} NumberColumn of live/tables/explore_columns.py
 * @typedef {'' | 'Currency' | 'Underlying' | 'Contract' | 'never'} Within what its numbers add up; '': everywhere
 */

/**
 * What of the engine is used here; it is known by its documentation, and not typed by itself.
 * @typedef {{ num_rows(): Promise<number>, num_columns(): Promise<number>, to_arrow(): Promise<ArrayBuffer> }} View
 * @typedef {object} EngineTable
 * @property {() => Promise<Schema>} schema
 * @property {(rows: ArrayBuffer) => Promise<void>} update
 * @property {(rows: ArrayBuffer) => Promise<void>} replace
 * @property {(keys: number[]) => Promise<void>} remove
 * @property {(expressions: object) => Promise<{ expression_schema: Schema }>} validate_expressions
 * @property {() => Promise<void>} delete
 */

/**
 * @typedef {{ table(rows: ArrayBuffer, options: { index: string, name: string }): Promise<EngineTable> }} Engine
 * @typedef {object} ViewerCalls
 * @property {(engine: Engine) => Promise<void>} load
 * @property {(config: Partial<PivotConfig> & Record<string, unknown>) => Promise<void>} restore
 * @property {() => Promise<PivotConfig & Record<string, unknown>>} save
 * @property {() => Promise<View>} getView
 * @property {() => Promise<void>} flush
 * @property {(open?: boolean) => Promise<void>} toggleConfig
 * @property {() => Promise<void>} delete
 */

/**
 * @typedef {HTMLElement & ViewerCalls} Viewer
 * @typedef {{ row?: Record<string, any> | null, config?: { filter?: Filter[] } | null }} Clicked on a cell
 */

const HIDDEN = `
  #export, #copy, #theme_icon, #new_panel, #debug_tabbar_tab { display: none !important; }
  regular-layout-frame::part(titlebar) { display: none !important; }
  .column-selector-column:has(.integer.type-icon):has(.expression-edit-button.disabled) { display: none !important; }
`;
/** @type {Promise<Engine> | null} */
let loaded = null;

// A client of the engine, from the address of its files: makes tables, and is what viewers load.
/** @param {string} folder @returns {Promise<Engine>} */
export function pivotEngine(folder) {
  loaded ??= load(folder).catch((error) => {
    loaded = null; // the next pivot tries again
    throw error;
  });
  return loaded;
}

/** @param {Event} event of a viewer @returns {Clicked} */
export const clickOf = (event) => (event instanceof CustomEvent ? event.detail : {});

// A viewer in a box, without what the board has in its own way: titles, themes, and exports that escape no formula; and
// without the key of the rows, the one integer among the columns that nobody computed.
/** @param {HTMLElement} box @param {Engine} engine @param {string} theme */
export async function viewerIn(box, engine, theme) {
  const viewer = /** @type {Viewer} */ (box.appendChild(make('perspective-viewer', 'db-viewer', { theme })));
  await viewer.load(engine);
  viewer.shadowRoot?.append(make('style', '', { text: HIDDEN }));
  return viewer;
}

/** @param {string} folder */
async function load(folder) {
  const address = (/** @type {string} */ name) => new URL(folder + name, location.origin).href;
  const styled = new Promise((resolve) => {
    const link = make('link', '', { rel: 'stylesheet', href: address('perspective-anywidget.css') });
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
  const engine = await import(address('perspective-anywidget.js'));
  await Promise.all([styled, engine.ready]);
  return engine.worker();
}
