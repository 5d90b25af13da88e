"""Which figures a trade has, in which unit, by which formula, and which of them may be summed."""

import re
from dataclasses import dataclass
from enum import StrEnum


class Additive(StrEnum):
    """Over what a measure may be summed."""

    ANYWHERE = "anywhere"
    """Over any trades, whatever their currencies: a number of trades."""
    ALWAYS = "always"
    """Over any trades in one currency."""
    WITHIN_UNDERLYING = "within one underlying"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Measure:
    """One figure of a trade: its name in code and store, its words on the screen, its unit and formula.

    ``formula`` uses the field's letters: V unit price, S spot, Q quantity, M contract multiplier, Greek names for the
    derivatives of V (per 1.00, theta per year).
    """

    name: str
    label: str
    unit: str
    decimals: int
    additive: Additive
    formula: str
    meaning: str

    @property
    def csv_name(self) -> str:
        """The CamelCase column of exported and imported files: ``cash_gamma_1pct`` is ``CashGamma1Pct``."""
        return camel_case(self.name)

    @property
    def help(self) -> str:
        """What a tooltip says: meaning, formula with its letters, and unit."""
        return f"{self.explained} Unit: {self.unit}."

    @property
    def explained(self) -> str:
        """Meaning, and formula with its letters."""
        used = [letter for letter in LETTERS if re.search(rf"\b{letter}(\b|²)", self.formula)]
        words = ", ".join(f"{letter} {LETTERS[letter]}" for letter in used if self.formula != letter)
        return f"{self.meaning} Formula: {self.formula}{f' ({words})' if words else ''}."


LETTERS = {"V": "unit price", "S": "spot", "Q": "quantity", "M": "contract multiplier"}
"""The letters of the formulas."""


def camel_case(name: str) -> str:
    """The file column of a snake_case name; digits keep their place: ``theta_1d`` is ``Theta1D``."""
    return "".join(re.sub("[a-z]", lambda letter: letter.group().upper(), part, count=1) for part in name.split("_"))


MEASURES: tuple[Measure, ...] = (
    Measure(
        "unit_price",
        "Unit price",
        "currency a share",
        4,
        Additive.NEVER,
        "V",
        "The model's value of one share's worth.",
    ),
    Measure("market_value", "Market value", "currency", 0, Additive.ALWAYS, "V × Q × M", "What the position is worth."),
    Measure(
        "delta_shares",
        "Delta, shares",
        "shares",
        0,
        Additive.WITHIN_UNDERLYING,
        "delta × Q × M",
        "The shares that move as the position does.",
    ),
    Measure(
        "cash_delta",
        "Cash delta",
        "currency",
        0,
        Additive.ALWAYS,
        "delta × Q × M × S",
        "The value of the shares that move as the position does.",
    ),
    Measure(
        "cash_gamma_1pct",
        "Gamma 1 %",
        "currency for +1 % of spot",
        0,
        Additive.ALWAYS,
        "gamma × S² × 0.01 × Q × M",
        "The change of cash delta when spot rises by 1 %, at today's spot.",
    ),
    Measure(
        "vega_1pt",
        "Vega 1 pt",
        "currency for +0.01 of volatility",
        0,
        Additive.ALWAYS,
        "vega × 0.01 × Q × M",
        "The change of market value when implied volatility rises by one point.",
    ),
    Measure(
        "theta_1d",
        "Theta 1 d",
        "currency a calendar day",
        0,
        Additive.ALWAYS,
        "theta ÷ 365 × Q × M",
        "The change of market value in one calendar day at the present rate of decay; at the money, the last day takes "
        "twice as much.",
    ),
    Measure(
        "rho_1bp",
        "Rho 1 bp",
        "currency for +0.0001 of rate",
        0,
        Additive.ALWAYS,
        "rho × 0.0001 × Q × M",
        "The change of market value when the risk-free rate rises by one basis point.",
    ),
    Measure(
        "dividend_rho_1bp",
        "Dividend rho 1 bp",
        "currency for +0.0001 of dividend yield",
        0,
        Additive.ALWAYS,
        "dividend rho × 0.0001 × Q × M",
        "The change of market value when the dividend yield rises by one basis point.",
    ),
)
"""The measures that are stored for a trade, in the order of their columns."""

DAY_PNL = Measure(
    "actual_pnl",
    "Day P&L",
    "currency",
    0,
    Additive.ALWAYS,
    "market value − market value at the previous close",
    "What the position gained since the previous close, by revaluation.",
)
"""Derived from two stored market values, and so not stored itself."""

DECAY_TO_CLOSE = Measure(
    "theta_to_close",
    "Decay to next close",
    "currency",
    0,
    Additive.ALWAYS,
    "market value at the next close − market value",
    "The change of market value until the close of the next trading day, at today's spot and parameters.",
)
"""Computed for one trade when it is asked for: it takes a valuation of its own. Not stored."""

MEASURE_NAMES: tuple[str, ...] = tuple(measure.name for measure in MEASURES)
CLOSE_COMPARED: tuple[str, ...] = (
    "market_value",
    "cash_delta",
    "cash_gamma_1pct",
    "vega_1pt",
    "theta_1d",
    "rho_1bp",
)
"""The measures that the board shows against the previous close."""
