// What is told at the pointer of a chart stays while the chart ticks: with each update the engine forgets where the pointer is.

const EVERY_MS = 90;
const FOR_MS = 1000; // after an update: the engine draws beside the page, and does not say when it has

/** @typedef {{ target: HTMLElement, clientX: number, clientY: number }} Pointed */

// Returns what is to be called after each update of the chart in a box.
/** @param {HTMLElement} box */
export function keepPointer(box) {
  /** @type {Pointed | null} */
  let last = null;
  let aside = 0;
  let until = 0;
  let timer = 0;
  const moved = (/** @type {PointerEvent} */ event) => {
    const [target] = event.composedPath();
    last = target instanceof HTMLCanvasElement ? { target, clientX: event.clientX, clientY: event.clientY } : null;
  };
  box.addEventListener('pointermove', moved, true);
  box.addEventListener('pointerleave', () => (last = null));

  function again() {
    timer = 0;
    if (!last?.target.isConnected) return;
    const { target, clientX, clientY } = last;
    aside = 1 - aside; // the engine takes a pointer that did not move at all for one that has left
    target.dispatchEvent(new PointerEvent('pointermove', { clientX: clientX + aside, clientY })); // not seen outside of the chart
    if (Date.now() < until) timer = setTimeout(again, EVERY_MS);
  }

  return () => {
    if (!last) return;
    until = Date.now() + FOR_MS;
    timer ||= setTimeout(again, EVERY_MS);
  };
}
