"""Say which trades are priced with default parameters, and how to fix it."""

from datetime import date, timedelta

import pandas as pd
from sqlalchemy import Connection

from engine.model import FALLBACK_PARAMETERS
from engine.snapshot.parameters import ARTICLE_DEFAULTS, NO_PARAMETERS, Parameters
from services.records.how_many import how_many
from storage.book.fallback_parameters import (
    similar_parameters,
    tickers_by_default,
    tickers_on_parameters_before,
    trades_by_default,
)
from storage.connection.settings import Settings
from storage.market.quotes import newest_as_of

_TICKERS_NAMED = 5
DEFAULTS_IN_WORDS = "volatility {implied_vol:.2%}, rate {risk_free_rate:.2%}, yield {dividend_yield:.2%}".format(
    **FALLBACK_PARAMETERS
)


def fallback_of(settings: Settings) -> Parameters:
    """What a ticker without parameters is priced with, as the settings want it."""
    return NO_PARAMETERS if settings.default_parameters == "refuse" else ARTICLE_DEFAULTS


def fallback_parameters_table(connection: Connection, as_of: date) -> pd.DataFrame:
    """The trades that are priced with default parameters at a date: trade_id, ticker, book, how_to_fix."""
    found = trades_by_default(connection, as_of)
    fixes = {ticker: _how_to_fix(connection, ticker, as_of) for ticker in {trade.ticker for trade in found}}
    rows = [(trade.trade_id, trade.ticker, trade.book, fixes[trade.ticker]) for trade in found]
    return pd.DataFrame(rows, columns=["trade_id", "ticker", "book", "how_to_fix"])


def fallback_parameters_text(connection: Connection) -> str:
    """One line for the command line; "" where no trade has the defaults at the newest date."""
    as_of = newest_as_of(connection)
    tickers = tickers_by_default(connection, as_of) if as_of is not None else {}
    if as_of is None or not tickers:
        return ""
    named = sorted(tickers)[:_TICKERS_NAMED]
    more = f" and {len(tickers) - len(named)} more" if len(tickers) > len(named) else ""
    which = how_many(sum(tickers.values()), "trade is", "trades are")
    fix = _how_to_fix(connection, named[0], as_of)
    return (
        f"default parameters: {which} priced with {DEFAULTS_IN_WORDS}, "
        f"because {', '.join(named)}{more} had no parameters on {as_of}. {fix}"
    )


def old_parameters_table(connection: Connection, as_of: date, days: int) -> pd.DataFrame:
    """The tickers whose options are priced at a date with parameters of so many days before it or older.

    Columns: ticker, parameters_of, trades.
    """
    found = tickers_on_parameters_before(connection, as_of, as_of - timedelta(days=days - 1))
    return pd.DataFrame(found, columns=["ticker", "parameters_of", "trades"])


def old_parameters_text(connection: Connection, days: int) -> str:
    """One line for the command line; "" where no ticker's parameters are old at the newest date."""
    as_of = newest_as_of(connection)
    found = old_parameters_table(connection, as_of, days) if as_of is not None else pd.DataFrame()
    if found.empty:
        return ""
    named = ", ".join(sorted(set(found["ticker"]))[:_TICKERS_NAMED])
    more = f" and {len(found) - _TICKERS_NAMED} more" if len(found) > _TICKERS_NAMED else ""
    which = how_many(int(found["trades"].sum()), "trade is", "trades are")
    return f"old parameters: {which} priced with parameters {days} days old or older ({named}{more}): load newer ones."


def _how_to_fix(connection: Connection, ticker: str, as_of: date) -> str:
    similar = similar_parameters(connection, ticker)
    if similar is None:
        return f"Load parameters of {ticker} for {as_of} or an earlier date."
    other, day = similar
    if other != ticker:
        return f"There are parameters of '{other}', which is another ticker: load them as '{ticker}'."
    if day > as_of:
        return f"The first parameters of {ticker} are for {day}: load some for {as_of} or an earlier date."
    return f"The parameters of {ticker} came when {as_of} was over: it keeps its values, later dates have them."
