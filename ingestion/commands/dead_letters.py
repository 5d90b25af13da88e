"""``dead-letters``: the messages that could not be taken. List them, look at one, try them again."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.commands.opening import BAD_INPUT, REFUSED, fail, opened_store, read_settings
from services.records.how_many import grouped

if TYPE_CHECKING:
    from storage.feeds.dead_letters import StoredDeadLetter

app = typer.Typer(no_args_is_help=True, help="Messages that could not be taken: list them, look at one, try again.")

_MOST = 1_000_000


@app.command("list")
def list_letters(
    everything: Annotated[bool, typer.Option("--all", help="Those that were taken after all, too.")] = False,
    limit: Annotated[int, typer.Option(min=1, help="The most to show, the oldest first.")] = 50,
) -> None:
    """Show the messages that wait, a line each: where from, and why they could not be taken."""
    from storage.feeds.dead_letters import count_waiting, read_dead_letters

    with opened_store() as store, store.read() as connection:
        waiting = count_waiting(connection)
        letters = read_dead_letters(connection, None, limit, settled=everything)
    for stored in letters:
        taken = ", taken after all" if stored.settled_at else ""
        tries = "" if stored.attempts == 1 else f" ({stored.attempts} attempts{taken})"
        typer.echo(f"{stored.dead_letter_id:>6}  {_place(stored)}  {_fault(stored)}{tries}")
    typer.echo(f"{grouped(waiting)} waiting")


@app.command()
def show(number: Annotated[int, typer.Argument(metavar="ID", help="The number that list shows.")]) -> None:
    """Show all that is known of a message, and the message itself."""
    from storage.feeds.dead_letters import read_dead_letters

    with opened_store() as store, store.read() as connection:
        found = read_dead_letters(connection, [number])
    if not found:
        raise fail(f"There is no dead letter {number}.", BAD_INPUT)
    stored, letter = found[0], found[0].letter
    settled = f" {stored.settled_at:%Y-%m-%d %H:%M:%S} UTC" if stored.settled_at else ""
    lines = {
        "received": f"{stored.received_at:%Y-%m-%d %H:%M:%S} UTC",
        "from": f"{_place(stored)}, consumer group {letter.consumer_group}",
        "kind": letter.kind,
        "deserializer": letter.deserializer,
        "column": letter.column_name or "(the whole message)",
        "value": letter.value,
        "reason": letter.reason,
        "state": f"{stored.state}{settled}, {stored.attempts} {'attempt' if stored.attempts == 1 else 'attempts'}",
        "key": _readable(letter.message_key),
        "message": _readable(letter.message),
    }
    for name, text in lines.items():
        typer.echo(f"{name:<14}{text}")


@app.command()
def retry(
    numbers: Annotated[list[int] | None, typer.Argument(metavar="[ID]...", help="The numbers that list shows.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="All that wait.")] = False,
) -> None:
    """Try messages again: with the same deserializer as it is now. What can be taken now is priced at once."""
    from services.pricing.pricing_state import PricingState
    from services.writes.retry_dead_letters import retry_dead_letters
    from storage.feeds.dead_letters import read_dead_letters

    if everything == bool(numbers):
        raise fail("Say which: some numbers, or --all.", BAD_INPUT)
    settings = read_settings()
    with opened_store() as store:
        with store.read() as connection:
            letters = read_dead_letters(connection, None if everything else numbers, _MOST)
        absent = sorted(set(numbers or []) - {stored.dead_letter_id for stored in letters})
        if absent:
            raise fail(f"There is no dead letter {', '.join(map(str, absent))}.", BAD_INPUT)
        state = PricingState.of(settings)
        refused = 0
        tolerance = settings.future_tolerance_seconds
        for retried in retry_dead_letters(store, state, letters, future_tolerance_seconds=tolerance):
            rows = f"{retried.rows} row{'' if retried.rows == 1 else 's'}"
            typer.echo(f"{retried.dead_letter_id:>6}  {retried.fault or f'taken: {rows}'}")
            refused += retried.fault is not None
    typer.echo(f"{grouped(len(letters) - refused)} taken, {grouped(refused)} not")
    if refused:
        raise typer.Exit(REFUSED)


def _place(stored: "StoredDeadLetter") -> str:
    letter = stored.letter
    return f"{letter.topic}[{letter.partition}] offset {letter.message_offset}"


def _fault(stored: "StoredDeadLetter") -> str:
    letter = stored.letter
    value = f" {_printable(letter.value)!r}" if letter.value else ""
    return f"{letter.column_name}{value}: {letter.reason}" if letter.column_name else letter.reason


def _readable(content: bytes | None) -> str:
    """Bytes as text where all of it can be printed, else as hexadecimal digits."""
    if content is None:
        return "(none)"
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        text = "\0"
    printable = all(character.isprintable() or character in "\n\t" for character in text)
    return text if printable else f"hex {content.hex(' ', 32)}"


def _printable(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
