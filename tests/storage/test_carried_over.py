"""A store of the version that overwrote history, with the demo's fortnight in it, is carried over whole."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

import alembic.command
import alembic.config
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, Table, insert, select, text, update

from ingestion.sidecar.replay import read_ticks
from services.pricing.pricing_state import PricingState
from services.uploads.undo_upload import undo_upload
from services.writes.rebuild_projection import check_projection
from storage.book.records_at import versions_of
from storage.connection.settings import ROOT
from storage.core.database import Store
from storage.core.desk_schema import audit_entries, metadata, upload_batches, upload_rows
from storage.core.schema import quote_versions, quotes, record_versions, store_state, trades
from storage.market.quote_history import received_quotes
from storage.market.quotes import quotes_as_known
from storage.people.uploads import _plain
from tests.fixtures.databases import DATA, DATABASES, PostgresServer, Templates, load_demo_book
from tests.fixtures.small_book import MONDAY, trade
from tests.services.uploads.test_preview_upload import ANN

FIRST_TICK = datetime(2026, 1, 5, 9, tzinfo=UTC)
OF_BOTH = ("instrument", "as_of_date", "observed_at", "quote", "received_at", "source")
_numbers = count()
NEW = {"quote_versions", "withdrawals", "priced_with", "questioned_values"}


@pytest.fixture(params=DATABASES)
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """An empty store of the schema before the last migration."""
    server: PostgresServer | None = request.getfixturevalue("postgresql") if request.param == "postgresql" else None
    name = f"former_{next(_numbers)}"
    store = Store(server.create(name) if server else f"sqlite:///{tmp_path / name}.sqlite")
    config = alembic.config.Config()
    config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
    with store.engine.begin() as connection:
        config.attributes["connection"] = connection
        alembic.command.upgrade(config, "0007")
    yield store
    store.close()


@pytest.fixture
def former(empty: Store, templates: Templates) -> Store:
    """The demo's book and fortnight in it, as that version has written them."""
    demo = Store(templates.copy("sqlite", "demo", load_demo_book, None))
    with demo.read() as read, empty.engine.begin() as connection:
        connection.execute(store_state.delete())
        for table in metadata.sorted_tables:
            rows = [dict(row) for row in read.execute(select(table)).mappings()] if table.name not in NEW else []
            if rows:
                connection.execute(insert(table), rows)
        closes = [dict(row) for row in read.execute(select(quote_versions)).mappings()]
        fill(connection, [{name: row[name] for name in OF_BOTH} for row in closes])
    demo.close()
    return empty


def fill(connection: Connection, history: list[dict[str, Any]]) -> None:
    """The fortnight, a revision a row of ticks; each day's last is its close."""
    revision = connection.execute(select(store_state.c.revision)).scalar_one()
    newest: dict[tuple[date, str], dict[str, Any]] = {}
    for number, row in enumerate(read_ticks(DATA / "stock_price_tick_data.csv"), 1):
        received = FIRST_TICK + timedelta(seconds=number)
        for instrument, price in row.quotes:
            values = (instrument, row.as_of_date, row.observed_at, price, received, "replay")
            history.append(dict(zip(OF_BOTH, values, strict=True)))
            newest[row.as_of_date, instrument] = {**history[-1], "revision": revision + number}
    connection.execute(insert(former_table(connection, "quote_history")), history)
    connection.execute(insert(former_table(connection, "quotes")), list(newest.values()))
    connection.execute(update(store_state).values(revision=revision + number))


def former_table(connection: Connection, name: str) -> Table:
    """A table as it is in the store, its columns of our types."""
    table = Table(name, MetaData(), autoload_with=connection)
    for column in table.columns:
        known = quote_versions.c.get(column.name)
        column.type = column.type if known is None else known.type
    return table


def rows_of(store: Store, table: str, names: tuple[str, ...] = ()) -> list[str]:
    """What the database itself has of a table, in whatever schema."""
    with store.engine.connect() as connection:
        rows = connection.execute(text(f"SELECT {', '.join(names) or '*'} FROM {table}"))
        return sorted(map(repr, rows.mappings().all()))


def test_nothing_is_lost(former: Store) -> None:
    kept = [table.name for table in metadata.sorted_tables if table.name not in NEW]
    before = {table: rows_of(former, table) for table in kept}
    history = rows_of(former, "quote_history", OF_BOTH)
    assert len(history) > 39_000
    former.migrate()
    assert {table: rows_of(former, table) for table in kept} == before
    assert rows_of(former, "quote_versions", OF_BOTH) == history
    with former.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
        checked = check_projection(connection)
        assert (checked.differences, checked.rows["trades"] > 0) == ([], True)
        query = select(quote_versions.c.revision, quote_versions.c.is_late).where(
            quote_versions.c.as_of_date == date(2020, 3, 9), quote_versions.c.instrument == "AAPL"
        )
        day = connection.execute(query.order_by(quote_versions.c.observed_at)).all()
        newest = connection.execute(text("SELECT max(revision) FROM quotes WHERE as_of_date = '2020-03-09'")).scalar()
    assert {row.is_late for row in day} == {False}
    assert (day[0].revision, day[-1].revision) == (0, newest), "what nothing tells any more came before all"


def at(revision: int) -> datetime:
    """The instant of a revision."""
    return FIRST_TICK + timedelta(minutes=revision)


