"""Repricing a book, engine against engine: the article's way, QuantLib's objects built once, and ours."""

from collections.abc import Callable

import numpy as np

from benchmarks.books import Book, demo_book, sampled
from benchmarks.pricing.contest import Way, contest
from benchmarks.pricing.quantlib_ways import BuiltOnce, reprice_rebuilding, set_evaluation_date
from benchmarks.results import Result
from engine.contracts import Contracts
from engine.model import ExerciseStyle
from engine.pricing.engines import ENGINES_BY_NAME

NAME = "repricing"
_BOOKS = {"European": ExerciseStyle.EUROPEAN, "American": ExerciseStyle.AMERICAN, "as it is": None}
_SAMPLE, _QUICK_SAMPLE = 1000, 40


def run(quick: bool) -> list[Result]:
    """Price and greeks of the whole demo book and of one underlying, taken as European, as American and as it is."""
    set_evaluation_date()
    results: list[Result] = []
    for words, style in _BOOKS.items():
        book = demo_book(style)
        part = book.of(book.middle_ticker)
        for case, chosen in ((f"{book.size:,} options", book), (f"{part.size:,} options on one underlying", part)):
            results += _contest(f"the demo book taken as {words}, {case}".replace("taken as as", "as"), chosen, quick)
    return results


def _contest(case: str, book: Book, quick: bool) -> list[Result]:
    americans = sum(option.american for options in book.options.values() for option in options)
    wanted = _QUICK_SAMPLE if quick else _SAMPLE if americans == book.size else book.size
    sample = sampled(book, wanted)
    share = sample.size / book.size
    note = "greeks of Americans by bumps of QdFp's fast scheme" if americans else "AnalyticEuropeanEngine"
    once = BuiltOnce(sample)
    ways = [
        Way("objects rebuilt per trade and tick, as in the article", lambda: reprice_rebuilding(sample), share, note),
        Way("QuantLib objects built once, shared quotes", once.tick, share, note),
        Way("ours, as a tick runs it: engines and measures by underlying", _tick(book)),
        Way("ours, the engines alone", _engines_alone(book)),
    ]
    return contest(NAME, case, ways, rounds=3 if quick else 9)


def _tick(book: Book) -> Callable[[], object]:
    """All that a tick computes: unit values, and from them the measures of every position."""
    prepared = [(underlying, book.spots[ticker]) for ticker, underlying in book.prepared.items()]
    return lambda: [underlying.value(spot) for underlying, spot in prepared]


def _engines_alone(book: Book) -> Callable[[], object]:
    """The unit values alone, each engine called once for all its contracts."""
    by_engine: dict[str, list[tuple[Contracts, float]]] = {}
    for ticker, underlying in book.prepared.items():
        for group in underlying.groups:
            by_engine.setdefault(group.engine.name, []).append((group.contracts, book.spots[ticker]))
    work = []
    for name, parts in by_engine.items():
        contracts = Contracts(
            *(np.concatenate([getattr(part, field) for part, _ in parts]) for field in Contracts.__slots__)
        )
        spots = np.concatenate([np.full(len(part), spot) for part, spot in parts])
        work.append((ENGINES_BY_NAME[name].prepare(contracts), spots))
    return lambda: [prepared.value(spots) for prepared, spots in work]
