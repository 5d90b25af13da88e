"""What came in stays: corrections, undos, restarts and late rows add versions, which the newest rows follow."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import Table, delete, event, func, insert, select, update

from services.pricing.pricing_state import PricingState
from services.records.incoming import Incoming
from services.uploads.apply_upload import apply_upload
from services.uploads.preview_upload import preview_upload
from services.uploads.undo_upload import UndoRefused, undo_upload
from services.writes.apply_incoming import apply_incoming
from services.writes.rebuild_projection import check_projection, rebuild_projection
from services.writes.restart_replay import restart_replay
from storage.core.database import Store
from storage.core.schema import (
    books,
    instruments,
    priced_with,
    pricing_parameters,
    quote_versions,
    quotes,
    record_versions,
    sensitivities,
    trades,
    withdrawals,
)
from storage.feeds.feeds import REPLAY, claim_feed
from storage.market.priced_with import parameters_priced_with
from storage.market.quote_history import forget_versions, observations_of, received_quotes
from storage.market.quotes import quotes_as_known
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, PARAMETERS, TUESDAY, quote, trade
from tests.services.uploads.test_preview_upload import ANN, csv_of

LOG: tuple[Table, ...] = (quote_versions, record_versions, withdrawals)
QUOTE_HEADER = "AsOfDate,Instrument,Quote"
KINDS: dict[str, tuple[Callable[[float], dict[str, Any]], str, Callable[[float], str]]] = {
    "trades": (
        lambda number: trade("C1", quantity=number),
        "TradeId,Ticker,Book,Product,Quantity,Strike,Maturity,OptionType",
        lambda number: f"C1,AAPL,EQ_VOL_HED,EQ_Option,{number},70,2020-06-19,call",
    ),
    "books": (
        lambda number: {"book": "EQ_VOL_HED", "desk": f"D{number}", "business_unit": "U", "region": "R"},
        "Book,Desk,BusinessUnit,Region",
        lambda number: f"EQ_VOL_HED,D{number},U,R",
    ),
    "instruments": (
        lambda number: {"ticker": "AAPL", "name": f"N{number}", "sector": "S", "region": "R", "currency": "USD"},
        "Ticker,Name,Sector,Region,Currency",
        lambda number: f"AAPL,N{number},S,R,USD",
    ),
    "parameters": (
        lambda number: {**PARAMETERS[0], "implied_vol": number / 100},
        "AsOfDate,Ticker,ImpliedVol,RiskFreeRate,DividendYield",
        lambda number: f"2020-03-09,AAPL,{number / 100},0.006,0.012",
    ),
}
TABLES: dict[str, Table] = {
    "trades": trades,
    "books": books,
    "instruments": instruments,
    "parameters": pricing_parameters,
    "quotes": quotes,
}


def log_of(store: Store) -> set[str]:
    """Every row of the log."""
    with store.read() as connection:
        return {f"{table.name} {row}" for table in LOG for row in map(repr, connection.execute(select(table)))}


def upload(store: Store, state: PricingState, header: str, *lines: str) -> int:
    preview = preview_upload(store, ANN, None, "file.csv", csv_of(*lines, header=header))
    batch_id = apply_upload(store, state, ANN, preview).batch_id
    assert batch_id is not None
    return batch_id


def restart(store: Store, state: PricingState) -> None:
    with store.bookkeeping() as connection:
        claim_feed(connection, REPLAY, "me", 1, datetime.now(UTC), 10.0, None)
    restart_replay(store, state, feed=REPLAY, owner="me", first_date=MONDAY, cursor={"row": 0})


def differences(store: Store) -> list[str]:
    with store.read() as connection:
        return list(map(str, check_projection(connection).differences))


def stored_of(store: Store, kind: str) -> list[str]:
    with store.read() as connection:
        return sorted(map(repr, connection.execute(select(TABLES[kind]))))


def record_steps(store: Store, state: PricingState, kind: str) -> Iterator[str]:
    """A record is corrected twice in a batch, uploaded, taken back and uploaded again."""
    record, header, line = KINDS[kind]
    change_records(store, state, kind, [record(20.0), record(21.0)], source="correction")
    yield "corrected"
    before = stored_of(store, kind)
    batch_id = upload(store, state, header, line(22.0))
    yield "uploaded"
    undo_upload(store, state, ANN, batch_id)
    assert stored_of(store, kind) == before, "value, source and revision are those of the correction"
    yield "taken back"
    upload(store, state, header, line(22.0))
    assert stored_of(store, kind) != before
    yield "uploaded again"


def quote_steps(store: Store, state: PricingState, _kind: str) -> Iterator[str]:
    """Ticks of a replay are corrected at their instant, late, uploaded over, taken back, and started again."""
    ticks = [quote("AAPL", 69.0, 60), quote("AAPL", 70.0, 120), quote("MSFT", 151.0, 60)]
    apply_quotes(store, state, ticks, source=REPLAY)
    yield "ticked"
    apply_quotes(store, state, [quote("AAPL", 71.0, 120)], source="correction")
    yield "corrected at the same instant"
    apply_quotes(store, state, [quote("AAPL", 50.0, 90)], source="late")
    closed = [quote("AAPL", 51.0, 9000), quote("AAPL", 52.0, 120)]
    apply_quotes(store, state, closed, source="closed", not_before=TUESDAY)
    yield "late"
    before = stored_of(store, "quotes")
    batch_id = upload(store, state, QUOTE_HEADER, "2020-03-09,AAPL,99", "2020-03-09,OXY,20")
    yield "uploaded"
    undo_upload(store, state, ANN, batch_id)
    assert stored_of(store, "quotes") == before
    yield "taken back"
    restart(store, state)
    with store.read() as connection:
        assert quotes_as_known(connection, MONDAY)["AAPL"].quote == 71.0, "the correction came from elsewhere"
        assert quotes_as_known(connection, MONDAY)["MSFT"].quote == 150.0, "what was there before the replay"
        assert {each.quote for each in received_quotes(connection, MONDAY)} == {68.0, 150.0, 52.0, 50.0, 51.0}
    yield "started again"
    apply_quotes(store, state, ticks, source=REPLAY)
    yield "played again"


@pytest.mark.parametrize("kind", [*KINDS, "quotes"])
def test_whatever_comes_history_before_it_stays(small_store: Store, state: PricingState, kind: str) -> None:
    before = log_of(small_store)
    for step in (quote_steps if kind == "quotes" else record_steps)(small_store, state, kind):
        after = log_of(small_store)
        assert before < after, step
        assert differences(small_store) == [], step
        before = after
    assert differences(small_store) == []


def test_both_quotes_of_an_instant_are_kept_and_the_later_counts(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 69.0, 60), quote("AAPL", 69.5, 60)], source="one batch")
    apply_quotes(small_store, state, [quote("AAPL", 70.0, 60)], source="another")
    at = quote("AAPL", 0.0, 60).observed_at
    with small_store.read() as connection:
        query = select(quote_versions.c.quote, quote_versions.c.source).where(quote_versions.c.observed_at == at)
        kept = connection.execute(query.order_by(quote_versions.c.revision, quote_versions.c.step)).all()
        day = observations_of(connection, MONDAY)
    assert list(map(tuple, kept)) == [(69.0, "one batch"), (69.5, "one batch"), (70.0, "another")]
    assert list(day.loc[day["instrument"] == "AAPL", "quote"]) == [68.0, 70.0]


def test_a_late_quote_that_comes_again_is_kept_once(small_store: Store, state: PricingState) -> None:
    late = [quote("AAPL", 50.0, -60), quote("AAPL", 50.0, -60), quote("MSFT", 3.0, -60)]
    for _ in range(2):
        assert apply_quotes(small_store, state, late, source="file").of("quotes").late == 3
    with small_store.read() as connection:
        query = select(quote_versions.c.instrument, func.count()).where(quote_versions.c.source == "file")
        assert dict(map(tuple, connection.execute(query.group_by(quote_versions.c.instrument)))) == {
            "AAPL": 1,
            "MSFT": 1,
        }


def test_a_version_says_where_it_came_from(small_store: Store, state: PricingState) -> None:
    upload(small_store, state, QUOTE_HEADER, "2020-03-09,AAPL,99", "2020-03-09,OXY,20")
    incoming = Incoming()
    for number, price in enumerate((70.0, 71.0)):
        record = {"as_of_date": quote("AAPL", 0.0, 600 + number).observed_at, "instrument": "AAPL", "quote": price}
        incoming.add("quotes", record, f"quotes, partition 0, offset {number}")
    apply_incoming(small_store, state, incoming, source="kafka")
    with small_store.read() as connection:
        query = select(quote_versions.c.quote, quote_versions.c.source, quote_versions.c.place)
        rows = {row.quote: (row.source, row.place) for row in connection.execute(query)}
    assert rows[99.0] == ("upload file.csv by ann", "line 2")
    assert rows[20.0] == ("upload file.csv by ann", "line 3")
    assert rows[71.0] == ("kafka", "quotes, partition 0, offset 1")


CHANGED = {
    "trades": {"quantity": 77.0},
    "books": {"desk": "odd"},
    "instruments": {"currency": "EUR"},
    "parameters": {"implied_vol": 0.77},
    "quotes": {"quote": 77.0},
}
DAMAGES: dict[str, Callable[[str], Any]] = {
    "deleted": lambda kind: delete(TABLES[kind]),
    "changed": lambda kind: update(TABLES[kind]).values(CHANGED[kind]),
    "of another source": lambda kind: update(TABLES[kind]).values(source="somebody"),
    "of another revision": lambda kind: update(TABLES[kind]).values(revision=77),
}


@pytest.mark.parametrize("kind", TABLES)
@pytest.mark.parametrize("damage", [*DAMAGES, "added"])
def test_damage_is_found_named_and_mended(small_store: Store, kind: str, damage: str) -> None:
    before, table = stored_of(small_store, kind), TABLES[kind]
    assert differences(small_store) == []
    with small_store.engine.begin() as connection:
        row = dict(connection.execute(select(table).limit(1)).mappings().one())
        key = {column.name: row[column.name] for column in table.primary_key.columns}
        chosen = [table.c[name] == value for name, value in key.items()]
        if damage == "added":
            text = next(name for name, value in key.items() if isinstance(value, str))
            key = {**key, text: "GHOST"}
            connection.execute(insert(table).values({**row, **key}))
        else:
            connection.execute(DAMAGES[damage](kind).where(*chosen))
    (found,) = differences(small_store)
    assert found.startswith(f"{kind} {', '.join(map(str, key.values()))}: "), found
    words = {"deleted": "the log has it, the table does not", "added": "the table has it, the log does not"}
    assert words.get(damage, "the log has") in found
    assert [str(each) for each in rebuild_projection(small_store).differences] == [found]
    assert stored_of(small_store, kind) == before
    assert differences(small_store) == []


def test_another_process_follows_a_rebuild(small_store: Store) -> None:
    """A sidecar that has the damaged rows in memory prices with the fixed ones."""
    with small_store.engine.begin() as connection:
        connection.execute(update(trades).where(trades.c.trade_id == "S1").values(quantity=5.0))
        connection.execute(update(pricing_parameters).values(implied_vol=0.9))
    sidecar = PricingState()
    apply_quotes(small_store, sidecar, [quote("AAPL", 68.5, 1)], source="tick")
    assert len(rebuild_projection(small_store).differences) == 2
    apply_quotes(small_store, sidecar, [quote("AAPL", 69.0, 2)], source="tick")
    with small_store.read() as connection:
        query = select(sensitivities.c.market_value).where(sensitivities.c.trade_id == "S1")
        assert connection.execute(query.where(sensitivities.c.as_of_date == MONDAY)).scalar() == -300 * 69.0
        assert parameters_priced_with(connection, MONDAY)["AAPL"].implied_vol == 0.4


def test_a_sound_store_gets_no_revision_from_a_rebuild(small_store: Store) -> None:
    with small_store.read() as connection:
        before = small_store.revisions(connection)
    assert rebuild_projection(small_store).differences == []
    with small_store.read() as connection:
        assert small_store.revisions(connection) == before


@contextmanager
def statements(store: Store) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        seen.append(statement)

    event.listen(store.engine, "before_cursor_execute", note)
    yield seen
    event.remove(store.engine, "before_cursor_execute", note)


def test_a_tick_appends_and_reads_nothing_of_history(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 69.0, 1), quote("MSFT", 151.0, 1)], source=REPLAY)
    with statements(small_store) as first:
        apply_quotes(small_store, state, [quote("AAPL", 69.1, 2), quote("MSFT", 151.1, 2)], source=REPLAY)
    for second in range(3, 20):
        apply_quotes(small_store, state, [quote("AAPL", 69.0 + second / 10, second)], source=REPLAY)
    apply_quotes(small_store, state, [quote("MSFT", 151.0, 20)], source=REPLAY)
    with statements(small_store) as later:
        apply_quotes(small_store, state, [quote("AAPL", 60.0, 30), quote("MSFT", 140.0, 30)], source=REPLAY)
    assert later == first
    of_history = [each for each in later if "quote_versions" in each or "record_versions" in each]
    assert [each.partition("(")[0].strip() for each in of_history] == ["INSERT INTO quote_versions"]
    assert not [each for each in later if "priced_with" in each or "withdrawals" in each]


def test_quotes_are_forgotten_but_for_the_closes(small_store: Store, state: PricingState) -> None:
    apply_quotes(small_store, state, [quote("AAPL", 69.0, 60), quote("AAPL", 70.0, 60)], source="ticks")
    batch_id = upload(small_store, state, QUOTE_HEADER, "2020-03-09,AAPL,99")
    tuesday = [quote("AAPL", 71.0, 0, TUESDAY), quote("AAPL", 72.0, 60, TUESDAY)]
    apply_quotes(small_store, state, tuesday, source="ticks")
    newest = stored_of(small_store, "quotes")
    assert forget_versions(small_store, 1) == 0, "Monday is one day before the newest date"
    assert forget_versions(small_store, 0) == 3
    assert stored_of(small_store, "quotes") == newest
    assert differences(small_store) == []
    with small_store.read() as connection:
        assert [each.quote for each in received_quotes(connection, MONDAY)] == [150.0, 99.0]
        assert len(received_quotes(connection, TUESDAY)) == 2
    before = log_of(small_store)
    with pytest.raises(UndoRefused, match="1 quote that it replaced is kept no more"):
        undo_upload(small_store, state, ANN, batch_id)
    assert log_of(small_store) == before


class TestPricedWith:
    def test_what_a_close_was_computed_with_is_kept_by_value(self, small_store: Store, state: PricingState) -> None:
        with small_store.read() as connection:
            known = parameters_priced_with(connection, MONDAY)
            revision = small_store.revisions(connection).revision
        assert (known["AAPL"].implied_vol, known["AAPL"].source) == (0.4, "2020-03-09")
        assert known["MSFT"].source == "default"
        apply_quotes(small_store, state, [quote("AAPL", 60.0, day=TUESDAY)], source="test")
        other = {**PARAMETERS[0], "implied_vol": 0.5}
        change_records(small_store, state, "parameters", [other], source="test")
        with small_store.read() as connection:
            assert parameters_priced_with(connection, MONDAY) == known, "the close was priced before"
            assert parameters_priced_with(connection, TUESDAY)["AAPL"].implied_vol == 0.5
            assert parameters_priced_with(connection, TUESDAY, revision) == {}

    def test_a_row_is_written_when_they_change_and_by_whichever_process(
        self, small_store: Store, state: PricingState
    ) -> None:
        other = PricingState()
        for second in range(1, 4):
            apply_quotes(small_store, state, [quote("AAPL", 68.0 + second, second)], source="one")
            apply_quotes(small_store, other, [quote("AAPL", 69.0 + second, second)], source="other")
        assert self.vols(small_store) == [0.4]
        for vol in (0.5, 0.4):
            change_records(small_store, other, "parameters", [{**PARAMETERS[0], "implied_vol": vol}], source="other")
            apply_quotes(small_store, state, [quote("AAPL", 70.0 + vol, vol * 100)], source="one")
        assert self.vols(small_store) == [0.4, 0.5, 0.4]

    def vols(self, store: Store) -> list[float]:
        table = priced_with.c
        with store.read() as connection:
            query = select(table.implied_vol).where(table.as_of_date == MONDAY, table.ticker == "AAPL")
            return list(connection.execute(query.order_by(table.revision)).scalars())
