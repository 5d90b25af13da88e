// What Streamlit has of a component of ours: it mounts what another file exports, and fetches that again and again until
// it is there. A server that was busy for a moment must not leave a part of the page dead until somebody reloads it.

/** @import { Component } from './panel.js' */
/** @typedef {{ mount: (component: Component) => () => void }} Ours */

const ADDRESS = new URL('{address}', location.origin).href; // Python writes it
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 8000;
const WAITS = 'This part of the page could not be loaded yet. It is tried again by itself; if it stays so, reload the page.';
const FAILED = 'This part of the page could not be shown. Reload the page.';

/** @type {Promise<Ours> | null} */
let loading = null; // one for all: what is asked first is mounted first
let hasFailed = false;
/** @type {Set<() => void>} */
const waiting = new Set();

/** @param {number} [wait] @returns {Promise<Ours>} */
const load = (wait = FIRST_WAIT_MS) =>
  import(ADDRESS).catch(async (error) => {
    console.warn('deltaboard:', error);
    hasFailed = true;
    for (const say of waiting) say();
    await new Promise((resolve) => setTimeout(resolve, wait));
    return load(Math.min(2 * wait, LONGEST_WAIT_MS));
  });

/** @param {Component} component */
export default function (component) {
  const words = document.createElement('p');
  let isGone = false;
  const say = (/** @type {string} */ text) => {
    words.textContent = text;
    component.parentElement.append(words);
  };
  const sayThatItWaits = () => say(WAITS);
  const settle = () => {
    waiting.delete(sayThatItWaits);
    words.remove();
  };
  waiting.add(sayThatItWaits);
  if (hasFailed) sayThatItWaits();
  loading ??= load();
  const mounted = loading.then((ours) => {
    hasFailed = false;
    settle();
    return isGone ? () => {} : ours.mount(component);
  });
  mounted.catch((error) => {
    console.error(error);
    if (!isGone) say(FAILED);
  });
  return () => {
    isGone = true;
    settle();
    mounted.then((unmount) => unmount(), () => {});
  };
}
