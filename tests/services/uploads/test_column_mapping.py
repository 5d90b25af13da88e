"""Columns of other names are proposed, mapped without ambiguity, and mappings are kept by analysts alone."""

import pytest

from services.access.permissions import NotAllowed, User
from services.records.read_rows import heading_of
from services.records.record_kinds import RECORD_KINDS
from services.uploads.column_mapping import (
    LEAVE_ASIDE,
    also_known_as,
    drop_mapping,
    keep_mapping,
    likely_kind,
    mapped_names,
    propose_mapping,
    saved_mappings,
    telling_names,
)
from storage.core.database import Store
from storage.people.audit import read_audit
from tests.services.uploads.test_preview_upload import ANN

TRADES = RECORD_KINDS["trades"]


def test_a_column_is_proposed_once_and_never_one_that_is_there() -> None:
    names = ["TradeId", "Trade", "Qty", "Quantitiy", "Maturty", "Colour"]
    proposed = {proposal.name: proposal.column for proposal in propose_mapping(names, TRADES)}
    assert proposed == {"Qty": "Quantity", "Maturty": "Maturity"}


def test_the_likely_kind_is_the_one_that_would_be_whole() -> None:
    assert likely_kind(["Date", "Symbol", "Price"]) == "quotes"
    assert likely_kind(["Colour", "Taste"]) is None


def test_a_mapping_takes_the_place_of_names_and_leaves_aside() -> None:
    names = mapped_names(["A", "Qty", "Delta"], {"Qty": "Quantity", "Delta": LEAVE_ASIDE}, TRADES)
    assert names == ["A", "Quantity", "Delta (left aside)"]
    with pytest.raises(ValueError, match="have no column Nothing"):
        mapped_names(["A"], {"A": "Nothing"}, TRADES)
    with pytest.raises(ValueError, match="both mapped to Quantity"):
        mapped_names(["A", "B"], {"A": "Quantity", "B": "Quantity"}, TRADES)


def test_a_mapping_is_kept_found_replaced_and_dropped(store: Store) -> None:
    keep_mapping(store, ANN, "broker", "trades", {"Qty": "Quantity"})
    keep_mapping(store, ANN, " broker ", "trades", {"Qty": "Quantity", "Expiry": "Maturity"})
    (found,) = saved_mappings(store, ["Expiry", "Other"])
    assert (found.mapping, found.kind, found.saved_by) == ("broker", "trades", "ann")
    assert found.columns == {"Qty": "Quantity", "Expiry": "Maturity"}
    assert saved_mappings(store, ["Other"]) == []
    with pytest.raises(ValueError, match="needs a name"):
        keep_mapping(store, ANN, " ", "trades", {})
    with pytest.raises(NotAllowed):
        keep_mapping(store, User("vic"), "mine", "trades", {})
    drop_mapping(store, ANN, "broker")
    assert saved_mappings(store) == []
    with store.read() as connection:
        actions = [stored.entry.action for stored in read_audit(connection)]
    assert actions == ["deleted", "refused", "saved", "saved"]


def test_a_brokers_own_names_are_proposed() -> None:
    names = ["Account Trade Ref", "Symbol", "Asset Class", "Side", "Qty", "Mult", "Portfolio", "Ccy", "Last Price"]
    assert likely_kind(names) == "trades"
    proposed = {proposal.name: proposal.column for proposal in propose_mapping(names, TRADES)}
    assert proposed == {
        "Account Trade Ref": "TradeId",
        "Symbol": "Ticker",
        "Asset Class": "Product",
        "Qty": "Quantity",
        "Mult": "ContractMultiplier",
        "Portfolio": "Book",
    }, "Side is known by its own name"
    assert telling_names(["Ccy", "Last Price", "Remark"], TRADES) == ["Ccy", "Last Price"]


@pytest.mark.parametrize("name", ["Side", "B/S", "Buy/Sell", "Long/Short", "Direction"])
def test_a_side_is_a_column_by_each_of_its_names(name: str) -> None:
    columns = [column.name for _, column in heading_of([name, "TradeId"], TRADES).columns]
    assert columns == ["TradeId", "Side"]


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (["Statement", "Header", "Field Name", "Field Value"], None),
        (["Symbol", "Qty", "Portfolio"], "trades"),
        (["Date", "Ticker", "Vol"], "parameters"),
    ],
)
def test_a_kind_is_likely_when_more_than_half_of_what_it_needs_is_there(names: list[str], kind: str | None) -> None:
    assert likely_kind(names) == kind


def test_every_name_that_is_proposed_is_listed() -> None:
    known = {column.name: also_known_as(column) for column in TRADES.columns}
    assert {"Qty", "Contracts"} <= set(known["Quantity"])
    assert {"Symbol"} <= set(known["Ticker"])
    assert {"Expiry"} <= set(known["Maturity"])
    assert {"Put/Call"} <= set(known["OptionType"])
    assert {"Buy/Sell", "Action"} <= set(known["Side"])
    for column, names in known.items():
        for name in names:
            heading = heading_of([name], TRADES)
            proposed = propose_mapping([name], TRADES)
            assert [c.name for _, c in heading.columns] == [column] or proposed[0].column == column
