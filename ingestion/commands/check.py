"""``check``: whether the newest rows are what the log of all versions says; ``--rebuild`` makes them so again."""

from typing import Annotated

import typer

from ingestion.commands.opening import REFUSED, fail, opened_store, read_settings

_SHOWN = 20


def check(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the rows that differ what the log says.")] = False,
) -> None:
    """Compare the newest quotes, trades, books, instruments and parameters with every version that is kept of them.

    Then compare the values of the newest date with a full revaluation.
    """
    from services.pricing.fallback_parameters import fallback_of
    from services.pricing.price_all import price_newest
    from services.pricing.pricing_state import PricingState
    from services.queries.check_values import check_values
    from services.records.how_many import grouped, how_many
    from services.writes.rebuild_projection import check_projection, rebuild_projection

    known = read_settings()
    with opened_store() as store:
        if rebuild:
            checked = rebuild_projection(store)
            price_newest(store, PricingState.of(known), source="check --rebuild", wait_for_slow=True)
        with store.read() as connection:
            if not rebuild:
                checked = check_projection(connection)
            values = check_values(store, connection, fallback_of(known))
    found = [str(difference) for difference in checked.differences]
    found += values.differences if rebuild or not found else []
    for line in found[:_SHOWN]:
        typer.echo(line, err=True)
    if len(found) > _SHOWN:
        typer.echo(f"and {grouped(len(found) - _SHOWN)} more", err=True)
    if checked.differences and not rebuild:
        count = how_many(len(checked.differences), "row differs", "rows differ")
        raise fail(f"{count} from the log. Fix: python -m ingestion check --rebuild", REFUSED)
    if values.differences:
        count = how_many(len(values.differences), "trade differs", "trades differ")
        fix = "A sidecar at work may be about to price them: check again. Fix: python -m ingestion check --rebuild"
        raise fail(f"{count} from a full revaluation at {values.as_of}. {fix}", REFUSED)
    if checked.differences:
        how = how_many(len(checked.differences), "row is", "rows are")
        typer.echo(f"{how} what the log says again, and the newest date is priced anew.")
        return
    said = ", ".join(f"{grouped(number)} {kind}" for kind, number in checked.rows.items())
    typer.echo(f"The newest rows equal the log: {said}.")
    if values.as_of is not None:
        count = how_many(values.trades, "trade")
        typer.echo(f"The values of {values.as_of} equal a full revaluation: {count} on underlyings with a quote.")
