"""How far is the live American engine from QuantLib? Run ``python -m engine.validate --trades 200 --seed 1``.

The reference: QuantLib's QdFp engine with its high precision scheme, and five-point differences of its prices. Its
accurate scheme is no reference: in long lives at high rates it is off by 4e-4 itself. The high precision scheme takes
some 20 ms a price and 17 prices a contract; ``--quick`` takes a scheme of 1 ms that agrees with it to 2e-7 in a book's
range (on 40 contracts) and to some 1e-4 at extreme parameters.

Theta is the Black-Scholes equation of the other figures. A difference must not reach over the exercise boundary, where
gamma jumps, so steps shrink beside it; there alone the engine's own boundary is used, to choose the steps.

Every region prints the largest and the 99th percentile of the absolute error of each figure, for a strike of 100 or, if
it is larger, a spot of 100; vega, rho and dividend rho per 1.00, theta per year.
"""

import argparse
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import QuantLib as ql  # noqa: N813

from engine.contracts import Contracts, FloatArray, UnitValues
from engine.pricing.american.engine import BoundaryEngine, PreparedAmericans
from engine.pricing.american.over_spot import LOG_BOUNDARY
from engine.pricing.american.ranges import AMERICAN
from engine.pricing.qdfp import STRIKE, CannotPriceError, UnitPricer

FIGURES = UnitValues.__slots__
SPOT_STEP = 0.05
"""Of spot, in units of vol sqrt(T)."""
VOL_STEP = 0.02
"""Of volatility, as a part of it."""
RATE_STEP = 2e-5
"""Of a rate."""
NEAR = 0.5
"""What counts as near the boundary, in vol sqrt(T)."""
NEAREST = 0.02
"""Nearest to the boundary, in vol sqrt(T): less, and differences would sense that there are two solutions of it."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Contracts of strike 100, each with the spot it is valued at."""

    contracts: Contracts
    spot: FloatArray


@dataclass(frozen=True, slots=True)
class Comparison:
    """What a region came to: errors (a row a contract, a column a figure), refusals, and what had no reference."""

    region: str
    errors: FloatArray
    refused: list[str]
    without_reference: int


def five_point(f: Callable[[float], float], step: float) -> tuple[float, float]:
    """First and second derivative at 0 (Abramowitz and Stegun, table 25.2)."""
    far_down, down, here, up, far_up = (f(k * step) for k in (-2, -1, 0, 1, 2))
    first = (far_down - 8.0 * down + 8.0 * up - far_up) / (12.0 * step)
    second = (-far_down + 16.0 * down - 30.0 * here + 16.0 * up - far_up) / (12.0 * step * step)
    return first, second


def reference_pricer() -> UnitPricer:
    """QuantLib's QdFp with its high precision scheme."""
    return UnitPricer(ql.QdFpAmericanEngine.highPrecisionScheme())


def quick_pricer() -> UnitPricer:
    """QdFp with 16 boundary nodes, 8 iterations of 64 points each, and an adaptive price to 1e-9."""
    return UnitPricer(ql.QdFpLegendreTanhSinhScheme(64, 8, 16, 1e-9))


def reference_values(
    pricer: UnitPricer,
    spot: float,
    years: float,
    vol: float,
    rate: float,
    dividend_yield: float,
    sign: float,
    room: float,
) -> FloatArray:
    """The figures of one American option of strike 100 that is not exercised, years > 0.

    sign: +1 call, -1 put. room: distance to the boundary in ln S, in units of vol sqrt(T), which steps keep within.
    Raises CannotPriceError where QuantLib has no price.
    """

    def at(ds: float = 0.0, dv: float = 0.0, dr: float = 0.0, dq: float = 0.0) -> float:
        return pricer.price(spot + ds, years, vol + dv, rate + dr, dividend_yield + dq, sign)

    price = at()
    spot_step = spot * vol * math.sqrt(years) * min(SPOT_STEP, 0.25 * room)
    delta, gamma = five_point(lambda x: at(ds=x), min(spot_step, 0.01 * spot))
    vega = five_point(lambda x: at(dv=x), vol * min(VOL_STEP, 0.1 * room))[0]
    rho = five_point(lambda x: at(dr=x), rate_step(rate, dividend_yield, room))[0]
    dividend_rho = five_point(lambda x: at(dq=x), rate_step(dividend_yield, rate, room))[0]
    theta = rate * price - (rate - dividend_yield) * spot * delta - 0.5 * vol * vol * spot * spot * gamma
    return np.array([price, delta, gamma, vega, theta, rho, dividend_rho])


