// Which rows have just come: for a moment they stand out.

const FRESH_MS = 2500;

export class Newcomers {
  /** @param {() => void} repaint */
  constructor(repaint) {
    /** @type {Set<string>} */
    this.keys = new Set();
    /** @type {Set<ReturnType<typeof setTimeout>>} */
    this.timers = new Set();
    this.repaint = repaint;
  }

  /** @param {string[]} keys */
  add(keys) {
    if (!keys.length) return;
    keys.forEach((key) => this.keys.add(key));
    const timer = setTimeout(() => {
      this.timers.delete(timer);
      keys.forEach((key) => this.keys.delete(key));
      this.repaint();
    }, FRESH_MS);
    this.timers.add(timer);
  }

  /** @param {Element} element @param {string} key */
  mark(element, key) {
    element.classList.toggle('db-new', this.keys.has(key));
  }

  close() {
    this.timers.forEach((timer) => clearTimeout(timer));
  }
}
