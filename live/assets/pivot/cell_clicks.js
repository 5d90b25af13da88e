// Which clicks on cells a pivot still answers to: an answer may come late, when the pivot that was clicked is no more.

export class CellClicks {
  constructor() {
    this.arrangements = 0; // how often other trades have come behind the cells
    this.clickedIn = 0; // the arrangement of the last click
  }

  clicked() {
    this.clickedIn = this.arrangements;
  }

  arranged() {
    this.arrangements++;
  }

  // Whether what answers now answers to a click in the pivot as it is arranged.
  answers() {
    return this.clickedIn === this.arrangements;
  }
}
