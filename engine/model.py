"""The words for trades and their states, and the columns of the frames that the engine takes."""

from enum import StrEnum


class OptionType(StrEnum):
    CALL = "call"
    PUT = "put"


class ExerciseStyle(StrEnum):
    EUROPEAN = "European"
    AMERICAN = "American"


class Product(StrEnum):
    """What the engine can price."""

    OPTION = "EQ_Option"
    STOCK = "EQ_Stock"


class TradeStatus(StrEnum):
    """A trade's state as people set it; that a trade has expired is derived from its maturity, never set."""

    LIVE = "Live"
    TERMINATED = "Terminated"


class NotPriced(StrEnum):
    """Why a trade has no value: the closed list of reasons; a detail in words goes with each."""

    EXPIRED = "expired"
    NO_QUOTE = "no quote"
    UNKNOWN_PRODUCT = "unknown product"
    INCOMPLETE_TERMS = "incomplete terms"
    NO_PARAMETERS = "no parameters"
    BAD_PARAMETERS = "bad parameters"
    REFUSED = "refused by the engine"
    TOO_LARGE = "size too large"
    WAITING = "waiting for its engine"


class Source(StrEnum):
    """Where a sensitivity came from."""

    ENGINE = "engine"


TRADE_COLUMNS: tuple[str, ...] = (
    "trade_id",
    "ticker",
    "book",
    "product",
    "quantity",
    "strike",
    "maturity",
    "option_type",
    "exercise_style",
    "contract_multiplier",
    "trade_status",
)
"""A trade frame: one row a trade; strike, maturity, option_type and exercise_style are missing for stock."""

PARAMETER_COLUMNS: tuple[str, ...] = ("as_of_date", "ticker", "implied_vol", "risk_free_rate", "dividend_yield")
"""A parameter frame: one row an as-of date and ticker; decimals, rates continuously compounded, Act/365F."""

FALLBACK_PARAMETERS: dict[str, float] = {"implied_vol": 0.30, "risk_free_rate": 0.001, "dividend_yield": 0.0163}
"""What an underlying without parameters of its own is priced with; the row then says "default"."""

UNASSIGNED = "Unassigned"
"""Region, business unit and desk of a book that the hierarchy does not know."""
