"""What people say to a change: one line each, short, of signs that can be printed."""

from services.records.how_many import grouped

REASON_LENGTH, NOTE_LENGTH = 200, 2000


class NotPossible(ValueError):
    """What somebody asked for cannot be done; the message says why, and what to do instead."""


def one_line(text: str) -> str:
    """A text without line breaks and signs that cannot be printed."""
    return "".join(sign for sign in " ".join(text.split()) if sign.isprintable())


def reason_and_note(reason: str, note: str, what: str) -> tuple[str, str]:
    """Both as they are stored. what: names the change. Raises NotPossible without a reason, or for too long ones."""
    said, told = one_line(reason), one_line(note)
    if not said:
        raise NotPossible(f"{what} needs a reason: say why.")
    if len(said) > REASON_LENGTH:
        raise NotPossible(f"A reason has at most {REASON_LENGTH} characters: say it shorter.")
    if len(told) > NOTE_LENGTH:
        raise NotPossible(f"A note has at most {grouped(NOTE_LENGTH)} characters: say it shorter.")
    return said, told
