// How a measure is called and counted: what Python's registry says.

/**
 * @typedef {{ name: string, label: string, decimals: number, help: string }} Measure
 */

/** @type {Record<string, number>} */
const DECIMALS = { unit_price: 4, spot: 2 };

export class Measures {
  /** @param {Measure[] | null} [list] */
  constructor(list) {
    /** @type {Map<string, Measure>} */
    this.byName = new Map((list ?? []).map((measure) => [measure.name, measure]));
  }

  /** @param {string} name */
  label(name) {
    return this.byName.get(name)?.label ?? name;
  }

  /** @param {string} name */
  decimals(name) {
    return this.byName.get(name)?.decimals ?? DECIMALS[name] ?? 0;
  }

  /** @param {string} name */
  help(name) {
    const measure = this.byName.get(name);
    return measure?.help || measure?.label || null;
  }
}
