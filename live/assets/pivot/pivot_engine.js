// The pivot's own engine: one in a page, loaded when the first pivot is shown.

import { make } from '../dom/dom.js';

const HIDDEN = `
  #export, #copy, #theme_icon, #new_panel, #debug_tabbar_tab { display: none !important; }
  regular-layout-frame::part(titlebar) { display: none !important; }
  .column-selector-column:has(.integer.type-icon):has(.expression-edit-button.disabled) { display: none !important; }
`;
let loaded = null;

// A client of the engine, from the address of its files: makes tables, and is what viewers load.
export function pivotEngine(folder) {
  loaded ??= load(folder).catch((error) => {
    loaded = null; // the next pivot tries again
    throw error;
  });
  return loaded;
}

// A viewer in a box, without what the board has in its own way: titles, themes, and exports that escape no formula; and
// without the key of the rows, the one integer among the columns that nobody computed.
export async function viewerIn(box, engine, theme) {
  const viewer = box.appendChild(make('perspective-viewer', 'db-viewer', { theme }));
  await viewer.load(engine);
  viewer.shadowRoot?.append(make('style', '', { text: HIDDEN }));
  return viewer;
}

async function load(folder) {
  const address = (name) => new URL(folder + name, location.origin).href;
  const styled = new Promise((resolve) => {
    const link = make('link', '', { rel: 'stylesheet', href: address('perspective-anywidget.css') });
    link.onload = link.onerror = resolve;
    document.head.append(link);
  });
  const engine = await import(address('perspective-anywidget.js'));
  await Promise.all([styled, engine.ready]);
  return engine.worker();
}
