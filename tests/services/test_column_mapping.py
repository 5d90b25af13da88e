"""Columns of other names are proposed, mapped without ambiguity, and mappings are kept by analysts alone."""

import pytest

from services.column_mapping import (
    LEAVE_ASIDE,
    drop_mapping,
    keep_mapping,
    likely_kind,
    mapped_names,
    propose_mapping,
    saved_mappings,
)
from services.permissions import NotAllowed, User
from services.record_kinds import RECORD_KINDS
from storage.audit import read_audit
from storage.database import Store
from tests.services.test_preview_upload import ANN

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
