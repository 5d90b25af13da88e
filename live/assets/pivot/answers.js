// What the page answers to what a panel has told it: an answer may come after the panel has told the next, and what a run
// from before it says may come late. Neither is news, and neither may undo what one sees.

export class Answers {
  constructor() {
    /** @type {string[]} */
    this.told = []; // what the page has not answered yet, oldest first
    this.heard = '';
  }

  /** @param {string} text */
  tell(text) {
    this.told.push(text);
  }

  // Whether what the page says now is something else than an answer.
  /** @param {string} text */
  isNews(text) {
    const before = this.heard;
    this.heard = text;
    const answered = this.told.indexOf(text);
    if (answered >= 0) this.told.splice(0, answered + 1);
    if (answered >= 0 || (this.told.length && text === before)) return false;
    this.told = [];
    return true;
  }
}
