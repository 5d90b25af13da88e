"""Setting the status of trades: with the audit in one transaction, never over one another, undone, and quick."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import select

from engine.measures import MEASURE_NAMES
from services.access.permissions import NotAllowed, Role, User
from services.access.reasons import NotPossible
from services.pricing.pricing_state import PricingState
from services.tagging import tag_trades as tagging
from services.tagging.define_statuses import define_status, undefine_status
from services.tagging.tag_trades import TagConflicts, Tagged, tag_trades, undo_tags
from storage.book.trade_statuses import DefinedStatus, shown_statuses
from storage.core.change_log import read_since
from storage.core.database import Store
from storage.core.schema import trades
from storage.people.audit import read_audit, verify_audit
from storage.read_models.read_models import sensitivities_frame
from tests.fixtures.applying import apply_quotes, change_records
from tests.fixtures.small_book import MONDAY, TUESDAY, quote

MAX = User("Max", frozenset({Role.MANAGER}))
MIA = User("Mia", frozenset({Role.MANAGER}))
ADA = User("Ada", frozenset({Role.ADMIN}))
VERA = User("Vera", frozenset({Role.VIEWER}))
LIVE = {"C1": "Live", "P1": "Live"}
DISPUTED = DefinedStatus("Disputed", is_priced=True, is_shown=True, meaning="The other side sees it otherwise.")
PARKED = DefinedStatus("Parked", is_priced=False, is_shown=False, meaning="Not ours for now.")


def status_of(store: Store, *trade_ids: str) -> list[str]:
    with store.read() as connection:
        query = select(trades.c.trade_id, trades.c.trade_status).where(trades.c.trade_id.in_(trade_ids))
        found = {row.trade_id: row.trade_status for row in connection.execute(query)}
    return [found[trade_id] for trade_id in trade_ids]


def audit_of(store: Store) -> list[tuple[Any, ...]]:
    """Who did what to which trade, from what to what, the oldest first."""
    with store.read() as connection:
        assert verify_audit(connection) is None
        found = reversed(read_audit(connection))
    return [
        (
            e.user_name,
            e.action,
            e.subject_key,
            (e.before or {}).get("trade_status"),
            (e.after or {}).get("trade_status"),
        )
        for e in (stored.entry for stored in found)
    ]


def revision_of(store: Store) -> int:
    with store.read() as connection:
        return store.revisions(connection).revision


def terminate(
    store: Store, state: PricingState, seen: dict[str, str], user: User = MAX, **more: Any
) -> Tagged | TagConflicts:
    return tag_trades(store, state, user, seen, "Terminated", "sold", **more)


def comes_before_the_lock(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Let another writer be done right before the next unit of work takes the lock."""
    real = tagging.unit_of_work  # type: ignore[attr-defined]

    def later(*arguments: Any, **named: Any) -> Any:
        monkeypatch.setattr(tagging, "unit_of_work", real)
        act()
        return real(*arguments, **named)

    monkeypatch.setattr(tagging, "unit_of_work", later)


