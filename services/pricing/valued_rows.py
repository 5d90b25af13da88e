"""Values of an underlying at a quote as rows of the store: computed before the store is locked, where foreseen."""

from collections.abc import Iterable
from dataclasses import dataclass

from engine.valuation.pricer_build import BuiltPricer
from engine.valuation.underlying_pricer import Failure, UnderlyingPricer, Valued
from storage.market.quotes import Quote
from storage.market.sensitivities import FailedTrade, ValuationRows, ValuedTrades


@dataclass(frozen=True, slots=True)
class ValuedRows:
    """The rows of an underlying's fast engines at a quote. They hold for this pricer and this quote, and no others."""

    prepared: UnderlyingPricer
    quote: Quote
    valued: ValuedTrades | None
    failures: list[FailedTrade]

    def is_of(self, built: BuiltPricer, quote: Quote) -> bool:
        """Whether valuing this pricer at this quote would give the same."""
        return self.prepared is built.prepared and self.quote == quote

    def add_to(self, rows: ValuationRows) -> None:
        """Append them to what is written for a date."""
        if self.valued is not None:
            rows.valued.append(self.valued)
        rows.failures += self.failures


def value_live(prepared: UnderlyingPricer, quote: Quote) -> ValuedRows:
    """Value the trades of an underlying's fast engines at a quote."""
    return rows_of(prepared, prepared.value(quote.quote, prepared.live_groups), quote)


def rows_of(prepared: UnderlyingPricer, valued: Valued, quote: Quote) -> ValuedRows:
    """Values of an underlying's trades as rows, and of those that got none the reason."""
    known = None
    if len(valued.rows):
        known = ValuedTrades(
            risk_factor=prepared.ticker,
            spot=quote.quote,
            observed_at=quote.observed_at,
            parameters_source=prepared.parameters.source,
            trade_id=valued.trade_ids,
            priced_by=valued.priced_by,
            measures=valued.measures,
            parameters=prepared.parameters,
        )
    return ValuedRows(prepared, quote, known, failed_rows(prepared, valued.failures))


def failed_rows(prepared: UnderlyingPricer, failures: Iterable[Failure]) -> list[FailedTrade]:
    """Failures of an underlying's trades as rows."""
    return [(f.trade_id, prepared.ticker, f.reason, f.detail) for f in failures]