def rate_step(rate: float, other: float, room: float) -> float:
    """A step in the rate (the yield) that stays off the boundary, and small beside both rates.

    The boundary moves like the logarithm of a rate that is near 0. And from a yield of 0 on, a call is exercised early
    as soon as the yield is no longer small beside the rate: a step of its size would reach into that.
    """
    least = min((abs(x) for x in (rate, other) if x != 0.0), default=RATE_STEP)
    return max(min(RATE_STEP, 0.05 * least) * min(1.0, room), 1e-7)


def rooms(prepared: PreparedAmericans, sample: Sample) -> FloatArray:
    """Distance of each spot to the boundary in units of vol sqrt(T); below 0 exercised, infinite where European."""
    c = sample.contracts
    room = np.full(len(sample.spot), np.inf)
    rows = np.flatnonzero(prepared.kind == AMERICAN)
    log_y = (np.where(c.is_call, -1.0, 1.0) * np.log(sample.spot / c.strike))[rows]
    boundary = prepared.profiles[prepared.problem[rows], LOG_BOUNDARY]
    room[rows] = (log_y - boundary) / (c.implied_vol * np.sqrt(c.years))[rows]
    return room


def compare(region: str, sample: Sample, pricer: UnitPricer) -> Comparison:
    """The engine's errors on a sample."""
    contracts = sample.contracts
    prepared = BoundaryEngine().prepare(contracts)
    values = prepared.value(sample.spot)
    ours = np.stack([getattr(values, name) for name in FIGURES], axis=1)
    room = rooms(prepared, sample)
    errors = []
    without_reference = 0
    for row in range(len(contracts)):
        if row in prepared.refused:
            continue
        sign = 1.0 if contracts.is_call[row] else -1.0
        terms = [float(x[row]) for x in (contracts.years, contracts.implied_vol)]
        terms += [float(x[row]) for x in (contracts.risk_free_rate, contracts.dividend_yield)]
        spot = float(sample.spot[row])
        try:
            if room[row] > 0.0:
                expected = reference_values(pricer, spot, terms[0], terms[1], terms[2], terms[3], sign, room[row])
            else:
                price = pricer.price(spot, terms[0], terms[1], terms[2], terms[3], sign)
                expected = np.array([price, sign, 0.0, 0.0, 0.0, 0.0, 0.0])
        except CannotPriceError:
            without_reference += 1
            continue
        scale = max(spot / STRIKE, 1.0)
        errors.append(np.abs(ours[row] - expected) * np.array([1 / scale, 1.0, scale] + [1 / scale] * 4))
    table = np.array(errors) if errors else np.empty((0, len(FIGURES)))
    return Comparison(region, table, sorted(prepared.refused.values()), without_reference)


def book(rng: np.random.Generator, n: int) -> Sample:
    """What a book of listed options holds: the ranges of the trial that the targets were set on."""
    spot = STRIKE / rng.uniform(0.6, 1.4, n)
    return Sample(
        Contracts(
            strike=np.full(n, STRIKE),
            years=rng.integers(5, 731, n) / 365.0,
            implied_vol=rng.uniform(0.15, 0.8, n),
            risk_free_rate=rng.uniform(0.0, 0.05, n),
            dividend_yield=rng.uniform(0.0, 0.04, n) * (rng.random(n) < 0.8),
            is_call=rng.random(n) < 0.5,
        ),
        spot,
    )


def near_boundary(rng: np.random.Generator, contracts: Contracts, nearest: float, farthest: float) -> Sample:
    """These contracts with spots at random distances from their boundaries (in vol sqrt T); European ones drop out."""
    prepared = BoundaryEngine().prepare(contracts)
    rows = np.flatnonzero(prepared.kind == AMERICAN)
    kept = contracts.take(rows)
    room = rng.uniform(nearest, farthest, len(rows))
    log_y = prepared.profiles[prepared.problem[rows], LOG_BOUNDARY] + room * kept.implied_vol * np.sqrt(kept.years)
    return Sample(kept, kept.strike * np.exp(np.where(kept.is_call, -1.0, 1.0) * log_y))


def short_dated(rng: np.random.Generator, n: int) -> Sample:
    """One to five days, within four standard deviations."""
    base = book(rng, n).contracts
    years = rng.integers(1, 6, n) / 365.0
    contracts = Contracts(base.strike, years, base.implied_vol, base.risk_free_rate, base.dividend_yield, base.is_call)
    return Sample(contracts, STRIKE * np.exp(rng.uniform(-4.0, 4.0, n) * base.implied_vol * np.sqrt(years)))


