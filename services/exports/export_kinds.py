"""What people have as files, and the address of each: its kind, and what is asked of it by name.

An address says all that a file is made of, so that it can be fetched at any time, kept and sent. The failures of an
upload alone are kept nowhere but on a page: their address holds for as long as that page shows them.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields
from datetime import UTC, date, datetime
from functools import partial
from typing import Any, get_type_hints
from urllib.parse import urlencode

from services.exports.audit_texts import audit_table
from services.exports.export_table import ExportForm
from services.exports.export_worker import Make
from services.exports.trade_frame import story_table
from services.queries.without_value import without_value_table
from services.records.record_kinds import RECORD_KINDS
from services.uploads.upload_failures import KEPT_FAILURES, failures_table
from services.uploads.upload_templates import template_table
from storage.core.storable_text import storable, text_fault
from storage.people.audit import AuditFilter
from storage.read_models.trade_list import TradeFilter, whole_trades

EXPORT_URL = "/deltaboard/export"
FORM, PERSON = "form", "person"
"""Of every address: the form of the file; who asks, where there is no sign-in."""


class NotThere(LookupError):
    """What was asked for does not exist, or no more; the message is for people."""


@dataclass(frozen=True, slots=True)
class ExportTable:
    """title: of the table; file_name: without its ending. make: gives the rows. about: what they are, by name."""

    title: str
    file_name: str
    make: Make
    about: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TradeAsked:
    """Everything about a trade, as of a date or the newest."""

    trade_id: str
    as_of: date | None = None


@dataclass(frozen=True, slots=True)
class WithoutValueAsked:
    """The trades that have no value at a date."""

    as_of: date


@dataclass(frozen=True, slots=True)
class TemplateAsked:
    """A file to begin with. kind: a key of ``RECORD_KINDS``."""

    kind: str


@dataclass(frozen=True, slots=True)
class FailuresAsked:
    """The failures of an upload that somebody looks at."""

    preview_id: str


@dataclass(frozen=True, slots=True)
class ExportKind:
    """asked: a dataclass of texts, tuples of texts, dates and instants. table: it, and the name of who asks -> the
    table; raises NotThere."""

    asked: type[Any]
    table: Callable[[Any, str], ExportTable]


def _trades(asked: TradeFilter, _who: str) -> ExportTable:
    words = {
        "text": asked.text,
        "status": ", ".join(asked.statuses),
        "book": ", ".join(asked.books),
        "underlying": ", ".join(asked.tickers),
        "maturity before": "" if asked.expired_at is None else asked.expired_at.isoformat(),
    }
    return ExportTable("Trades", "trades", partial(whole_trades, chosen=asked), _in_words(words))


def _trade(asked: TradeAsked, _who: str) -> ExportTable:
    make = partial(story_table, trade_id=asked.trade_id, as_of=asked.as_of)
    return ExportTable(f"Trade {asked.trade_id}", f"trade-{asked.trade_id.lower()}", make, {"Trade": asked.trade_id})


def _without_value(asked: WithoutValueAsked, _who: str) -> ExportTable:
    make = partial(without_value_table, as_of=asked.as_of)
    return ExportTable("Not included", "not-included", make, {"As of": f"{asked.as_of}"})


def _audit(asked: AuditFilter, _who: str) -> ExportTable:
    words = {
        "who": ", ".join(asked.users),
        "what": ", ".join(asked.actions),
        "about": ", ".join(asked.subject_kinds),
        "text": asked.text,
        "since": "" if asked.since is None else f"{asked.since:%Y-%m-%d} UTC",
        "before": "" if asked.until is None else f"{asked.until:%Y-%m-%d} UTC",
    }
    return ExportTable("Audit", "audit", partial(audit_table, chosen=asked), _in_words(words))


def _template(asked: TemplateAsked, _who: str) -> ExportTable:
    if asked.kind not in RECORD_KINDS:
        raise NotThere(f"there are no {asked.kind}; there are {', '.join(RECORD_KINDS)}")
    return ExportTable(asked.kind, asked.kind, partial(template_table, kind=asked.kind))


def _failures(asked: FailuresAsked, who: str) -> ExportTable:
    preview = KEPT_FAILURES.preview_of(who, asked.preview_id)
    if preview is None:
        raise NotThere("these failures are not kept any more: look at the file once more, on the page Upload")
    name = preview.file_name.rpartition(".")[0] or "upload"
    make = partial(failures_table, preview=preview)
    return ExportTable("Failures", f"{name}.errors", make, {"File": preview.file_name})


EXPORT_KINDS = {
    "trades": ExportKind(TradeFilter, _trades),
    "trade": ExportKind(TradeAsked, _trade),
    "not-included": ExportKind(WithoutValueAsked, _without_value),
    "audit": ExportKind(AuditFilter, _audit),
    "template": ExportKind(TemplateAsked, _template),
    "failures": ExportKind(FailuresAsked, _failures),
}
"""By what an address calls them."""


def export_address(asked: object, form: ExportForm, person: str | None = None) -> str:
    """Where the file of what is asked for is. person: who asks, where people choose who they are."""
    kind = next(name for name, kind in EXPORT_KINDS.items() if type(asked) is kind.asked)
    said = {each.name: value for each in fields(asked) if (value := getattr(asked, each.name)) != each.default}  # type: ignore[arg-type]
    query = {FORM: form, **{name: _written(value) for name, value in said.items()}}
    return f"{EXPORT_URL}/{kind}?{urlencode({**query, **({PERSON: person} if person else {})}, doseq=True)}"


def read_asked(kind: str, query: Iterable[tuple[str, str]]) -> Any:
    """What the query of an address asks for, without its form and person.

    Raises NotThere for an unknown kind, ValueError for what cannot be read: a filter that is spelt wrong must not
    give all rows. Both are said in words.
    """
    if kind not in EXPORT_KINDS:
        raise NotThere(f"there is no table {kind}; there are {', '.join(EXPORT_KINDS)}")
    wanted = EXPORT_KINDS[kind].asked
    hints, given = get_type_hints(wanted), dict[str, list[str]]()
    for name, text in query:
        if name in (FORM, PERSON):
            continue
        if name not in hints:
            raise ValueError(f"{kind} cannot be asked for by {storable(name[:40])}, only by {', '.join(hints)}")
        if (fault := text_fault(text)) is not None:
            raise ValueError(f"{name} {fault}")
        given.setdefault(name, []).append(text)
    missing = [each.name for each in fields(wanted) if each.default is MISSING and each.name not in given]
    if missing:
        raise ValueError(f"{', '.join(missing)} must be said")
    return wanted(**{name: _read(name, hints[name], texts) for name, texts in given.items()})


def _written(value: Any) -> Any:
    return value.isoformat() if isinstance(value, date) else value


def _read(name: str, hint: Any, texts: list[str]) -> Any:
    """A value of a dataclass's field. An instant without a zone is of UTC."""
    if hint == tuple[str, ...]:
        return tuple(texts)
    if len(texts) > 1:
        raise ValueError(f"{name} must be said once")
    if hint is str:
        return texts[0]
    try:
        if hint in (date, date | None):
            return date.fromisoformat(texts[0])
        moment = datetime.fromisoformat(texts[0])
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:  # in UTC it may be before the first year, or after the last
        raise ValueError(f"{name} must be a date like 2020-03-06") from error


def _in_words(filters: Mapping[str, str]) -> dict[str, str]:
    return {"Filters": "; ".join(f"{name} {value}" for name, value in filters.items() if value) or "none"}
