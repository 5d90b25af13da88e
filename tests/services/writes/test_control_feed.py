"""Who may steer a feed, what of it is in the audit, and what the sidecar is told."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pytest

from services.access.permissions import OPERATOR, NotAllowed, Role, User
from services.writes.control_feed import UnknownFeed, pause_feed, restart_feed, resume_feed, set_feed_speed
from storage.core.database import Store
from storage.feeds.feeds import REPLAY, Feed, claim_feed, read_feed
from storage.people.audit import AuditEntry, read_audit, verify_audit

Control = Callable[[Store, User], None]
MAX = User("Max", frozenset({Role.MANAGER}))
OTHERS = [User("Vera", frozenset({Role.VIEWER})), User("Ana", frozenset({Role.ANALYST}))]
OTHERS += [User("Ada", frozenset({Role.ADMIN})), User("Kim")]
CONTROLS: dict[str, tuple[Control, dict[str, Any], dict[str, Any]]] = {
    "pause feed": (partial(pause_feed, feed=REPLAY), {"state": "playing"}, {"state": "paused"}),
    "resume feed": (partial(resume_feed, feed=REPLAY), {"state": "playing"}, {"state": "playing"}),
    "set feed speed": (partial(set_feed_speed, feed=REPLAY, speed=None), {"speed": 100.0}, {"speed": "max"}),
    "restart feed": (
        partial(restart_feed, feed=REPLAY),
        {"restarts": 0, "state": "playing"},
        {"restarts": 1, "state": "playing"},
    ),
}


@pytest.fixture
def feed(store: Store) -> None:
    """A replay that a sidecar runs at a hundred times."""
    with store.bookkeeping() as connection:
        claim_feed(connection, REPLAY, "a sidecar", 1, datetime.now(UTC), 10.0, 100.0)


def known(store: Store) -> Feed:
    with store.read() as connection:
        found = read_feed(connection, REPLAY)
    assert found is not None
    return found


def told(store: Store) -> list[AuditEntry]:
    with store.read() as connection:
        assert verify_audit(connection) is None
        return [stored.entry for stored in read_audit(connection)]


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize("action", CONTROLS)
@pytest.mark.parametrize("user", OTHERS, ids=lambda user: user.name)
def test_others_than_managers_are_refused_in_the_audit(store: Store, action: str, user: User) -> None:
    before = known(store)
    with pytest.raises(
        NotAllowed, match=r"^Controlling the replay requires the Manager role\. Ask an admin for access"
    ):
        CONTROLS[action][0](store, user)
    assert known(store) == before
    assert [(e.user_name, e.action, e.subject_key, e.note) for e in told(store)] == [
        (user.name, "refused", "steer", f"{action} {REPLAY}")
    ]


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize("action", CONTROLS)
@pytest.mark.parametrize("user", [MAX, OPERATOR], ids=lambda user: user.name)
def test_who_did_what_is_in_the_audit(store: Store, action: str, user: User) -> None:
    control, before, after = CONTROLS[action]
    control(store, user)
    assert told(store) == [AuditEntry(user.name, action, "feed", REPLAY, before, after)]
    wanted = {"state": known(store).wanted_state, "speed": known(store).wanted_speed or "max"}
    assert {name: value for name, value in wanted.items() if name in after} == {
        name: value for name, value in after.items() if name in wanted
    }


@pytest.mark.parametrize("action", CONTROLS)
def test_a_feed_that_is_not_there_leaves_no_entry(store: Store, action: str) -> None:
    with pytest.raises(UnknownFeed):
        CONTROLS[action][0](store, MAX)
    assert told(store) == []


@pytest.mark.usefixtures("feed")
@pytest.mark.parametrize("speed", [0.0, -1.0, float("nan"), float("inf")])
def test_a_speed_that_is_none_changes_nothing(store: Store, speed: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        set_feed_speed(store, MAX, REPLAY, speed)
    assert known(store).wanted_speed == 100.0
    assert told(store) == []
