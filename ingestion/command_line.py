"""The command line of ``python -m ingestion``: which commands there are."""

import typer

from ingestion.commands import audit, dead_letters, generate
from ingestion.commands.append import append
from ingestion.commands.check import check
from ingestion.commands.contents import demo, export, load, status
from ingestion.commands.kafka import kafka
from ingestion.commands.replay import control, replay
from ingestion.commands.watch import watch

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Deltaboard's sidecar: brings data into the store and prices what depends on it.",
)
for command in (demo, replay, watch, kafka, load, export, control, status, check):
    app.command()(command)
app.command(context_settings={"ignore_unknown_options": True})(append)  # a negative number is no option
app.add_typer(dead_letters.app, name="dead-letters")
app.add_typer(generate.app, name="generate")
app.add_typer(audit.app, name="audit")