class TestTagging:
    def test_a_status_and_its_audit_are_one_transaction(self, small_store: Store, state: PricingState) -> None:
        before = revision_of(small_store)
        tagged = terminate(small_store, state, LIVE, note="to\nthe\x00 bank")
        assert (tagged.revision, tagged.trades, tagged.unchanged) == (before + 1, ["C1", "P1"], 0)
        assert status_of(small_store, "C1", "P1", "A1") == ["Terminated", "Terminated", "Live"]
        assert audit_of(small_store) == [
            ("Max", "set status", "C1", "Live", "Terminated"),
            ("Max", "set status", "P1", "Live", "Terminated"),
        ]
        with small_store.read() as connection:
            stored = read_audit(connection)
            entry = read_since(connection, before)
        assert [each.audit_id for each in stored] == [2, 1] == tagged.audit_ids[::-1]
        assert {(each.entry.reason, each.entry.note, each.revision) for each in stored} == {
            ("sold", "to the bank", before + 1)
        }
        assert entry is not None
        assert not entry[0].reload, "boards are told of the trades alone"
        assert {table for table, _ in entry[0].tables} == {"trades"}

    def test_the_same_again_is_no_entry(self, small_store: Store, state: PricingState) -> None:
        terminate(small_store, state, LIVE)
        before = revision_of(small_store)
        assert terminate(small_store, state, {"C1": "Terminated", "P1": "Live"}) == Tagged(unchanged=2)
        assert terminate(small_store, state, {"C1": "Terminated", "A1": "Live"}).trades == ["A1"]
        assert len(audit_of(small_store)) == 3
        assert revision_of(small_store) == before + 1

    def test_terminated_trades_are_priced_no_more_and_keep_their_last_value(
        self, small_store: Store, state: PricingState
    ) -> None:
        terminate(small_store, state, {"C1": "Live"})
        apply_quotes(small_store, state, [quote("AAPL", 60.0, 5)], source="test")
        with small_store.read() as connection:
            spots = sensitivities_frame(connection, MONDAY).set_index("trade_id")["spot"]
        assert (spots["C1"], spots["P1"]) == (68.0, 60.0)

    def test_other_processes_price_them_no_more_either(self, small_store: Store, state: PricingState) -> None:
        terminate(small_store, PricingState(), {"C1": "Live"})
        apply_quotes(small_store, state, [quote("AAPL", 60.0, 5)], source="test")
        with small_store.read() as connection:
            assert sensitivities_frame(connection, MONDAY).set_index("trade_id")["spot"]["C1"] == 68.0

    @pytest.mark.parametrize(
        ("status", "reason", "said"),
        [
            ("Gone", "sold", "Nobody has defined the status 'Gone': there are Live, Terminated."),
            ("Expired", "sold", "Nobody has defined the status 'Expired'"),
            ("Terminated", "  ", "A change of status needs a reason: say why."),
            ("Terminated", "x" * 201, "A reason has at most 200 characters"),
        ],
    )
    def test_what_cannot_be(self, small_store: Store, state: PricingState, status: str, reason: str, said: str) -> None:
        with pytest.raises(NotPossible, match=said):
            tag_trades(small_store, state, MAX, LIVE, status, reason)
        assert status_of(small_store, "C1") == ["Live"]
        assert audit_of(small_store) == []

    def test_nothing_is_half_done(
        self, small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def fails(*_: Any) -> None:
            raise RuntimeError("the disk is full")

        monkeypatch.setattr(tagging, "append_audit", fails)
        with pytest.raises(RuntimeError):
            terminate(small_store, state, LIVE)
        assert status_of(small_store, "C1", "P1") == ["Live", "Live"]
        monkeypatch.undo()
        assert terminate(small_store, state, LIVE).audit_ids == [1, 2]

    @pytest.mark.parametrize("user", [VERA, ADA, User("Ana", frozenset({Role.ANALYST})), User("Nobody")])
    def test_only_a_manager_may(self, small_store: Store, state: PricingState, user: User) -> None:
        with pytest.raises(NotAllowed, match="Changing trade status requires the Manager role"):
            terminate(small_store, state, LIVE, user)
        with pytest.raises(NotAllowed):
            undo_tags(small_store, state, user, [1])
        assert status_of(small_store, "C1", "P1") == ["Live", "Live"]
        with small_store.read() as connection:
            refused = [stored.entry for stored in read_audit(connection)]
        assert {(e.user_name, e.action, e.subject_key) for e in refused} == {(user.name, "refused", "tag")}
        assert [e.note for e in refused] == ["undo 1 tag", "set 2 trades to Terminated"]

    def test_five_hundred_at_once(self, demo_store: Store) -> None:
        with demo_store.read() as connection:
            query = select(trades.c.trade_id).where(trades.c.trade_status == "Live").order_by(trades.c.trade_id)
            some = dict.fromkeys(connection.execute(query.limit(500)).scalars(), "Live")
        state = PricingState()
        undone: Callable[[], Tagged] = lambda: undo_tags(demo_store, state, MAX, list(range(1, 501)))  # noqa: E731
        for act in (lambda: terminate(demo_store, state, some), undone, lambda: terminate(demo_store, state, some)):
            assert len(act().trades) == 500
        assert len(audit_of(demo_store)) == 1500


class TestConflicts:
    def test_the_second_manager_is_told_who_and_why(self, small_store: Store, state: PricingState) -> None:
        define_status(small_store, ADA, DISPUTED)
        tag_trades(small_store, state, MIA, {"C1": "Live"}, "Disputed", "they say it is theirs", "call Joe")
        before = revision_of(small_store)
        refused = terminate(small_store, state, LIVE)
        assert isinstance(refused, TagConflicts)
        assert str(refused) == "1 trade changed since you looked: nothing was set."
        assert revision_of(small_store) == before, "nothing is written"
        assert status_of(small_store, "C1", "P1") == ["Disputed", "Live"]
        conflict = refused.conflicts[0]
        assert (conflict.trade_id, conflict.seen, conflict.now) == ("C1", "Live", "Disputed")
        assert conflict.set_by is not None
        who = conflict.set_by
        assert (who.by, who.reason, who.note) == ("Mia", "they say it is theirs", "call Joe")
        assert terminate(small_store, state, LIVE, overwrite=True).trades == ["C1", "P1"]
        assert audit_of(small_store)[-2:] == [
            ("Max", "set status", "C1", "Disputed", "Terminated"),
            ("Max", "set status", "P1", "Live", "Terminated"),
        ]

    def test_a_file_that_changed_it_is_named(self, small_store: Store, state: PricingState) -> None:
        records = [{"trade_id": "C1", "trade_status": "Terminated"}]
        change_records(small_store, state, "trades", records, source="file trades.csv")
        change_records(small_store, state, "trades", [{"trade_id": "C1", "quantity": 3.0}], source="kafka trades")
        refused = tag_trades(small_store, state, MAX, {"C1": "Disputed"}, "Live", "sold back")
        assert isinstance(refused, TagConflicts)
        set_by = refused.conflicts[0].set_by
        assert set_by is not None
        assert (set_by.by, set_by.reason) == ("file trades.csv", ""), "not the one that changed something else later"

    def test_a_trade_that_is_not_there(self, small_store: Store, state: PricingState) -> None:
        for overwrite in (False, True):
            refused = terminate(small_store, state, {"C1": "Live", "'; DROP TABLE trades": "Live"}, overwrite=overwrite)
            assert isinstance(refused, TagConflicts)
            assert [(c.trade_id, c.now, c.set_by) for c in refused.conflicts] == [("'; DROP TABLE trades", None, None)]
        assert status_of(small_store, "C1") == ["Live"]

    def test_who_comes_before_the_lock_is_found(
        self, small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        define_status(small_store, ADA, DISPUTED)
        comes_before_the_lock(monkeypatch, lambda: terminate(small_store, PricingState(), {"C1": "Live"}, MIA))
        refused = tag_trades(small_store, state, MAX, LIVE, "Disputed", "asked")
        assert isinstance(refused, TagConflicts)
        assert [(c.trade_id, c.now) for c in refused.conflicts] == [("C1", "Terminated")]
        assert status_of(small_store, "C1", "P1") == ["Terminated", "Live"]
        assert [each[0] for each in audit_of(small_store)] == ["Ada", "Mia"]

    def test_one_that_comes_before_the_lock_and_changes_it_back_is_no_conflict(
        self, small_store: Store, state: PricingState, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        terminate(small_store, state, {"C1": "Live"}, MIA)
        comes_before_the_lock(monkeypatch, lambda: undo_tags(small_store, PricingState(), MIA, [1]))
        assert terminate(small_store, state, LIVE).trades == ["C1", "P1"]
        assert status_of(small_store, "C1", "P1") == ["Terminated", "Terminated"]
        assert audit_of(small_store)[-2:] == [
            ("Max", "set status", "C1", "Live", "Terminated"),
            ("Max", "set status", "P1", "Live", "Terminated"),
        ]

    def test_a_conflict_reads_nothing_again(self, small_store: Store, state: PricingState) -> None:
        """The trades in memory are the same objects before and after: nothing was dropped, nothing was read."""
        state.catch_up(small_store)
        terminate(small_store, PricingState(), {"C1": "Live"}, MIA)
        state.catch_up(small_store)
        before, revision = state.snapshot, revision_of(small_store)
        refused = tag_trades(small_store, state, MAX, {"C1": "Live"}, "Live", "asked")
        assert isinstance(refused, TagConflicts)
        assert state.snapshot is before
        assert revision_of(small_store) == revision

    def test_two_at_once_one_wins_and_the_other_is_told(self, small_store: Store) -> None:
        define_status(small_store, ADA, DISPUTED)
        said: list[str] = []

        def act(user: User, status: str) -> None:
            outcome = tag_trades(small_store, PricingState(), user, {"C1": "Live", "M1": "Live"}, status, "at once")
            said.append(f"{len(outcome.conflicts)} conflicts" if isinstance(outcome, TagConflicts) else "done")

        threads = [threading.Thread(target=act, args=each) for each in ((MAX, "Terminated"), (MIA, "Disputed"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(said) == ["2 conflicts", "done"]
        assert len(set(status_of(small_store, "C1", "M1"))) == 1
        assert len(audit_of(small_store)) == 3


class TestUndo:
    def test_gives_back_what_each_was_and_its_price(self, small_store: Store, state: PricingState) -> None:
        define_status(small_store, ADA, DISPUTED)
        first = tag_trades(small_store, state, MAX, {"C1": "Live"}, "Disputed", "asked")
        both = terminate(small_store, state, {"C1": "Disputed", "P1": "Live"})
        apply_quotes(small_store, state, [quote("AAPL", 60.0, 5)], source="test")
        assert undo_tags(small_store, state, MAX, both.audit_ids, "a slip").trades == ["P1", "C1"]
        assert status_of(small_store, "C1", "P1") == ["Disputed", "Live"]
        with small_store.read() as connection:
            assert sensitivities_frame(connection, MONDAY).set_index("trade_id")["spot"]["C1"] == 60.0
            newest = read_audit(connection)[0].entry
        assert (newest.action, newest.reason, newest.note) == ("undo status", "a slip", "undoes entry 3")
        assert undo_tags(small_store, state, MAX, both.audit_ids) == Tagged(unchanged=2), "twice is once"
        assert undo_tags(small_store, state, MAX, first.audit_ids).trades == ["C1"]
        assert status_of(small_store, "C1") == ["Live"]

    def test_several_tags_of_one_trade_go_back_to_the_first(self, small_store: Store, state: PricingState) -> None:
        define_status(small_store, ADA, DISPUTED)
        tag_trades(small_store, state, MAX, {"C1": "Live"}, "Disputed", "asked")
        terminate(small_store, state, {"C1": "Disputed"})
        assert undo_tags(small_store, state, MAX, [2, 3]).trades == ["C1"]
        assert status_of(small_store, "C1") == ["Live"]

    def test_not_over_what_somebody_did_since(self, small_store: Store, state: PricingState) -> None:
        define_status(small_store, ADA, DISPUTED)
        mine = terminate(small_store, state, LIVE)
        tag_trades(small_store, state, MIA, {"P1": "Terminated"}, "Disputed", "look again")
        refused = undo_tags(small_store, state, MAX, mine.audit_ids)
        assert isinstance(refused, TagConflicts)
        assert [(c.trade_id, c.now) for c in refused.conflicts] == [("P1", "Disputed")]
        assert status_of(small_store, "C1", "P1") == ["Terminated", "Disputed"]
        undo_tags(small_store, state, MAX, mine.audit_ids, overwrite=True)
        assert status_of(small_store, "C1", "P1") == ["Live", "Live"]

    def test_of_ones_own_tags_alone(self, small_store: Store, state: PricingState) -> None:
        define_status(small_store, ADA, DISPUTED)
        mine = terminate(small_store, state, LIVE)
        for user, numbers, said in (
            (MIA, mine.audit_ids, "Entry 2 is of Max"),
            (MAX, [1], "Entry 1 is no change of a status"),
            (MAX, [99], "The audit has no entry 99"),
        ):
            with pytest.raises(NotPossible, match=said):
                undo_tags(small_store, state, user, numbers)


class TestDefinedStatuses:
    def test_one_is_priced_and_shown_as_it_was_defined(self, small_store: Store, state: PricingState) -> None:
        define_status(small_store, ADA, DISPUTED)
        define_status(small_store, ADA, PARKED)
        with small_store.read() as connection:
            assert shown_statuses(connection) == ("Live", "Disputed")
        tag_trades(small_store, state, MAX, {"C1": "Live"}, "Disputed", "asked")
        tag_trades(small_store, state, MAX, {"P1": "Live"}, "Parked", "asked")
        for known, price in ((state, 60.0), (PricingState(), 61.0)):
            apply_quotes(small_store, known, [quote("AAPL", price, price)], source="test")
            with small_store.read() as connection:
                spots = sensitivities_frame(connection, MONDAY).set_index("trade_id")["spot"]
            assert (spots["C1"], spots["P1"]) == (price, 68.0)
        apply_quotes(small_store, state, [quote("AAPL", 62.0, day=TUESDAY)], source="test")
        with small_store.read() as connection:
            assert "P1" not in set(sensitivities_frame(connection, TUESDAY)["trade_id"])

    def test_only_an_admin_may(self, small_store: Store) -> None:
        for act in (lambda: define_status(small_store, MAX, DISPUTED), lambda: undefine_status(small_store, MAX, "x")):
            with pytest.raises(NotAllowed, match="Granting roles and defining statuses requires the Admin role"):
                act()
        with small_store.read() as connection:
            assert shown_statuses(connection) == ("Live",)

    @pytest.mark.parametrize("name", ["", "Live", "terminated", "EXPIRED", "all", "x" * 41, "DISPUTED"])
    def test_names_that_cannot_be(self, small_store: Store, name: str) -> None:
        define_status(small_store, ADA, DISPUTED)
        with pytest.raises(NotPossible):
            define_status(small_store, ADA, DefinedStatus(name, True, True, ""))

    def test_one_that_trades_have_cannot_be_taken_away(self, small_store: Store, state: PricingState) -> None:
        define_status(small_store, ADA, PARKED)
        tag_trades(small_store, state, MAX, LIVE, "Parked", "asked")
        with pytest.raises(NotPossible, match="2 trades are Parked"):
            undefine_status(small_store, ADA, "Parked")
        with pytest.raises(NotPossible, match="whether they are priced can change when no trade is"):
            define_status(small_store, ADA, DefinedStatus("Parked", True, True, ""))
        define_status(small_store, ADA, DefinedStatus("Parked", False, True, "now shown"))
        undo_tags(small_store, state, MAX, [2, 3])
        undefine_status(small_store, ADA, "Parked")
        with small_store.read() as connection:
            assert shown_statuses(connection) == ("Live",)
            told = [stored.entry.action for stored in read_audit(connection)]
        assert told[0] == "remove status"
        assert told.count("define status") == 2
        with pytest.raises(NotPossible, match="is not a status that somebody defined"):
            undefine_status(small_store, ADA, "Parked")
        with pytest.raises(NotPossible, match="is not a status that somebody defined"):
            undefine_status(small_store, ADA, "Terminated")


class TestZeros:
    @pytest.fixture
    def state(self) -> PricingState:
        return PricingState(zero_terminated=True)

    def values(self, store: Store, trade_id: str) -> Any:
        with store.read() as connection:
            return sensitivities_frame(connection, MONDAY).set_index("trade_id").loc[trade_id]

    def test_terminated_trades_are_worth_nothing(self, small_store: Store, state: PricingState) -> None:
        before = revision_of(small_store)
        assert self.values(small_store, "C1")["cash_delta"] != 0
        terminate(small_store, state, {"C1": "Live", "N1": "Live"})
        after = self.values(small_store, "C1")
        assert [after[name] for name in MEASURE_NAMES] == [0.0] * len(MEASURE_NAMES)
        assert (after["priced_by"], after["spot"]) == ("terminated", 68.0)
        assert self.values(small_store, "P1")["cash_delta"] != 0
        with small_store.read() as connection:
            entries = read_since(connection, before)
        assert entries is not None
        table = entries[0].tables[("sensitivities", MONDAY)].to_pydict()
        assert (table["trade_id"], table["cash_delta"]) == (["C1"], [0.0]), "boards are told, of what had a value"
        undo_tags(small_store, state, MAX, [1, 2])
        assert self.values(small_store, "C1")["cash_delta"] != 0, "they are priced again when they come back"

    def test_whoever_terminates_them(self, small_store: Store, state: PricingState) -> None:
        gone = [{"trade_id": t, "trade_status": "Terminated", "quantity": 9.0} for t in ("C1", "T1")]
        change_records(small_store, state, "trades", gone, source="file")
        assert self.values(small_store, "C1")["market_value"] == 0
        with small_store.read() as connection:
            assert "T1" not in set(sensitivities_frame(connection, MONDAY)["trade_id"]), "it was terminated before"

    def test_what_others_reported_stays(self, small_store: Store, state: PricingState) -> None:
        from services.writes.append import append

        row = {"AsOfDate": MONDAY, "TradeId": "C1", "RiskFactor": "AAPL", "MarketValue": 12.5}
        append(small_store, state, "sensitivities", [row])
        terminate(small_store, state, {"C1": "Live"})
        assert self.values(small_store, "C1")["market_value"] == 12.5
