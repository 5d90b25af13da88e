"""How a contract is written: all digits of its strike, never a power of ten."""

from datetime import date

import pytest

from storage.book.hierarchy import contracts_in_words


@pytest.mark.parametrize(
    ("strike", "told"),
    [
        (70.0, "70"),
        (2.5, "2.5"),
        (7_000_000.0, "7000000"),
        (12_345.678, "12345.678"),
        (0.00001, "0.00001"),
        (0.1, "0.1"),
    ],
)
def test_a_strike_has_all_of_its_digits(strike: float, told: str) -> None:
    assert contracts_in_words(["AAPL"], [date(2020, 6, 19)], [strike], ["call"]) == [f"AAPL Jun 20 {told} call"]
