"""The command line of ``python -m ingestion``: which commands there are."""

import typer

from ingestion.commands.contents import demo, export, load, status
from ingestion.commands.replay import control, replay

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Deltaboard's sidecar: brings data into the store and prices what depends on it.",
)
for command in (demo, replay, load, export, control, status):
    app.command()(command)
