"""What every command begins with: the settings, the store, and how a command ends that cannot go on."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from storage.connection.settings import Settings
    from storage.core.database import Store

REFUSED, BAD_INPUT, UNREADABLE, TAKEN, OTHER_BOOK, NOT_PRICED = 1, 2, 3, 4, 5, 6
"""Exit codes: rows were refused; an argument, setting or file cannot be used; the store cannot be read; another sidecar
owns the feed; the store holds a book that is not the demo's; an underlying could not be priced."""


def fail(message: str, code: int) -> typer.Exit:
    """Say why a command ends, and the exit to raise."""
    typer.echo(message, err=True)
    return typer.Exit(code)


def read_settings() -> "Settings":
    """The settings; one that cannot be used ends the command."""
    from pydantic import ValidationError

    from storage.connection.settings import settings

    try:
        return settings()
    except ValidationError as error:
        wrong = error.errors()[0]
        name = ".".join(str(part) for part in wrong["loc"]).upper()
        raise fail(f"The setting {name} is '{wrong['input']}': {wrong['msg']}.", BAD_INPUT) from error


@contextmanager
def opened_store(*, fresh: bool = False) -> Iterator["Store"]:
    """The store of the settings, brought to the newest schema. A store that cannot be read ends the command."""
    from storage.connection.faults import StoreFault
    from storage.core.database import Store, StoreUnreadable

    try:
        store = Store.of(read_settings())
    except StoreUnreadable as error:
        raise fail(str(error), UNREADABLE) from error
    try:
        if fresh:
            _throw_away(store)
        store.migrate()
        yield store
    except StoreUnreadable as error:
        raise fail(str(error), UNREADABLE) from error
    except StoreFault as error:
        raise fail(str(store.unreadable(error)), UNREADABLE) from error
    finally:
        store.close()


def _throw_away(store: "Store") -> None:
    if store.dialect != "sqlite" or not store.url.database:
        raise fail(
            "--fresh throws away the embedded SQLite store only; empty a PostgreSQL database yourself.", BAD_INPUT
        )
    path = Path(store.url.database)
    try:
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
    except OSError as error:
        raise fail(f"{path} cannot be thrown away: {error.strerror}.", UNREADABLE) from error


def parsed_speed(text: str) -> float | None:
    """A speed as people write it; None: as fast as it goes. Ends the command when it is none."""
    if text == "max":
        return None
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 0 < speed < float("inf"):
        raise fail(f"The speed must be a number above 0, or max; it is '{text}'.", BAD_INPUT)
    return speed
