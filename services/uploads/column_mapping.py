"""Columns that are called otherwise in somebody's file: propose what they are here, keep a mapping under a name."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher
from functools import cache

from services.access.permissions import Permission, User, require
from services.records.faults import BadValue
from services.records.read_rows import cleaned_name, heading_of, record_of
from services.records.record_kinds import RECORD_KINDS, FileColumn, RecordKind
from storage.core.change_log import changing
from storage.core.database import Store
from storage.people.audit import AuditEntry, append_audit
from storage.people.uploads import SavedMapping, read_mappings, remove_mapping, save_mapping

LEAVE_ASIDE = ""
"""What a column is mapped to that is not to be read."""
_SIMILAR = 0.8
_FEWEST_NAMES = 2
"""One name of a column may be a value: K is a ticker too."""
_VALUE = re.compile(r"[\s$€£(+\-.]*\d")
_TELLING = 7
"""So long is a usual name that tells a column although others stand before it: Account Trade Ref."""
_LONGEST_NAME = 80

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "TradeId": ("Id", "Trade", "Trade No", "Trade Number", "Trade Reference", "Trade Ref", "Deal Id", "Position Id"),
    "Ticker": ("Underlying", "Underlyer", "Symbol", "Stock", "Instrument", "Security", "Underlying Ticker"),
    "Book": ("Portfolio", "Account", "Book Name", "Trading Book"),
    "Product": ("Product Type", "Instrument Type", "Security Type", "Asset Type", "Asset Class", "Type"),
    "Quantity": ("Qty", "Contracts", "Shares", "Position", "Amount", "No of Contracts", "Number of Contracts", "Size"),
    "Strike": ("Strike Price", "K", "Exercise Price"),
    "Maturity": ("Expiry", "Expiration", "Expiry Date", "Expiration Date", "Maturity Date", "Exp"),
    "OptionType": ("Put/Call", "Call/Put", "C/P", "P/C", "Right", "Put or Call", "Call or Put"),
    "ExerciseStyle": ("Style", "Exercise", "Option Style", "Exercise Type"),
    "ContractMultiplier": ("Multiplier", "Mult", "Contract Size", "Lot Size", "Lot", "Point Value"),
    "TradeStatus": ("Status", "State", "Trade State"),
    "Side": ("Buy or Sell", "Trade Side", "Position Side", "Long or Short", "Action", "BS", "LS"),
    "Desk": ("Desk Name", "Trading Desk"),
    "BusinessUnit": ("Unit", "BU", "Division", "Department"),
    "Region": ("Area", "Country", "Market"),
    "Name": ("Company", "Company Name", "Description", "Issuer"),
    "Sector": ("Industry", "GICS Sector"),
    "Currency": ("Ccy", "Cur", "Curr"),
    "AsOfDate": (
        ("Date", "COB Date", "COB", "Business Date", "Valuation Date", "Time", "Timestamp", "Date/Time", "As of")
    ),
    "ImpliedVol": ("Vol", "Volatility", "IV", "Sigma", "Implied Volatility"),
    "RiskFreeRate": ("Rate", "Interest Rate", "r", "Risk Free"),
    "DividendYield": ("Yield", "Dividend", "Div Yield", "q", "Dividend Rate"),
    "Instrument": ("Ticker", "Symbol", "Underlying", "Stock", "Security"),
    "Quote": ("Price", "Last", "Close", "Spot", "Px", "Last Price", "Close Price", "Mid"),
    "RiskFactor": ("Ticker", "Underlying", "Symbol", "Factor", "Instrument"),
    "MarketValue": ("MV", "Value", "NPV", "PV", "Market Val", "Present Value"),
}
"""Column -> what files usually call it; letter case, blanks and signs do not count."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """A column of a file, the column here that it is likely to be, and why it is proposed."""

    name: str
    column: str
    why: str


def propose_mapping(names: Sequence[str], kind: RecordKind) -> list[Proposal]:
    """What the columns that the kind does not know are likely to be: usual other names first, then similar spelling.

    Each column is proposed once at most, and none that the file has already. What is proposed is to be confirmed.
    """
    heading = heading_of(names, kind)
    had = {column.name for _, column in heading.columns}
    known = {names[position] for position, _ in heading.columns}
    free = [column.name for column in kind.columns if column.name not in had]
    scored: list[tuple[float, int, int, Proposal]] = []
    for place, name in enumerate(names):
        word = _bare(name)
        if name in known or not word or len(name) > _LONGEST_NAME:
            continue
        for order, column in enumerate(free):
            synonyms = _bare_synonyms(column)
            if word == _bare(column) or word in synonyms:
                rank = 2.0 if word == _bare(column) else 1.9 - 0.01 * synonyms.index(word)
                scored.append((rank, place, order, Proposal(name, column, f"{column} is often called so")))
            else:
                alike = SequenceMatcher(None, word, _bare(column)).ratio()
                if alike < _SIMILAR and word.endswith(tuple(known for known in synonyms if len(known) >= _TELLING)):
                    scored.append((_SIMILAR, place, order, Proposal(name, column, f"ends like a name of {column}")))
                elif alike >= _SIMILAR:
                    scored.append((alike, place, order, Proposal(name, column, f"is spelt nearly like {column}")))
    chosen: dict[str, Proposal] = {}
    taken: set[str] = set()
    for *_, proposal in sorted(scored, key=lambda item: (-item[0], item[1], item[2])):
        if proposal.name not in chosen and proposal.column not in taken:
            chosen[proposal.name] = proposal
            taken.add(proposal.column)
    return [chosen[name] for name in dict.fromkeys(names) if name in chosen]


def names_columns(cells: Sequence[str], kind: RecordKind) -> bool:
    """Tell a line that is meant to name columns of a kind from a row in their order, however it is spelt.

    A row that can be read is one, unless it has names of columns where any text would do. What cannot be read and has
    neither a number nor a date, or has names of columns, is a heading with a slip in it.
    """
    names = [cleaned_name(cell) for cell in cells]
    heading = heading_of(names, kind)
    known = len(heading.columns) + len(heading.repeated) + len(propose_mapping(names, kind))
    row = {column.name: cell for column, cell in zip(kind.columns, cells, strict=False)}
    is_row = len(cells) <= len(kind.columns) and record_of(row, kind)[0] is not None
    has_values = any(_VALUE.match(cell) for cell in cells)
    return known >= _FEWEST_NAMES and not (is_row and has_values) if is_row or has_values else True


def likely_kind(names: Sequence[str]) -> str | None:
    """The kind that most of the columns would be, with proposals counted.

    A kind that would be whole comes first, then one of which more than half of what is needed would be there; None
    where there is no such kind.
    """
    best: tuple[bool, float, str] | None = None
    for kind in RECORD_KINDS.values():
        heading = heading_of(names, kind)
        if heading.repeated:
            continue
        proposed = {proposal.column for proposal in propose_mapping(names, kind)}
        needed = {column.name for column in kind.columns if column.required}
        lacking = set(heading.absent) - proposed
        if not proposed or 2 * len(lacking) >= len(needed):
            continue
        found = (not lacking, len(heading.columns) + 0.9 * len(proposed), kind.name)
        if best is None or found[:2] > best[:2]:
            best = found
    return best[2] if best else None


def also_known_as(column: FileColumn) -> tuple[str, ...]:
    """The other names of a column: those that are taken as they are, and those that the page proposes."""
    names = (*column.other_names, *_SYNONYMS.get(column.name, ()))
    return tuple({_bare(name): name for name in reversed(names)}.values())[::-1]


def telling_names(names: Iterable[str], kind: RecordKind) -> list[str]:
    """The names that mean something here, though not for this kind: what they say is lost when they are left aside."""
    bare = {word for column in _SYNONYMS for word in (_bare(column), *_bare_synonyms(column))}
    return [name for name in names if _bare(name) in bare and name.lower() not in kind.hints]


def mapped_names(names: Sequence[str], mapping: Mapping[str, str], kind: RecordKind | None) -> list[str]:
    """The names with those of the mapping in place of a file's own; one that is left aside gets a name nobody knows.

    Raises ValueError for a column that the kind does not have, or that two columns would be.
    """
    if kind is not None:
        known = {column.name for column in kind.columns}
        for name, column in mapping.items():
            if column != LEAVE_ASIDE and column not in known:
                raise BadValue(f"{kind.name} have no column {column}", f"map {name} to another one")
    used: dict[str, str] = {}
    for name in names:
        column = mapping.get(name, LEAVE_ASIDE)
        if column != LEAVE_ASIDE and used.setdefault(column, name) != name:
            raise BadValue(f"{used[column]} and {name} are both mapped to {column}", "leave one of them aside")
    mapped = []
    for name in names:
        if name not in mapping:
            # A mapped column counts more than one that has the name by itself.
            mapped.append(f"{name} (left aside)" if name in used and used[name] != name else name)
        else:
            mapped.append(mapping[name] or f"{name} (left aside)")
    return mapped


def keep_mapping(store: Store, user: User, name: str, kind: str, columns: Mapping[str, str]) -> SavedMapping:
    """Save a mapping under a name; one of that name is replaced. In one transaction with its audit entry.

    Raises NotAllowed, and ValueError for a name or a column that cannot be.
    """
    require(store, user, Permission.UPLOAD, f"save the column mapping {name[:_LONGEST_NAME]}")
    name = name.strip()
    if not name or len(name) > _LONGEST_NAME or not name.isprintable():
        raise ValueError(f"a mapping needs a name of at most {_LONGEST_NAME} characters")
    if kind not in RECORD_KINDS:
        raise ValueError(f"there are no {kind}; there are {', '.join(RECORD_KINDS)}")
    mapped_names(list(columns), columns, RECORD_KINDS[kind])
    mapping = SavedMapping(name, kind, dict(columns), user.name, datetime.now(UTC))
    with changing(store, f"column mapping by {user.name}") as (unit, _):
        before = next((known for known in read_mappings(unit.connection) if known.mapping == name), None)
        save_mapping(unit.connection, mapping)
        was = None if before is None else {"kind": before.kind, "columns": before.columns}
        now = {"kind": kind, "columns": mapping.columns}
        append_audit(unit, [AuditEntry(user.name, "saved", "column mapping", name, was, now)])
    return mapping


def drop_mapping(store: Store, user: User, name: str) -> None:
    """Forget a saved mapping. Raises NotAllowed."""
    require(store, user, Permission.UPLOAD, f"delete the column mapping {name[:_LONGEST_NAME]}")
    with changing(store, f"column mapping by {user.name}") as (unit, _):
        before = next((known for known in read_mappings(unit.connection) if known.mapping == name), None)
        if before is None:
            return
        remove_mapping(unit.connection, name)
        was = {"kind": before.kind, "columns": before.columns}
        append_audit(unit, [AuditEntry(user.name, "deleted", "column mapping", name, was, None)])


def saved_mappings(store: Store, names: Sequence[str] | None = None) -> list[SavedMapping]:
    """The saved mappings by name; names: those that map a column of a file with these columns."""
    with store.read() as connection:
        found = read_mappings(connection)
    return [mapping for mapping in found if names is None or set(mapping.columns) & set(names)]


@cache
def _bare_synonyms(column: str) -> tuple[str, ...]:
    return tuple(map(_bare, _SYNONYMS.get(column, ())))


def _bare(name: str) -> str:
    """A name as it is compared: small letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
