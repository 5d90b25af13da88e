"""``watch``: files and folders of CSV, Excel and Parquet, loaded when they come and whenever they change."""

from pathlib import Path
from typing import Annotated

import typer

from ingestion.commands.contents import Kind
from ingestion.commands.opening import read_settings
from ingestion.commands.running import run_sidecar


def watch(
    paths: Annotated[list[Path], typer.Argument(help="Files and folders; one that is not there yet is waited for.")],
    kind: Annotated[Kind | None, typer.Option(help="What the files hold; by their columns when missing.")] = None,
    drop: Annotated[
        bool, typer.Option("--drop", help="The folders are drop folders: files move to loaded/ or rejected/.")
    ] = False,
    good_rows: Annotated[bool, typer.Option("--good-rows", help="Load the good rows although others are bad.")] = False,
    settle: Annotated[
        float, typer.Option(min=0.0, help="A file is whole when nobody has written to it for so many seconds.")
    ] = 0.5,
    rescan: Annotated[
        float, typer.Option(min=0.05, help="Look after so many seconds, whatever the file system tells.")
    ] = 2.0,
    name: Annotated[str, typer.Option(help="The feed's name: each sidecar that watches needs its own.")] = "watch",
) -> None:
    """Run the sidecar with watched files: what is new in them is appended, what changed is overwritten."""
    from ingestion.watch.feed import WatchFeed
    from ingestion.watch.round import WatchOptions
    from services.files.file_limits import FileLimits
    from services.records.plausibility import PlausibleBounds

    known = read_settings()
    options = WatchOptions(
        tuple(paths),
        kind.value if kind else None,
        drop,
        good_rows,
        settle,
        rescan,
        known.future_tolerance_seconds,
        PlausibleBounds.of(known),
    )
    limits = FileLimits.of(known)
    run_sidecar([name], lambda store, row: WatchFeed(store, row, options, limits))
