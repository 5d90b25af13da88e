// What is said aloud to those who do not see the page: that numbers stand still and why, and that they go on. Never a
// tick. One voice for all panels of a page: what several of them say at the same moment is said once.

import { make } from './dom.js';

const GATHER_MS = 300;
/** @type {HTMLElement | null} */
let voice = null; // this file may be run before the page has a body
/** @type {Set<string>} */
const gathered = new Set();

/** @param {string} text */
export function announce(text) {
  voice ??= document.body.appendChild(make('div', 'db-voice', { role: 'status' }));
  if (!gathered.size) setTimeout(say, GATHER_MS);
  gathered.add(text);
}

function say() {
  if (voice) voice.textContent = [...gathered].join('. ');
  gathered.clear();
}
