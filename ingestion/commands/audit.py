"""``audit``: what people changed and were refused. List it, and verify that it is as it was written."""

from typing import TYPE_CHECKING, Annotated

import typer

from ingestion.commands.opening import REFUSED, fail, opened_store
from services.records.how_many import grouped, how_many

if TYPE_CHECKING:
    from storage.people.audit import StoredAuditEntry

app = typer.Typer(no_args_is_help=True, help="What people changed and were refused: list it, verify it.")


@app.command("list")
def list_entries(
    user: Annotated[list[str] | None, typer.Option(help="Of this person; may be repeated.")] = None,
    text: Annotated[str, typer.Option(help="Part of the subject, the reason or the note.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="The most to show, the newest first.")] = 50,
) -> None:
    """Show the newest entries, a line each."""
    from storage.people.audit import AuditFilter, count_audit, read_audit

    chosen = AuditFilter(users=tuple(user or ()), text=text)
    with opened_store() as store, store.read() as connection:
        count, found = count_audit(connection, chosen), read_audit(connection, chosen, limit=limit)
    for stored in found:
        typer.echo(_line(stored))
    typer.echo(how_many(count, "entry", "entries"))


@app.command()
def verify(
    known: Annotated[str, typer.Option("--hash", help="A hash that you noted: its entry must still be there.")] = "",
) -> None:
    """Read all entries and compute their hashes again: names the first that is missing or was altered."""
    from storage.people.audit import count_audit, has_hash, read_audit, verify_audit

    with opened_store() as store, store.read() as connection:
        fault, count = verify_audit(connection), count_audit(connection)
        newest = read_audit(connection, limit=1)
        is_there = not known or has_hash(connection, known)
    if fault is not None:
        raise fail(f"Entry {grouped(fault.audit_id)} {fault.reason}.", REFUSED)
    if not is_there:
        raise fail(f"No entry has the hash {known}: the end of the audit was cut off, or it is another audit.", REFUSED)
    said = f", the newest hash is {newest[0].hash}" if newest else ""
    typer.echo(f"{how_many(count, 'entry is as it was', 'entries are as they were')} written{said}")


def _line(stored: "StoredAuditEntry") -> str:
    from services.exports.audit_texts import in_words

    entry = stored.entry
    was, became = in_words(entry.before) or "nothing", in_words(entry.after) or "nothing"
    change = f": {was} -> {became}" if entry.before or entry.after else ""
    said = f" ({', '.join(filter(None, (entry.reason, entry.note)))})" if entry.reason or entry.note else ""
    subject = f"{entry.subject_kind} {entry.subject_key}"
    return (
        f"{stored.audit_id:>6}  {stored.recorded_at:%Y-%m-%d %H:%M:%S}  {entry.user_name}  "
        f"{entry.action}  {subject}{change}{said}"
    )
