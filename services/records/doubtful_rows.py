"""Say what looks wrong in rows that are taken: nobody refuses them, and somebody should look."""

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import date

from sqlalchemy import Connection, select

from engine.model import Product
from engine.snapshot.parameters import ParameterHistory
from services.records.how_many import grouped, how_many
from services.records.incoming import Incoming
from services.records.plausibility import (
    PlausibleBounds,
    last_quote,
    question_on_quote,
    questions_on_parameters,
    unusual_parameters,
)
from services.records.read_rows import ReadRecords
from storage.book.records import Record, read_plain_records
from storage.core.schema import books, instruments, quotes, trades
from storage.feeds.questioned_values import QuestionedValue
from storage.market.quotes import newest_as_of, quotes_as_known

_NAMED = 5
_PRICED = tuple(map(str, Product))
_FAR = 50.0
"""A strike that is so many times the quote, or such a part of it, is a slip more often than not."""


def doubts(kind: str, read: ReadRecords, connection: Connection | None = None) -> list[str]:
    """Words on the good rows of a kind, a line each. connection: to ask what the store knows; None: do not ask."""
    found = list(read.warnings)
    if kind == "trades":
        found += _unpriced_products(read.records)
    if kind == "quotes" and connection is not None:
        found += _unknown_instruments(connection, read.records)
    return found


def questioned_in_words(questioned: Sequence[QuestionedValue]) -> list[str]:
    """Words on values that can hardly be meant, a line a reason."""
    by_reason: dict[tuple[str, str], list[QuestionedValue]] = {}
    for value in questioned:
        by_reason.setdefault((value.column, value.reason), []).append(value)
    words = [
        f"{column}: {reason} ({how_many(len(values), 'row')}, the first of {values[0].instrument})"
        if len(values) > 1
        else str(values[0])
        for (column, reason), values in by_reason.items()
    ]
    more = len(words) - _NAMED
    return words if more <= 0 else [*words[:_NAMED], f"and {grouped(more)} more values that look wrong"]


def questioned_before(
    kind: str, read: ReadRecords, bounds: PlausibleBounds, connection: Connection | None = None
) -> list[QuestionedValue]:
    """Questions on rows that are not in the store yet. connection: to compare with it; None: each by itself."""
    if kind == "parameters":
        if connection is None:
            rows = zip(read.records, read.places, strict=True)
            return [question for record, place in rows for question in unusual_parameters(record, bounds, place)]
        known = ParameterHistory(read_plain_records(connection, "parameters"))
        return questions_on_parameters(read.records, read.places, known, bounds)
    if kind != "quotes" or connection is None or not read.records:
        return []
    incoming = Incoming()
    for record, place in zip(read.records, read.places, strict=True):
        incoming.add(kind, record, place)
    last = quotes_as_known(connection, max(quote.as_of_date for quote in incoming.quotes))
    found: list[QuestionedValue] = []
    for quote in incoming.quotes:
        question = question_on_quote(quote, last_quote(quote, (last.get(quote.instrument),)), bounds)
        found += [question] if question is not None else []
        last[quote.instrument] = quote
    return found


def implausible_trades(connection: Connection, records: list[Record]) -> list[str]:
    """Words on trades that the store takes and that can hardly be meant: a slip in a book, a date or a strike."""
    return [
        *_unknown_books(connection, records),
        *_matured(connection, records),
        *_far_strikes(connection, records),
        *_without_multiplier(records),
    ]


def _unpriced_products(records: Iterable[Record]) -> list[str]:
    found = Counter(str(record["product"]) for record in records if record["product"] not in _PRICED)
    if not found:
        return []
    rows = how_many(found.total(), "row")
    return [f"no engine prices the product {_names(found)}: {' and '.join(_PRICED)} are priced ({rows})"]


def _unknown_instruments(connection: Connection, records: Iterable[Record]) -> list[str]:
    known = set(connection.execute(select(instruments.c.ticker)).scalars())
    known |= set(connection.execute(select(trades.c.ticker).distinct()).scalars())
    found = Counter(str(record["instrument"]) for record in records if record["instrument"] not in known)
    if not known or not found:
        return []
    return [f"no instrument and no trade is called {_names(found)}: look for a slip ({how_many(found.total(), 'row')})"]


def _unknown_books(connection: Connection, records: Iterable[Record]) -> list[str]:
    known = set(connection.execute(select(books.c.book)).scalars())
    found = Counter(str(record["book"]) for record in records if record["book"] not in known)
    if not known or not found:
        return []
    rows = how_many(found.total(), "row")
    return [f"the hierarchy has no book {_names(found)}: its trades count as Unassigned ({rows})"]


def _matured(connection: Connection, records: Iterable[Record]) -> list[str]:
    as_of = newest_as_of(connection)
    found = [day for r in records if isinstance(day := r.get("maturity"), date) and as_of is not None and day < as_of]
    if not found:
        return []
    first = f"the earliest on {min(found)}"
    return [f"{how_many(len(found), 'row')} matured before {as_of}, {first}: expired trades are not priced"]


def _far_strikes(connection: Connection, records: Iterable[Record]) -> list[str]:
    as_of = newest_as_of(connection)
    query = select(quotes.c.instrument, quotes.c.quote).where(quotes.c.as_of_date == as_of)
    spots = {row.instrument: row.quote for row in connection.execute(query)}
    far = [
        (record["strike"], record["ticker"], spot)
        for record in records
        if record.get("strike") is not None
        and (spot := spots.get(record["ticker"])) is not None
        and not spot / _FAR <= record["strike"] <= spot * _FAR
    ]
    if not far:
        return []
    strike, ticker, spot = far[0]
    named = f"a strike of {strike:.10g} against a quote of {spot:.10g} for {ticker}"
    return [f"{named}: look for a slip ({how_many(len(far), 'row')} with a strike far from the quote)"]


def _without_multiplier(records: Iterable[Record]) -> list[str]:
    count = sum(r["product"] == Product.OPTION and "contract_multiplier" not in r for r in records)
    if not count:
        return []
    rows = how_many(count, "option has", "options have")
    return [f"{rows} no ContractMultiplier, and 1 is taken: a listed option usually has 100"]


def _names(found: Counter[str]) -> str:
    named = [name for name, _ in found.most_common(_NAMED)]
    more = f" and {grouped(len(found) - len(named))} more" if len(found) > len(named) else ""
    return ", ".join(named) + more
