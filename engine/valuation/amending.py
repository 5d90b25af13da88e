"""Trades of a prepared underlying that came, changed or went: the others keep all that was worked out for them."""

from collections.abc import Collection
from itertools import compress

import numpy as np

from engine.contracts import Contracts, IntArray
from engine.valuation.underlying_pricer import Group, UnderlyingPricer


def amend_underlying(prepared: UnderlyingPricer, gone: Collection[str], fresh: UnderlyingPricer) -> UnderlyingPricer:
    """An underlying without the trades that are gone, and with those of ``fresh`` after them.

    fresh: other trades on the same underlying, prepared at the same date with the same parameters; a trade that has
    changed is both gone and fresh. The result values each trade exactly as preparing all of them anew would.
    """
    dropped = set(gone)
    keeps = np.ones(len(prepared.trade_ids), dtype=np.bool_)
    if dropped:
        keeps[[row for row, trade_id in enumerate(prepared.trade_ids) if trade_id in dropped]] = False
    kept = np.flatnonzero(keeps)
    new_row = np.cumsum(keeps) - 1
    offset = len(kept)
    added = {group.engine.name: group for group in fresh.groups}
    groups: list[Group] = []
    for group in prepared.groups:
        rows = np.flatnonzero(keeps[group.rows])
        other = added.pop(group.engine.name, None)
        if len(rows) or other is not None:
            groups.append(_joined(group, rows, new_row[group.rows[rows]], other, offset))
    groups += [Group(g.engine, g.rows + offset, g.contracts, g.prepared) for g in added.values()]
    return UnderlyingPricer(
        prepared.ticker,
        prepared.as_of_date,
        [*(compress(prepared.trade_ids, keeps) if dropped else prepared.trade_ids), *fresh.trade_ids],
        np.concatenate([prepared.quantity[kept], fresh.quantity]),
        np.concatenate([prepared.multiplier[kept], fresh.multiplier]),
        prepared.parameters,
        tuple(groups),
        tuple(f for f in prepared.failures if f.trade_id not in dropped) + fresh.failures,
    )


def _joined(group: Group, rows: IntArray, own_rows: IntArray, other: Group | None, offset: int) -> Group:
    """These rows of a group, which are ``own_rows`` of the underlying now, and then all of the other's."""
    if other is None:
        other = Group(group.engine, rows[:0], group.contracts.take(rows[:0]), group.engine.prepare(_none(group)))
    contracts = group.contracts.take(rows).followed_by(other.contracts)
    prepared = group.engine.join(group.prepared, rows, other.prepared, contracts)
    return Group(group.engine, np.concatenate([own_rows, other.rows + offset]), contracts, prepared)


def _none(group: Group) -> Contracts:
    return group.contracts.take(np.empty(0, np.int64))
