"""``check``: whether the newest rows are what the log of all versions says; ``--rebuild`` makes them so again."""

from typing import Annotated

import typer

from ingestion.commands.opening import REFUSED, fail, opened_store, read_settings

_SHOWN = 20


def check(
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Make the rows that differ what the log says.")] = False,
) -> None:
    """Compare the newest quotes, trades, books, instruments and parameters with every version that is kept of them."""
    from services.pricing.price_all import price_newest
    from services.pricing.pricing_state import PricingState
    from services.records.how_many import grouped, how_many
    from services.writes.rebuild_projection import check_projection, rebuild_projection

    with opened_store() as store:
        if rebuild:
            checked = rebuild_projection(store)
            if checked.differences:
                price_newest(store, PricingState.of(read_settings()), source="check --rebuild", wait_for_slow=True)
        else:
            with store.read() as connection:
                checked = check_projection(connection)
    for difference in checked.differences[:_SHOWN]:
        typer.echo(str(difference), err=True)
    if len(checked.differences) > _SHOWN:
        typer.echo(f"and {grouped(len(checked.differences) - _SHOWN)} more", err=True)
    count = how_many(len(checked.differences), "row differs", "rows differ")
    if checked.differences and not rebuild:
        raise fail(f"{count} from the log. Fix: python -m ingestion check --rebuild", REFUSED)
    if checked.differences:
        how = how_many(len(checked.differences), "row is", "rows are")
        typer.echo(f"{how} what the log says again, and the newest date is priced anew.")
        return
    said = ", ".join(f"{grouped(number)} {kind}" for kind, number in checked.rows.items())
    typer.echo(f"The newest rows equal the log: {said}.")