def equal_rates(rng: np.random.Generator, n: int) -> Sample:
    """Rate and yield equal, where the boundary's limit has a kink."""
    base = book(rng, n)
    c = base.contracts
    return Sample(
        Contracts(c.strike, c.years, c.implied_vol, c.risk_free_rate, c.risk_free_rate.copy(), c.is_call), base.spot
    )


def extreme(rng: np.random.Generator, n: int) -> Sample:
    """Volatility 0.03 to 2, one day to ten years, rates from -2 % to 20 %, spot within four standard deviations and
    between a quarter of the strike and four times it."""
    years = 10.0 ** rng.uniform(math.log10(1 / 365.0), 1.0, n)
    vol = 10.0 ** rng.uniform(math.log10(0.03), math.log10(2.0), n)
    contracts = Contracts(
        strike=np.full(n, STRIKE),
        years=years,
        implied_vol=vol,
        risk_free_rate=rng.uniform(-0.02, 0.2, n),
        dividend_yield=rng.uniform(-0.02, 0.2, n),
        is_call=rng.random(n) < 0.5,
    )
    return Sample(
        contracts, STRIKE * np.exp(rng.uniform(-1.0, 1.0, n) * np.minimum(4.0 * vol * np.sqrt(years), math.log(4.0)))
    )


def by_moneyness(sample: Sample) -> dict[str, Sample]:
    """A book's sample in parts, from what is exercised at once to what is far out of the money."""
    prepared = BoundaryEngine().prepare(sample.contracts)
    room = rooms(prepared, sample)
    deviation = sample.contracts.implied_vol * np.sqrt(sample.contracts.years)
    sign = np.where(sample.contracts.is_call, 1.0, -1.0)
    out = -sign * np.log(sample.spot / sample.contracts.strike) / deviation
    parts = {
        "book, deep in (exercised)": room <= 0.0,
        "book, near the boundary": (room > NEAREST) & (room <= NEAR),
        "book, continuation": (room > NEAR) & (out <= 2.0),
        "book, far out": (room > NEAR) & (out > 2.0),
    }
    return {name: Sample(sample.contracts.take(rows), sample.spot[rows]) for name, rows in parts.items()}


def regions(trades: int, seed: int) -> dict[str, Sample]:
    """All samples: ``trades`` of a book, and a fifth of that of each special region."""
    rng = np.random.default_rng(seed)
    part = max(trades // 5, 1)
    return {
        **by_moneyness(book(rng, trades)),
        "next to the boundary": near_boundary(rng, book(rng, part).contracts, NEAREST, 0.1),
        "near the boundary": near_boundary(rng, book(rng, part).contracts, 0.1, 1.0),
        "short-dated": short_dated(rng, part),
        "rate = yield": equal_rates(rng, part),
        "extreme parameters": extreme(rng, part),
        "extreme, near the boundary": near_boundary(rng, extreme(rng, part).contracts, NEAREST, 0.5),
    }


def lines(comparison: Comparison) -> list[str]:
    """Two lines of the table, and what was left out."""
    count = len(comparison.errors)
    if not count:
        return [f"{comparison.region:28s} {count:6d}"]
    text = []
    for label, part in (
        ("largest", comparison.errors.max(axis=0)),
        ("99 %", np.quantile(comparison.errors, 0.99, axis=0)),
    ):
        name = comparison.region if label == "largest" else ""
        number = str(count) if label == "largest" else ""
        text.append(f"{name:28s} {number:>6s}  {label:8s}" + "".join(f"{x:13.1e}" for x in part))
    for reason in dict.fromkeys(comparison.refused):
        text.append(f"{'':28s} {comparison.refused.count(reason):6d}  refused: {reason}")
    if comparison.without_reference:
        text.append(f"{'':28s} {comparison.without_reference:6d}  without a reference: QuantLib refuses")
    return text


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--trades", type=int, default=200, help="trades of the book; special regions get a fifth each")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--quick", action="store_true", help="a faster reference, good to 2e-7 in a book's range")
    arguments = parser.parse_args()
    pricer = quick_pricer() if arguments.quick else reference_pricer()
    print(f"{'region':28s} {'trades':>6s}  {'error':8s}" + "".join(f"{name:>13s}" for name in FIGURES))
    for region, sample in regions(arguments.trades, arguments.seed).items():
        for line in lines(compare(region, sample, pricer)):
            print(line, flush=True)


if __name__ == "__main__":
    main()
