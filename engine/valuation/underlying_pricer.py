"""The trades on one underlying made ready to tick: who prices which row, and what cannot be priced."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from engine.contracts import (
    UNIT_ROWS,
    Contracts,
    FloatArray,
    IntArray,
    PreparedContracts,
    PricingEngine,
    UnitValues,
)
from engine.measures import MEASURE_NAMES
from engine.model import NotPriced, OptionType, Product
from engine.position_measures import position_measures
from engine.pricing.engines import engines_for
from engine.snapshot.parameters import NO_PARAMETERS, Parameters
from engine.snapshot.trade_arrays import TradeArrays

_DAYS_A_YEAR = 365.0
_SCENARIOS_AT_ONCE = 8
_OPTION_TYPES: tuple[str, ...] = (OptionType.CALL.value, OptionType.PUT.value)


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of an underlying that one engine prices."""

    engine: PricingEngine
    rows: IntArray
    contracts: Contracts
    prepared: PreparedContracts


@dataclass(frozen=True, slots=True)
class Failure:
    """A trade without a value: the reason is of the closed list, the detail is for people."""

    trade_id: str
    reason: NotPriced
    detail: str


@dataclass(frozen=True, slots=True)
class Valued:
    """Rows of one underlying with their measures (name -> array of the rows' length) and the engine of each row.

    The lists belong to the underlying: read them only.
    """

    rows: IntArray
    trade_ids: list[str]
    measures: dict[str, FloatArray]
    priced_by: list[str]
    failures: list[Failure]


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows of some groups one after the other, with what makes positions of them."""

    rows: IntArray
    trade_ids: list[str]
    quantity: FloatArray
    multiplier: FloatArray
    priced_by: list[str]


@dataclass(frozen=True, slots=True)
class UnderlyingPricer:
    """All trades on one underlying at one as-of date, with everything done that does not depend on the quote."""

    ticker: str
    as_of_date: date
    trade_ids: list[str]
    quantity: FloatArray
    multiplier: FloatArray
    parameters: Parameters
    groups: tuple[Group, ...]
    failures: tuple[Failure, ...]
    """What no quote can fix: expired, unknown product, incomplete terms, refused by every engine."""
    slow_groups: tuple[Group, ...] = field(init=False)
    live_groups: tuple[Group, ...] = field(init=False)
    _live_rows: _Rows = field(init=False)

    def __post_init__(self) -> None:
        slow = tuple(g for g in self.groups if not g.engine.live)
        live = tuple(g for g in self.groups if g.engine.live) if slow else self.groups
        object.__setattr__(self, "live_groups", live)
        object.__setattr__(self, "slow_groups", slow)
        object.__setattr__(self, "_live_rows", self._rows_of(live))

    def value(self, spot: float, groups: tuple[Group, ...] | None = None) -> Valued:
        """Every row of these groups (of all, when None) at this spot."""
        chosen = self.groups if groups is None else groups
        of = self._rows_from(chosen)
        spots = np.full(1, spot, np.float64)
        return _valued(spots, of, _unit_values(spots, chosen, len(of.rows)))

    def measures_at(self, spots: FloatArray, names: Sequence[str] = MEASURE_NAMES) -> FloatArray:
        """Measures of the trades that engines price, slow ones too, at the spot of each scenario.

        Returns scenarios by names by ``priced_trade_ids``, NaN where there is no value. A block of scenarios at a time:
        what is worked out for one stays in the processor's cache.
        """
        of, chosen = self._rows_from(self.groups), [MEASURE_NAMES.index(name) for name in names]
        out = np.empty((len(spots), len(chosen), len(of.rows)))
        for start in range(0, len(spots), _SCENARIOS_AT_ONCE):
            some = np.ascontiguousarray(spots[start : start + _SCENARIOS_AT_ONCE], np.float64)
            unit = _unit_values(some, self.groups, len(of.rows))
            measures, _ = position_measures(unit, some, of.quantity, of.multiplier)
            out[start : start + len(some)] = measures[:, chosen]
        return out

    @property
    def priced_trade_ids(self) -> list[str]:
        """The trades that engines price, in the order of ``measures_at``."""
        return self._rows_from(self.groups).trade_ids

    def without_quote(self) -> list[Failure]:
        """The failures of all trades where there is no quote: those that no quote fixes keep their reason."""
        failed = {failure.trade_id for failure in self.failures}
        detail = f"{self.ticker} has no quote on or before {self.as_of_date:%Y-%m-%d}"
        without = [trade_id for trade_id in self.trade_ids if trade_id not in failed]
        return [*self.failures, *(Failure(trade_id, NotPriced.NO_QUOTE, detail) for trade_id in without)]

    def measured(self, spot: float, groups: tuple[Group, ...], values: list[UnitValues]) -> Valued:
        """The measures of rows whose unit values are known already (a worker computed them)."""
        unit = np.hstack([np.vstack([getattr(value, name) for name in UnitValues.__slots__]) for value in values])
        return _valued(np.array([spot]), self._rows_from(groups), np.ascontiguousarray(unit)[None])

    def _rows_from(self, groups: tuple[Group, ...]) -> _Rows:
        return self._live_rows if groups is self.live_groups else self._rows_of(groups)

    def _rows_of(self, groups: tuple[Group, ...]) -> _Rows:
        rows = np.concatenate([g.rows for g in groups]) if groups else np.empty(0, np.int64)
        return _Rows(
            rows,
            [self.trade_ids[row] for row in rows.tolist()],
            self.quantity[rows],
            self.multiplier[rows],
            [name for g in groups for name in [g.engine.name] * len(g.rows)],
        )


def _unit_values(spots: FloatArray, groups: tuple[Group, ...], count: int) -> FloatArray:
    """Scenarios by ``UNIT_ROWS`` by the rows of these groups, ``count`` in all."""
    unit = np.empty((len(spots), UNIT_ROWS, count))
    of_rows = spots.repeat(count).reshape(len(spots), count)
    if len(groups) == 1:
        groups[0].prepared.fill(of_rows, unit, 0)
        return unit
    start = 0
    for group in groups:
        end = start + len(group.rows)
        group.prepared.fill(np.ascontiguousarray(of_rows[:, start:end]), unit, start)
        start = end
    return unit


def _valued(spots: FloatArray, of: _Rows, unit: FloatArray) -> Valued:
    """unit: one scenario of ``UNIT_ROWS`` of values, a column for each of the rows."""
    in_scenarios, all_known = position_measures(unit, spots, of.quantity, of.multiplier)
    measures = in_scenarios[0]
    if all_known:
        return Valued(of.rows, of.trade_ids, dict(zip(MEASURE_NAMES, measures, strict=True)), of.priced_by, [])
    unknown = ~np.isfinite(measures).all(axis=0)
    has_unit = np.asarray(np.isfinite(unit[0]).all(axis=0))
    failures = [
        Failure(of.trade_ids[i], NotPriced.TOO_LARGE, _overflow(of, i, float(spots[0])))
        if has_unit[i]
        else Failure(of.trade_ids[i], NotPriced.REFUSED, f"{of.priced_by[i]} gave no number at a spot of {spots[0]:g}")
        for i in np.flatnonzero(unknown).tolist()
    ]
    known = np.flatnonzero(~unknown)
    return Valued(
        of.rows[known],
        [of.trade_ids[i] for i in known],
        dict(zip(MEASURE_NAMES, measures[:, known], strict=True)),
        [of.priced_by[i] for i in known],
        failures,
    )


def _overflow(of: _Rows, row: int, spot: float) -> str:
    size = f"quantity {of.quantity[row]:g} times multiplier {of.multiplier[row]:g} at a spot of {spot:g}"
    return f"its unit has a value, but {size} makes more than a number can hold"


def prepare_underlying(ticker: str, trades: pd.DataFrame, parameters: Parameters, as_of: date) -> UnderlyingPricer:
    """Prepare the trades on one underlying.

    trades: the columns of ``engine.model.TRADE_COLUMNS``, all of this ticker; maturity is datetime64. An option is
    alive through the day of its maturity, and expired from the day after.
    """
    return prepare_trades(ticker, TradeArrays.of_frame(trades), parameters, as_of)


def prepare_trades(ticker: str, trades: TradeArrays, parameters: Parameters, as_of: date) -> UnderlyingPricer:
    """The same from arrays."""
    days = (trades.maturity - np.datetime64(as_of)).astype(np.float64)
    days[np.isnat(trades.maturity)] = np.nan
    n = len(trades.trade_id)
    contracts = Contracts(
        strike=trades.strike,
        years=days / _DAYS_A_YEAR,
        implied_vol=np.full(n, parameters.implied_vol),
        risk_free_rate=np.full(n, parameters.risk_free_rate),
        dividend_yield=np.full(n, parameters.dividend_yield),
        is_call=np.asarray(trades.option_type == OptionType.CALL, dtype=np.bool_),
    )
    failures: list[Failure] = []
    with np.errstate(invalid="ignore"):
        is_complete = (trades.strike > 0) & (days >= 0) & np.isin(trades.option_type, _OPTION_TYPES)
    is_option = (trades.product == Product.OPTION) & is_complete & (parameters.fault is None)
    is_priced = is_option | (trades.product == Product.STOCK)
    for row in np.flatnonzero(~is_priced).tolist():
        failures.append(Failure(trades.trade_id[row], *_fault(trades, row, days[row], parameters)))
    kinds: dict[tuple[PricingEngine, ...], list[int]] = {}
    for row in np.flatnonzero(is_priced).tolist():
        kinds.setdefault(engines_for(trades.product[row], trades.exercise_style[row]), []).append(row)
    groups: list[Group] = []
    for engines, rows in kinds.items():
        groups += _grouped(engines, np.asarray(rows, np.int64), contracts, trades.trade_id, failures)
    return UnderlyingPricer(
        ticker,
        as_of,
        trades.trade_id,
        trades.quantity,
        trades.contract_multiplier,
        parameters,
        tuple(groups),
        tuple(failures),
    )


def _grouped(
    engines: tuple[PricingEngine, ...],
    rows: IntArray,
    contracts: Contracts,
    trade_ids: list[str],
    failures: list[Failure],
) -> list[Group]:
    """Give each row to the first engine that does not refuse it; what all refuse is a failure with the last reason."""
    engine, rest = engines[0], engines[1:]
    prepared = engine.prepare(contracts.take(rows))
    refused = np.asarray(sorted(prepared.refused), np.int64)
    taken = rows
    groups: list[Group] = []
    if len(refused):
        taken = np.delete(rows, refused)
        if rest:
            groups = _grouped(rest, rows[refused], contracts, trade_ids, failures)
        else:
            failures += [
                Failure(trade_ids[rows[i]], NotPriced.REFUSED, f"{engine.name}: {prepared.refused[i]}") for i in refused
            ]
        prepared = engine.prepare(contracts.take(taken)) if len(taken) else prepared
    if len(taken):
        groups.insert(0, Group(engine, taken, contracts.take(taken), prepared))
    return groups


def _fault(trades: TradeArrays, row: int, days: float, parameters: Parameters) -> tuple[NotPriced, str]:
    """Why no engine is asked about this trade."""
    product = trades.product[row]
    if product != Product.OPTION:
        return NotPriced.UNKNOWN_PRODUCT, f"no engine prices the product {product}"
    if days < 0:
        return NotPriced.EXPIRED, f"matured on {trades.maturity[row]}"
    missing = [
        name
        for name, absent in (
            ("Strike", not trades.strike[row] > 0),
            ("Maturity", np.isnan(days)),
            ("OptionType", trades.option_type[row] not in _OPTION_TYPES),
        )
        if absent
    ]
    if missing:
        return NotPriced.INCOMPLETE_TERMS, f"an option needs {', '.join(missing)}"
    reason = NotPriced.NO_PARAMETERS if parameters == NO_PARAMETERS else NotPriced.BAD_PARAMETERS
    return reason, str(parameters.fault)
