// Keys act one after the other, however fast they come: what one asks for may take its time, and lead elsewhere. Each waits
// for those before it, and for none of them for ever.

const UNANSWERED_MS = 10_000; // so long a press waits that nobody answers
const LONGEST_MS = 60_000; // so long what a key does holds up the next

export class KeyQueue {
  constructor() {
    /** @type {Promise<unknown>} */
    this.acted = Promise.resolve();
  }

  // act: what the key does, when its turn has come.
  /** @param {() => Promise<void>} act */
  press(act) {
    this.acted = this.acted
      .then(() => Promise.race([act(), new Promise((resolve) => setTimeout(resolve, LONGEST_MS))]))
      .catch((error) => console.warn('deltaboard, pivot:', error));
    return this.acted;
  }
}

// What a press has asked for. `there` is kept when it is there, or when nobody has begun to answer for a while: an answer
// that has begun is waited for.
export class Asked {
  constructor() {
    this.done = () => {};
    /** @type {Promise<void>} */
    this.there = new Promise((resolve) => {
      this.done = resolve;
    });
    this.timer = setTimeout(this.done, UNANSWERED_MS);
  }

  // Waits for an answer from now on, however long it takes.
  begin() {
    clearTimeout(this.timer);
  }

  end() {
    clearTimeout(this.timer);
    this.done();
  }
}
