"""What came in, read and valid: rows by kind, ready for one transaction."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time

from engine.trading_calendar import as_of_date
from storage.book.records import RECORD_TABLES, Record
from storage.market.quotes import Quote


@dataclass(slots=True)
class Incoming:
    """Rows in the order of their arrival: records by kind (a key of ``RECORD_TABLES``), quotes, and sensitivities that
    somebody else has computed (fields of the sensitivities table; a measure that is absent or None is not known).

    places: kind -> where in its source each of its records was, for people ("line 17"); "" where nobody says.
    """

    records: dict[str, list[Record]] = field(default_factory=dict)
    quotes: list[Quote] = field(default_factory=list)
    sensitivities: list[Record] = field(default_factory=list)
    places: dict[str, list[str]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind, records in self.records.items():
            self.places.setdefault(kind, [""] * len(records))

    def add(self, kind: str, record: Record, place: str = "") -> None:
        """Add a valid record of any kind of ``RECORD_KINDS``. Raises ValueError for another kind."""
        if kind == "quotes":
            self.quotes.append(_quote(record, place))
        elif kind == "sensitivities":
            self.sensitivities.append(record)
        elif kind in RECORD_TABLES:
            self.records.setdefault(kind, []).append(record)
            self.places.setdefault(kind, []).append(place)
        else:
            raise ValueError(f"there are no {kind}")

    def extend(self, other: "Incoming") -> None:
        """Add all rows of another, after these."""
        for kind, records in other.records.items():
            self.records.setdefault(kind, []).extend(records)
            self.places.setdefault(kind, []).extend(other.places[kind])
        self.quotes += other.quotes
        self.sensitivities += other.sensitivities

    def __len__(self) -> int:
        return sum(map(len, self.records.values())) + len(self.quotes) + len(self.sensitivities)


def quote_of_date(as_of: date, instrument: str, quote: float, place: str = "") -> Quote:
    """A quote that has a date and no time: it counts as observed at the start of that day (UTC).

    It takes the place of a newer observation of the same date all the same, because whoever sends it means the newest;
    and any tick of the day that comes after it is newer than it.
    """
    return Quote(as_of, instrument, quote, datetime.combine(as_of, time.min, UTC), place)


def has_no_time(quote: Quote) -> bool:
    """Whether a quote was made by ``quote_of_date``."""
    return quote.observed_at == datetime.combine(quote.as_of_date, time.min, UTC)


def _quote(record: Record, place: str) -> Quote:
    moment = record["as_of_date"]
    if type(moment) is date:
        return quote_of_date(moment, record["instrument"], record["quote"], place)
    return Quote(as_of_date(moment), record["instrument"], record["quote"], moment, place)
