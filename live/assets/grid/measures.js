// How a measure is called and counted: what Python's registry says.

const DECIMALS = { unit_price: 4, spot: 2 };

export class Measures {
  constructor(list) {
    this.byName = new Map((list ?? []).map((measure) => [measure.name, measure]));
  }

  label(name) {
    return this.byName.get(name)?.label ?? name;
  }

  decimals(name) {
    return this.byName.get(name)?.decimals ?? DECIMALS[name] ?? 0;
  }

  help(name) {
    const { help, label } = this.byName.get(name) ?? {};
    return help || label || null;
  }
}
