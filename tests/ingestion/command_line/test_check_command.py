"""``python -m ingestion check`` proves that the newest rows are what the log says, and makes them so again."""

import pytest
from sqlalchemy import delete, insert, select, update

from storage.core.database import Store
from storage.core.schema import pricing_failures, quotes, sensitivities, trades
from storage.read_models.read_models import sensitivities_frame
from tests.fixtures.small_book import MONDAY
from tests.ingestion.commands import board, filled, run

__all__ = ["board", "filled"]

SOUND = (
    "The newest rows equal the log: 6 trades, 1 books, 3 instruments, 1 parameters, 4 quotes.\n"
    "The values of 2020-03-09 equal a full revaluation: 4 trades on underlyings with a quote."
)


def test_it_says_what_differs_with_its_key_and_makes_it_right(filled: Store) -> None:
    assert (run("check").exit_code, run("check").stdout.strip()) == (0, SOUND)
    with filled.read() as connection:
        before = sensitivities_frame(connection, MONDAY).set_index("trade_id")["market_value"]
    with filled.engine.begin() as connection:
        connection.execute(update(trades).where(trades.c.trade_id == "S1").values(quantity=5.0))
        connection.execute(update(quotes).where(quotes.c.as_of_date == MONDAY).values(quote=1.0))
    damaged = run("check")
    assert damaged.exit_code == 1
    assert damaged.stderr.splitlines() == [
        "trades S1: quantity is 5.0, the log has -300.5",
        "quotes 2020-03-09, AAPL: quote is 1.0, the log has 68.0",
        "quotes 2020-03-09, MSFT: quote is 1.0, the log has 150.0",
        "3 rows differ from the log. Fix: python -m ingestion check --rebuild",
    ]
    fixed = run("check", "--rebuild")
    assert fixed.exit_code == 0
    assert fixed.stdout.strip() == "3 rows are what the log says again, and the newest date is priced anew."
    assert (run("check").exit_code, run("check").stdout.strip()) == (0, SOUND)
    assert run("check", "--rebuild").stdout.strip() == SOUND
    with filled.read() as connection:
        after = sensitivities_frame(connection, MONDAY).set_index("trade_id")["market_value"]
    assert after.to_dict() == pytest.approx(before.to_dict(), rel=1e-12)


def test_of_many_the_first_are_named(filled: Store) -> None:
    with filled.engine.begin() as connection:
        row = dict(connection.execute(select(quotes).limit(1)).mappings().one())
        connection.execute(insert(quotes), [{**row, "instrument": f"GHOST{number}"} for number in range(30)])
    said = run("check")
    assert said.exit_code == 1
    lines = said.stderr.splitlines()
    assert (len(lines), lines[20]) == (22, "and 10 more")
    assert lines[0] == "quotes 2020-03-06, GHOST0: the table has it, the log does not"


@pytest.mark.parametrize("damage", ["another value", "no value", "a failure that is not told"])
def test_values_that_no_revaluation_gives_are_named(filled: Store, damage: str) -> None:
    with filled.engine.begin() as connection:
        if damage == "another value":
            connection.execute(update(sensitivities).where(sensitivities.c.trade_id == "S1").values(vega_1pt=7.0))
        elif damage == "no value":
            connection.execute(delete(sensitivities).where(sensitivities.c.trade_id == "S1"))
        else:
            connection.execute(delete(pricing_failures))
    said = run("check")
    assert said.exit_code == 1
    assert (
        said.stderr.splitlines()[0]
        == {
            "another value": "trade S1: vega_1pt is 7, a revaluation gives 0",
            "no value": "trade S1: it has no value, a revaluation gives -45075 as market value",
            "a failure that is not told": "trade N1: it cannot be valued, and the store does not say so",
        }[damage]
    )
    assert "from a full revaluation at 2020-03-09. A sidecar at work" in said.stderr
    assert run("check", "--rebuild").exit_code == 0
    assert run("check").stdout.strip() == SOUND


def test_reported_values_are_nobody_elses_to_compare(filled: Store) -> None:
    with filled.engine.begin() as connection:
        ours = sensitivities.c.trade_id == "S1"
        connection.execute(update(sensitivities).where(ours).values(source="overnight", market_value=7.0))
    assert run("check").exit_code == 0
