// How a measure is called and counted: what Python's registry says, with short names for narrow columns.

const SHORT = {
  market_value: 'Market value',
  cash_delta: 'Cash delta',
  cash_gamma_1pct: 'Gamma 1 %',
  vega_1pt: 'Vega 1 pt',
  theta_1d: 'Theta 1 d',
  rho_1bp: 'Rho 1 bp',
  dividend_rho_1bp: 'Div. rho 1 bp',
  actual_pnl: 'Day P&L',
  unit_price: 'Unit price',
};

const LONG = {
  ...SHORT,
  cash_gamma_1pct: 'Cash gamma 1 %',
  vega_1pt: 'Vega, 1 point',
  theta_1d: 'Theta, 1 day',
};

const DECIMALS = { unit_price: 4, spot: 2 };

export class Measures {
  constructor(list) {
    this.byName = new Map((list ?? []).map((measure) => [measure.name, measure]));
  }

  short(name) {
    return SHORT[name] ?? this.byName.get(name)?.label ?? name;
  }

  long(name) {
    return LONG[name] ?? this.byName.get(name)?.label ?? name;
  }

  decimals(name) {
    return this.byName.get(name)?.decimals ?? DECIMALS[name] ?? 0;
  }

  help(name) {
    const { help, label } = this.byName.get(name) ?? {};
    return help || label || null;
  }
}