def stamped(revision: int, source: str, **more: Any) -> dict[str, Any]:
    return {"revision": revision, "source": source, **more}


def quoted(instrument: str, price: float, revision: int, source: str, minute: int = 0) -> dict[str, Any]:
    """A quote of Monday. revision: also tells when it was received."""
    observed = datetime(2020, 3, 9, 14, minute, tzinfo=UTC)
    values = (instrument, MONDAY, observed, price, at(revision), source)
    return dict(zip(OF_BOTH, values, strict=True))


def uploaded(batch_id: int, kind: str, revision: int, undone: int | None = None) -> dict[str, Any]:
    known = {"uploaded_at": at(revision), "user_name": "ann", "file_name": "f.csv", "content_hash": "0", "counts": {}}
    taken = {"undone_at": undone and at(undone), "undone_by": undone and "ann"}
    return {"batch_id": batch_id, "kind": kind, "mode": "all or nothing", "revision": revision, **known, **taken}


def note_undo(connection: Connection, batch_id: int, revision: int) -> None:
    said = {"recorded_at": at(revision), "user_name": "ann", "action": "undone", "revision": revision}
    of = {"audit_id": 1, "subject_kind": "upload", "subject_key": str(batch_id), "reason": "", "note": ""}
    connection.execute(insert(audit_entries).values(**said, **of, previous_hash="", hash="1"))


def test_undos_of_the_former_version_are_withdrawals(empty: Store) -> None:
    """It wrote a version for the record that holds again, and one that marks the other as removed."""
    first, other, new = trade("C1"), trade("C1", quantity=99.0), trade("NEW")
    texts = [{**each, "maturity": "2020-06-19"} for each in (first, other, new)]
    rows = [(1, texts[0], "feed"), (2, texts[1], "upload"), (2, texts[2], "upload")]
    rows += [(3, texts[0], "undo of upload 1 by ann"), (3, {**texts[2], "removed": True}, "undo of upload 1 by ann")]
    with empty.engine.begin() as connection:
        connection.execute(update(store_state).values(revision=3))
        connection.execute(insert(trades).values(**first, source="feed", revision=1))
        for revision, record, source in rows:
            version = stamped(revision, source, kind="trades", record_key=record["trade_id"], record=record)
            connection.execute(insert(record_versions).values(**version, recorded_at=at(revision), place="", step=0))
        connection.execute(insert(upload_batches).values(**uploaded(1, "trades", 2, undone=3)))
        note_undo(connection, 1, 3)
    versions = rows_of(empty, "record_versions")
    empty.migrate()
    assert rows_of(empty, "record_versions") == versions
    with empty.read() as connection:
        assert check_projection(connection).differences == []
        detail = [
            (version.revision, version.record["quantity"], version.removed, version.source)
            for version in versions_of(connection, "trades", record_versions.c.record_key.in_(["C1", "NEW"]))
        ]
    undo = "undo of upload 1 by ann"
    assert sorted(detail[1:3]) == [(2, 10.0, False, "upload"), (2, 99.0, False, "upload")]
    assert [detail[0], *sorted(detail[3:])] == [(1, 10.0, False, "feed"), (3, 10.0, False, undo), (3, 10.0, True, undo)]


def test_an_upload_that_the_former_version_wrote_over_a_quote_can_be_taken_back(empty: Store) -> None:
    before, after = quoted("AAPL", 68.0, 1, "tick"), quoted("AAPL", 70.0, 2, "upload")
    others = [quoted("MSFT", 150.0, 1, "tick"), quoted("MSFT", 149.0, 1, "tick", 1), quoted("OXY", 1.0, 1, "tick")]
    former_row = {"newest": {**before, "revision": 1}, "observation": before}
    with empty.engine.begin() as connection:
        connection.execute(update(store_state).values(revision=2))
        connection.execute(insert(former_table(connection, "quote_history")), [after, *others])
        newest = [{**after, "revision": 2}, {**others[0], "revision": 1}]
        connection.execute(insert(former_table(connection, "quotes")), newest)
        connection.execute(insert(upload_batches).values(**uploaded(7, "quotes", 2)))
        key = json.dumps([{"day": "2020-03-09"}, "AAPL", {"instant": before["observed_at"].isoformat()}])
        previous = json.loads(json.dumps(former_row, default=_plain))
        row = {"batch_id": 7, "record_key": key, "line": 2, "previous": previous}
        connection.execute(insert(upload_rows).values(row))
    empty.migrate()
    with empty.read() as connection:
        assert check_projection(connection).differences == []
        assert {name: known.quote for name, known in quotes_as_known(connection, MONDAY).items()} == {
            "AAPL": 70.0,
            "MSFT": 150.0,
        }, "what was no newest before is none now"
        assert {each.quote for each in received_quotes(connection, MONDAY)} == {70.0, 150.0, 149.0, 1.0}
    undo_upload(empty, PricingState(), ANN, 7)
    with empty.read() as connection:
        assert check_projection(connection).differences == []
        assert quotes_as_known(connection, MONDAY)["AAPL"].quote == 68.0
        revisions = dict(map(tuple, connection.execute(select(quotes.c.instrument, quotes.c.revision))))
    assert revisions == {"AAPL": 1, "MSFT": 1}
