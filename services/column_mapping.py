"""Columns that are called otherwise in somebody's file: propose what they are here, keep a mapping under a name."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from difflib import SequenceMatcher

from services.faults import BadValue
from services.permissions import Permission, User, require
from services.read_rows import cleaned_name, heading_of, record_of
from services.record_kinds import RECORD_KINDS, RecordKind
from storage.audit import AuditEntry, append_audit
from storage.change_log import changing
from storage.database import Store
from storage.uploads import SavedMapping, read_mappings, remove_mapping, save_mapping

LEAVE_ASIDE = ""
"""What a column is mapped to that is not to be read."""
_SIMILAR = 0.8
_FEWEST_NAMES = 2
"""One name of a column may be a value: K is a ticker too."""
_VALUE = re.compile(r"[\s$€£(+\-.]*\d")
_LONGEST_NAME = 80

_SYNONYMS: dict[str, tuple[str, ...]] = {
    "TradeId": ("id", "trade", "tradeno", "tradenumber", "tradereference", "traderef", "dealid", "positionid"),
    "Ticker": ("underlying", "underlyer", "symbol", "stock", "instrument", "security", "underlyingticker"),
    "Book": ("portfolio", "account", "bookname", "tradingbook"),
    "Product": ("producttype", "instrumenttype", "securitytype", "assettype", "type"),
    "Quantity": ("qty", "contracts", "shares", "position", "amount", "noofcontracts", "numberofcontracts", "size"),
    "Strike": ("strikeprice", "k", "exerciseprice"),
    "Maturity": ("expiry", "expiration", "expirydate", "expirationdate", "maturitydate", "exp"),
    "OptionType": ("putcall", "callput", "cp", "pc", "right", "putorcall", "callorput"),
    "ExerciseStyle": ("style", "exercise", "optionstyle", "exercisetype"),
    "ContractMultiplier": ("multiplier", "contractsize", "lotsize", "lot", "pointvalue"),
    "TradeStatus": ("status", "state", "tradestate"),
    "Desk": ("deskname", "tradingdesk"),
    "BusinessUnit": ("unit", "bu", "division", "department"),
    "Region": ("area", "country", "market"),
    "Name": ("company", "companyname", "description", "issuer"),
    "Sector": ("industry", "gicssector"),
    "Currency": ("ccy", "cur", "curr"),
    "AsOfDate": ("date", "cobdate", "cob", "businessdate", "valuationdate", "time", "timestamp", "datetime", "asof"),
    "ImpliedVol": ("vol", "volatility", "iv", "sigma", "impliedvolatility"),
    "RiskFreeRate": ("rate", "interestrate", "r", "riskfree"),
    "DividendYield": ("yield", "dividend", "divyield", "q", "dividendrate"),
    "Instrument": ("ticker", "symbol", "underlying", "stock", "security"),
    "Quote": ("price", "last", "close", "spot", "px", "lastprice", "closeprice", "mid"),
    "RiskFactor": ("ticker", "underlying", "symbol", "factor", "instrument"),
    "MarketValue": ("mv", "value", "npv", "pv", "marketval", "presentvalue"),
}
"""Column -> what files usually call it, in small letters and digits alone."""


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
            synonyms = _SYNONYMS.get(column, ())
            if word == _bare(column) or word in synonyms:
                rank = 2.0 if word == _bare(column) else 1.9 - 0.01 * synonyms.index(word)
                scored.append((rank, place, order, Proposal(name, column, f"{column} is often called so")))
            else:
                alike = SequenceMatcher(None, word, _bare(column)).ratio()
                if alike >= _SIMILAR:
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
    """The kind that most of the columns would be, with proposals counted; None when no kind would be whole."""
    best: tuple[float, str] | None = None
    for kind in RECORD_KINDS.values():
        heading = heading_of(names, kind)
        proposed = {proposal.column for proposal in propose_mapping(names, kind)}
        if set(heading.absent) - proposed or heading.repeated:
            continue
        matched = len(heading.columns) + 0.9 * len(proposed)
        if best is None or matched > best[0]:
            best = (matched, kind.name)
    return best[1] if best else None


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


def _bare(name: str) -> str:
    """A name as it is compared: small letters and digits alone."""
    return re.sub(r"[^a-z0-9]", "", name.lower())
