"""What a writing process keeps in memory between transactions: trades, parameters and quotes, ready to price.

It is a cache of the store, never a truth of its own: at the start of each transaction it compares revisions with the
store and reads again what another process has changed.
"""

from datetime import date

import pandas as pd
from sqlalchemy import Connection

from engine.preparation import ARTICLE_DEFAULTS, Parameters, PreparedUnderlying, prepare_underlying
from engine.repricing import is_priced, parameters_at
from storage.database import WriteUnit
from storage.quotes import Quote, newest_as_of, quotes_as_known
from storage.records import read_records
from storage.sensitivities import priced_dates

_UNREAD = -1
_DATES_KEPT = 3


class PricingState:
    """Trades by ticker, parameters, quotes by as-of date, and the underlyings prepared from them."""

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Drop everything, after a transaction that failed: the next one reads the store again."""
        self._static_revision = _UNREAD
        self._quotes_revision = _UNREAD
        self._trades: dict[str, pd.DataFrame] = {}
        self._parameters = pd.DataFrame()
        self._parameters_at: dict[date, dict[str, Parameters]] = {}
        self._prepared: dict[tuple[date, str], PreparedUnderlying] = {}
        self._quotes: dict[date, dict[str, Quote]] = {}
        self.priced: set[date] = set()
        self.newest: date | None = None

    def refresh(self, unit: WriteUnit) -> None:
        """Read again what other processes have changed since this one last wrote."""
        if unit.before.static_revision != self._static_revision:
            self.reload_static(unit.connection)
            self._static_revision = unit.before.static_revision
        if unit.before.quotes_revision != self._quotes_revision:
            self.newest = newest_as_of(unit.connection)
            self.priced = set(priced_dates(unit.connection))
            self._quotes.clear()
            self._quotes_revision = unit.before.quotes_revision

    def wrote(self, unit: WriteUnit, *, static: bool, quotes: bool) -> None:
        """Note that this process itself changed them, in memory as in the store."""
        if static:
            self._static_revision = unit.revision
        if quotes:
            self._quotes_revision = unit.revision

    def reload_static(self, connection: Connection) -> None:
        """Read trades and parameters again, as the transaction of this connection sees them."""
        trades = read_records(connection, "trades")
        priced = trades[is_priced(trades["trade_status"])]
        self._trades = {str(ticker): frame for ticker, frame in priced.groupby("ticker")}
        self._parameters = read_records(connection, "parameters")
        self._parameters_at.clear()
        self._prepared.clear()

    def tickers(self) -> list[str]:
        """The underlyings that have trades to price."""
        return sorted(self._trades)

    def quotes(self, connection: Connection, as_of: date) -> dict[str, Quote]:
        """Instrument -> newest quote on or before a date; the caller keeps it up to date with what it writes."""
        if as_of not in self._quotes:
            self._quotes[as_of] = quotes_as_known(connection, as_of)
        return self._quotes[as_of]

    def drop_quotes(self) -> None:
        """Forget the quotes in memory after a change to dates that are not the newest: later dates may inherit them."""
        self._quotes.clear()

    def forget_from(self, first: date) -> None:
        """Forget what is known of this date and later ones: their quotes and values have been taken off the store."""
        self.drop_quotes()
        self.priced = {as_of for as_of in self.priced if as_of < first}
        self._prepared = {key: prepared for key, prepared in self._prepared.items() if key[0] < first}

    def is_prepared(self, as_of: date, ticker: str) -> bool:
        return (as_of, ticker) in self._prepared

    def prepared(self, as_of: date, ticker: str) -> PreparedUnderlying | None:
        """The trades on a ticker made ready for a date, or None when there are none."""
        trades = self._trades.get(ticker)
        if trades is None:
            return None
        known = self._prepared.get((as_of, ticker))
        if known is None:
            if as_of not in self._parameters_at:
                self._parameters_at[as_of] = parameters_at(self._parameters, as_of)
            parameters = self._parameters_at[as_of].get(ticker, ARTICLE_DEFAULTS)
            known = self._prepared[(as_of, ticker)] = prepare_underlying(ticker, trades, parameters, as_of)
            for old in sorted({key[0] for key in self._prepared})[:-_DATES_KEPT]:
                for key in [key for key in self._prepared if key[0] == old]:
                    del self._prepared[key]
        return known
