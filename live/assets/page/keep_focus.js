// Where the keyboard is on a page that Streamlit draws anew after each step: not lost with a control that went or cannot
// be used at this moment, but on the same control again, else on its neighbour, else at the beginning of the page. And a
// popover, which stands at the end of the document, is walked right behind the button that opened it.

const FOCUSABLE = 'a[href], button, input, textarea, select, [tabindex]';
const DIALOG = '[role=dialog]';
const PANEL = '.db-panel';
const MAIN = '[data-testid=stMain]';
const REGIONS = `${MAIN}, [data-testid=stSidebar], ${DIALOG}`;
const AT_REST = '[data-testid=stApp][data-test-script-state=notRunning]';
const POPOVER = '[data-testid=stPopoverBody]';
const OPENER = '[data-testid=stPopover] button[aria-expanded=true]';
const UNFINISHED = `${MAIN} [data-testid=stSkeleton]`; // a control whose code is still on its way
const LONGEST_WAIT_MS = 30000; // for a control that is drawn anew, while the page says that it is busy
const LONGEST_FILES_WAIT_MS = 4000; // as long as a browser lets a key open a chooser of files
const FILES = '[data-testid=stFileUploader]';
const LOOK_EVERY_MS = 120; // whether it is lost: what takes an element away tells nobody

/**
 * @typedef {object} Focus
 * @property {HTMLElement} element
 * @property {HTMLElement} [over] what has it since in a menu or a popover
 * @property {string[]} keys the keys it is under, the innermost first
 * @property {string} label
 * @property {string[]} order the keys around it
 * @property {boolean} inDialog
 */

/** @type {Focus | null} */
let last = null; // what had the focus: the keys it is under, the innermost first, its label, and the keys around it
let walked = false; // whether the last key was Tab
let pointed = false; // whether one points rather than types: whoever does sees where one is
let restedBefore = false; // whether the page was at rest and the focus lost at the look before, too
/** @type {Focus | null} */
let beforeDialog = null; // what had it before a dialog opened
let pressedLost = 0; // when Enter or Space was pressed while the control under it was being drawn anew

const keyOf = (/** @type {Element} */ element) => element.getAttribute('class')?.match(/(?:^| )(st-key-\S+)/)?.[1];
const labelOf = (/** @type {Element} */ element) => element.getAttribute('aria-label') ?? (element.textContent ?? '').trim();
const usable = (/** @type {HTMLElement} */ element) => !element.matches(':disabled') && element.tabIndex >= 0 && element.getClientRects().length > 0;
/** @param {Element} element @returns {HTMLElement[]} */
const focusableIn = (element) => [...element.querySelectorAll(FOCUSABLE)].filter((each) => each instanceof HTMLElement);
const usableIn = (/** @type {Element} */ element) => focusableIn(element).filter(usable);

/** @param {Element | null} element @returns {element is HTMLInputElement} */
const isRadio = (element) => element instanceof HTMLInputElement && element.type === 'radio';
const wayIn = (/** @type {HTMLElement[]} */ elements) => elements.find((element) => isRadio(element) && element.checked) ?? elements[0];

/** @param {Element} element */
function keysOver(element) {
  /** @type {string[]} */
  const keys = [];
  for (let each = /** @type {Element | null} */ (element); each; each = each.parentElement) keys.push(...keysOf([each]));
  return keys;
}

/** @param {Iterable<Element>} elements */
const keysOf = (elements) => [...elements].map(keyOf).filter((key) => key !== undefined);

/** @param {FocusEvent} event */
function focused({ target }) {
  if (!(target instanceof HTMLElement)) return;
  if (target.closest(PANEL)) {
    last = null; // our panels look after themselves
    return;
  }
  const region = target.closest(REGIONS);
  if (!region) {
    if (last) last.over = target; // in a menu or a popover, which goes by itself
    return;
  }
  const inDialog = region.matches(DIALOG);
  if (inDialog && last && !last.inDialog) beforeDialog = last;
  const order = keysOf(region.querySelectorAll('[class*=st-key-]'));
  last = { element: target, keys: keysOver(target), label: labelOf(target), order, inDialog };
}

