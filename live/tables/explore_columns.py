"""Which columns the pivot has: their words, how they are shown, and over what each may be summed."""

from dataclasses import dataclass
from enum import StrEnum

from engine.measures import DAY_PNL, MEASURES, Additive, Measure


class Sums(StrEnum):
    """Over what the values of a column may be added up: over anything, or within one value of another column alone."""

    ALWAYS = ""
    WITHIN_CURRENCY = "Currency"
    WITHIN_UNDERLYING = "Underlying"
    WITHIN_CONTRACT = "Contract"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class NumberColumn:
    """A numeric column: the name of its values, its words, how it is shown and summed, what it means and its unit."""

    name: str
    label: str
    decimals: int
    sums: Sums
    help: str
    unit: str = ""


def _of(measure: Measure) -> NumberColumn:
    money = Sums.WITHIN_CURRENCY if "currency" in measure.unit else Sums.ALWAYS
    sums = {
        Additive.ALWAYS: money,
        Additive.WITHIN_UNDERLYING: Sums.WITHIN_UNDERLYING,
        Additive.NEVER: Sums.NEVER,
    }[measure.additive]
    return NumberColumn(measure.name, measure.label, measure.decimals, sums, measure.explained, measure.unit)


NUMBER_COLUMNS: tuple[NumberColumn, ...] = (
    NumberColumn("trades", "Trades", 0, Sums.ALWAYS, "How many trades.", "trades"),
    NumberColumn(
        "without_value", "Without a value", 0, Sums.ALWAYS, "How many trades have no value: no sum has them.", "trades"
    ),
    NumberColumn(
        "quantity",
        "Quantity",
        0,
        Sums.WITHIN_CONTRACT,
        "How many contracts or shares, short is negative.",
        "contracts or shares",
    ),
    NumberColumn("strike", "Strike", 2, Sums.NEVER, "The strike.", "currency a share"),
    NumberColumn("days", "Days to expiry", 0, Sums.NEVER, "From the as-of date to the maturity.", "calendar days"),
    NumberColumn("spot", "Spot", 2, Sums.NEVER, "The quote that the value was found with.", "currency a share"),
    NumberColumn(
        "moneyness", "Moneyness", 3, Sums.NEVER, "Spot ÷ strike of a call, strike ÷ spot of a put.", "none, a ratio"
    ),
    *(_of(measure) for measure in (*MEASURES, DAY_PNL)),
)

TEXT_COLUMNS: dict[str, str] = {
    "trade_id": "Trade",
    "contract": "Contract",
    "region": "Region",
    "business_unit": "Business unit",
    "desk": "Desk",
    "book": "Book",
    "underlying": "Underlying",
    "sector": "Sector",
    "issuer_region": "Issuer region",
    "currency": "Currency",
    "product": "Product",
    "option_type": "Option type",
    "exercise_style": "Exercise style",
    "expiry_bucket": "Expiry bucket",
    "moneyness_bucket": "Moneyness bucket",
    "trade_status": "Status",
    "priced_by": "Priced by",
    "parameters": "Parameters",
    "source": "Source",
    "reason": "Why no value",
}
"""Text columns: the name of the values -> their words, in the order in which they are offered."""
MATURITY = "Maturity"
ROW = "\N{WORD JOINER}"
"""The key of a row, an integer as nothing else is: the pivot hides it by that, and by a name that nobody can type."""
