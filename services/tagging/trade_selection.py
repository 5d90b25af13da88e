"""Which trades somebody has selected to act on, as they saw them: some by name, or all that match a filter.

A page keeps the filter and the revision of what it showed, and no list of the whole book.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from storage.read_models.trade_history import records_before, trades_since
from storage.read_models.trade_list import TradeFilter, matching_trades, passes


@dataclass(frozen=True, slots=True)
class NamedTrades:
    """Trades that were ticked. shown: trade -> the status that it was shown with."""

    shown: Mapping[str, str]

    @property
    def count(self) -> int:
        return len(self.shown)

    def seen(self, connection: Connection) -> dict[str, str]:  # noqa: ARG002
        """Trade -> the status that it was shown with."""
        return dict(self.shown)

    def decided(
        self,
        conflicts: Mapping[str, str | None],
        revision: int,  # noqa: ARG002
        *,
        theirs_too: bool,
    ) -> "NamedTrades":
        """The selection once the user knows of conflicts (trade -> its status at a revision, None: it is gone): with
        these trades as they are now, or without them."""
        others = {trade_id: status for trade_id, status in self.shown.items() if trade_id not in conflicts}
        now = {trade_id: status for trade_id, status in conflicts.items() if status is not None}
        return NamedTrades({**others, **now} if theirs_too else others)


@dataclass(frozen=True, slots=True)
class MatchingTrades:
    """All trades that passed a filter at a revision. count: how many these are.

    known_at: a later revision, whose statuses the user knows. without_changed: trades are left out whose status has
    changed between the two.
    """

    chosen: TradeFilter
    revision: int
    count: int
    known_at: int | None = None
    without_changed: bool = False

    def seen(self, connection: Connection) -> dict[str, str]:
        """Trade -> the status that it was shown with: of those that changed since, as they were then."""
        changed = trades_since(connection, self.revision)
        then = records_before(connection, changed, self.revision + 1)
        seen = matching_trades(connection, self.chosen)
        for trade_id in changed:
            seen.pop(trade_id, None)
        was = {
            trade_id: row.record["trade_status"]
            for trade_id, row in then.items()
            if passes(self.chosen, row.record, row.source)
        }
        if self.known_at is None:
            return seen | was
        known = records_before(connection, list(was), self.known_at + 1)
        for trade_id, row in known.items():
            status = row.record["trade_status"]
            if not (self.without_changed and status != was[trade_id]):
                seen[trade_id] = status
        return seen

    def decided(self, conflicts: Mapping[str, str | None], revision: int, *, theirs_too: bool) -> "MatchingTrades":
        """The same as for trades that were ticked."""
        left = sum(status is None or not theirs_too for status in conflicts.values())
        return replace(self, count=self.count - left, known_at=revision, without_changed=not theirs_too)


Selection = NamedTrades | MatchingTrades