/** @param {string} key @param {string} label */
function under(key, label) {
  const found = [...document.querySelectorAll(`.${CSS.escape(key)}`)].flatMap(usableIn);
  return found.find((element) => labelOf(element) === label) ?? found[0];
}

/** @param {Focus} focus */
function heirOf({ element, keys, label, order, inDialog }) {
  if (element.isConnected && usable(element)) return element;
  const place = order.indexOf(keys[0]);
  const around = place < 0 ? [] : [...order.slice(place + 1), ...order.slice(0, place).reverse()];
  for (const key of [...keys, ...around]) {
    const heir = under(key, label);
    if (heir) return heir;
  }
  const region = (inDialog && document.querySelector(DIALOG)) || document.querySelector(MAIN);
  return region && wayIn(usableIn(region));
}

// At the second look: Streamlit says that it is at rest some moments before all that it has drawn is there.
function look() {
  const isLost = !pointed && last && document.activeElement === document.body && document.hasFocus();
  const isAtRest = isLost && document.querySelector(AT_REST) && !document.querySelector(UNFINISHED);
  if (isAtRest && restedBefore) giveBack();
  restedBefore = Boolean(isAtRest);
}

// Not where one went on, by Tab, to the browser's own controls: then what had the focus is still there.
function giveBack() {
  if (!last) return;
  const isThere = last.over ? last.over.isConnected : last.element.isConnected && usable(last.element);
  if (isThere && walked) return;
  const isAsked = document.querySelector(DIALOG) !== null;
  if (isAsked && !last.inDialog) return;
  const lost = last.inDialog && !isAsked ? beforeDialog : last;
  const heir = lost && heirOf(lost);
  heir?.focus({ focusVisible: true });
  const isSame = heir && lost && labelOf(heir) === lost.label && keysOver(heir)[0] === lost.keys[0];
  const longest = heir?.closest(FILES) ? LONGEST_FILES_WAIT_MS : LONGEST_WAIT_MS;
  if (isSame && Date.now() - pressedLost < longest) heir.click();
  pressedLost = 0;
}

// A key for a control that is away at this moment is not lost: it acts when the control is there again.
/** @param {KeyboardEvent} event */
function keepPress(event) {
  if (!last || pointed || document.activeElement !== document.body || (last.element.isConnected && usable(last.element))) return;
  if (event.repeat || !['Enter', ' '].includes(event.key) || !last.element.matches('a, button, summary')) return;
  pressedLost = Date.now();
  event.preventDefault();
}

// The browser would go through the whole page before it comes to the popover that was just opened.
/** @param {KeyboardEvent} event */
function walkPopover(event) {
  walked = event.key === 'Tab';
  const body = walked && document.querySelector(POPOVER);
  /** @type {HTMLElement | null} */
  const opener = document.querySelector(OPENER);
  if (!body || !opener) return;
  const here = document.activeElement;
  // A list that was opened and left takes its field out of the order until it is used again: it is still the way in.
  const inside = usableIn(body).length ? usableIn(body) : focusableIn(body).filter((element) => element.matches('input:enabled'));
  const sameGroup = (/** @type {Element} */ element) => isRadio(element) && isRadio(here) && element.name === here.name;
  if (here === opener) {
    if (event.shiftKey || !inside.length) return;
    event.preventDefault();
    wayIn(inside).focus();
  } else if (body.contains(here)) {
    const way = event.shiftKey ? inside.toReversed() : inside;
    if (way.slice(way.findIndex((element) => element === here) + 1).some((element) => !sameGroup(element))) return;
    opener.focus();
    if (event.shiftKey) event.preventDefault();
    else opener.click(); // done with it: the browser goes on from its button
  }
}

document.addEventListener('focusin', focused);
document.addEventListener('keydown', walkPopover);
document.addEventListener('keydown', keepPress);
document.addEventListener('pointerdown', () => (pointed = true), true);
document.addEventListener('keydown', () => (pointed = false), true);
setInterval(look, LOOK_EVERY_MS);
