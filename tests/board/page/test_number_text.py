"""Numbers in words of a page look as the same numbers do in the live panels, which the browser itself writes."""

from typing import Any

import pytest

from ui.page import number_text
from ui.page.number_text import chart_language, count_text, fixed_text, how_many_text, percent_text, size_text

LANGUAGES = ["en-US", "en-GB", "de-DE", "de-CH", "fr-FR", "es-ES", "pl-PL", "sv-SE", "en-IN", "ja-JP", "tr-TR", "pt-BR"]
NUMBERS = [0.0, 1.0, 999.0, 1234.5, -1234.5, 12345.678, -123456.0, 1234567.891, -98765432.1, 0.0049, -0.004]
OF_THE_BROWSER = """([language, values, decimals]) => values.map((value) => new Intl.NumberFormat(language, {
  numberingSystem: 'latn', useGrouping: 'always', minimumFractionDigits: decimals, maximumFractionDigits: decimals,
  signDisplay: 'negative' }).format(value).replace('-', '\\u2212'))"""


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the language of the browser of whoever reads the page."""

    def speaks(language: str | None) -> None:
        known = number_text._known(language or "en-US")
        monkeypatch.setattr(number_text, "_language", lambda: known)

    return speaks


@pytest.mark.browser
@pytest.mark.parametrize("decimals", [0, 2, 4])
def test_python_writes_numbers_as_the_browser_does(chromium: Any, reader: Any, decimals: int) -> None:
    page = chromium.new_page()
    try:
        for language in LANGUAGES:
            reader(language)
            shown = page.evaluate(OF_THE_BROWSER, [language, NUMBERS, decimals])
            assert [fixed_text(value, decimals) for value in NUMBERS] == shown, language
    finally:
        page.close()


def test_unknown_zero_and_small_are_told_apart(reader: Any) -> None:
    reader("de-DE")
    said = [number_text.number_text(value) for value in (None, float("nan"), 0.0, -0.001, 1.5, -1.5, 1500.5)]
    assert said == ["not known", "not known", "0", "0,00", "1,50", "\u22121,50", "1.501"]
    assert number_text.number_text(2.0, 4, signed=True) == "+2,0000"
    assert number_text.number_text(0.0, signed=True) == "0"


def test_sizes_keep_all_of_their_digits(reader: Any) -> None:
    reader("de-DE")
    assert [size_text(value) for value in (-4120, 1234.5678, 0.000001, 1e15, 100.0)] == [
        "\u22124.120",
        "1.234,5678",
        "0,000001",
        "1.000.000.000.000.000",
        "100",
    ]
    assert count_text(9963) == "9.963"
    assert [how_many_text(count, "entry is", "entries are") for count in (1, 9963)] == [
        "1 entry is",
        "9.963 entries are",
    ]
    assert [how_many_text(count, "row") for count in (0, 1, 2)] == ["0 rows", "1 row", "2 rows"]
    assert [percent_text(value, 4) for value in (0.6792, 0.399700, 0.123456789, -0.01, 0.0)] == [
        "67,92\u00a0%",
        "39,97\u00a0%",
        "12,3457\u00a0%",
        "\u22121,00\u00a0%",
        "0,00\u00a0%",
    ]
    assert percent_text(0.5, 0) == "50\u00a0%"


def test_numbers_in_words_of_the_store_are_the_reader_s(reader: Any) -> None:
    reader("en-US")
    assert number_text.regrouped_text("tick row 471 of 3 910") == "tick row 471 of 3,910"
    assert number_text.regrouped_text("line 1 204 567 of 2020-03-09 14:00") == "line 1,204,567 of 2020-03-09 14:00"
    reader("de-DE")
    assert number_text.regrouped_text("tick row 12 471") == "tick row 12.471"


@pytest.mark.parametrize("language", [None, "C", "tlh", "x-klingon", "en_US@posix", "../../etc", "a" * 300, "\u0000"])
def test_a_language_that_nobody_knows_is_english(reader: Any, language: str | None) -> None:
    reader(language)
    assert fixed_text(-1234567.5, 1) == "\u22121,234,567.5"


def test_charts_have_the_signs_of_the_same_language(reader: Any) -> None:
    reader("en-IN")
    assert chart_language()["number"]["grouping"][:3] == [3, 2, 2]
    reader("fr-FR")
    assert {name: chart_language()["number"][name] for name in ("decimal", "thousands", "minus")} == {
        "decimal": ",",
        "thousands": "\u202f",
        "minus": "\u2212",
    }
