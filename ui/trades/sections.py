"""What the page of a trade says, section by section."""

from datetime import date
from typing import Any

import streamlit as st

from engine.measures import DAY_PNL, DECAY_TO_CLOSE, LETTERS, MEASURES, Measure
from services.exports.audit_texts import in_words
from services.queries.trade_detail import PRICE_UNIT, TradeDetail, instant, is_reported, placed
from storage.read_models.one_trade import TradeValues
from ui.page.fact_table import Facts, fact_table
from ui.page.number_text import count_text, number_text, percent_text, size_text
from ui.page.plain_words import plain

_MOST_VERSIONS = 50
_PERCENT = {"implied_vol": "Implied volatility", "risk_free_rate": "Risk-free rate", "dividend_yield": "Dividend yield"}


def what_it_is(detail: TradeDetail) -> None:
    """Terms, where it is booked, its underlying, its status."""
    trade = detail.trade
    book = detail.book or dict.fromkeys(("desk", "business_unit", "region"), "Unassigned (book not in the hierarchy)")
    instrument = detail.instrument
    terms = {
        "Contract": detail.contract,
        "Product": trade["product"],
        "Quantity": _term("quantity", trade["quantity"], detail),
        "Contract multiplier": _term("contract_multiplier", trade["contract_multiplier"], detail),
        "Strike": None if trade["strike"] is None else _term("strike", trade["strike"], detail),
        "Maturity": _maturity(detail),
        "Option type": trade["option_type"],
        "Exercise style": trade["exercise_style"],
        "Status": _status(detail),
        "Book": trade["book"],
        "Desk": book["desk"],
        "Business unit": book["business_unit"],
        "Region": book["region"],
        "Underlying": f"{detail.ticker}, {instrument['name']}" if instrument else f"{detail.ticker}, not described",
        "Sector": instrument["sector"] if instrument else None,
        "Currency": instrument["currency"] if instrument else None,
    }
    fact_table(Facts("Terms", (), [(name, str(text)) for name, text in terms.items() if text]))


def measures(detail: TradeDetail) -> None:
    """Every measure, beside its previous close; or why there is none."""
    if detail.no_value is not None:
        why = detail.no_value
        said = plain(f"No value: {why.reason}. {_sentence(why.detail)} {why.remediation}")
        st.warning(said, icon=":material/block:")
    rows = [_measure_row(measure, detail) for measure in MEASURES]
    rows.append(
        [
            DAY_PNL.label,
            _signed(detail.day_pnl),
            detail.in_currency(DAY_PNL.unit),
            "",
            "",
            f"{DAY_PNL.meaning} {DAY_PNL.formula}",
        ]
        if detail.close is not None
        else [DAY_PNL.label, "not known", detail.in_currency(DAY_PNL.unit), "", "", "No previous close is known."]
    )
    decay = detail.decay_to_close
    rows.append(
        [
            DECAY_TO_CLOSE.label,
            "not known" if decay is None else _signed(decay),
            detail.in_currency(DECAY_TO_CLOSE.unit),
            "",
            "",
            f"{DECAY_TO_CLOSE.meaning} {DECAY_TO_CLOSE.formula}"
            if decay is not None
            else "There is no value of ours of these terms to compare the next close with.",
        ]
    )
    close = f"Close {detail.close_date}" if detail.close_date else "Previous close"
    heads = ("Measure", "Value", "Unit", close, "Change", "Meaning")
    fact_table(Facts(f"Measures as of {detail.as_of or 'no date'}", heads, rows, (1, 3, 4), (2,), (5,)))
    letters = ", ".join(f"{letter} {words}" for letter, words in LETTERS.items())
    st.caption(f"{letters}; delta, gamma, vega, theta and rho are those of one share's worth, theta a year.")


def other_values(detail: TradeDetail) -> None:
    """What others computed: to other risk factors."""
    rows = [
        (
            values.risk_factor,
            measure.label,
            number_text(value, measure.decimals),
            detail.in_currency(measure.unit),
            values.source,
        )
        for values in detail.others
        for measure in MEASURES
        if (value := values.measures[measure.name]) is not None
    ]
    if rows:
        heads = ("Risk factor", "Measure", "Value", "Unit", "Source")
        fact_table(Facts("Reported sensitivities to other risk factors", heads, rows, numbers=(2,), faint=(3,)))


def how_it_is_priced(detail: TradeDetail) -> None:
    """Engine, quote and parameters, each with its source."""
    own, quote, parameters = detail.own, detail.quote, detail.parameters
    rows = [] if own is None else _valued(own, detail)
    if quote is None:
        rows.append(("Quote", f"{detail.ticker} has none", ""))
    else:
        said = f"of {quote['as_of_date']}, observed {instant(quote['observed_at'])}"
        rows.append(("Quote", _price(quote["quote"], detail), said))
        rows.append(("Quote received", instant(quote["received_at"]), f"from {quote['source']}"))
    rows += [
        (label, f"{percent_text(detail.parameter_values[name], 4)} a year", detail.parameters_from)
        for name, label in _PERCENT.items()
    ]
    since = (
        f"{parameters['as_of_date']}, until a newer row" if parameters else f"always, until {detail.ticker} has a row"
    )
    rows.append(("Parameters hold from", since, ""))
    rows += [
        (f"{_PERCENT[name]} now", f"{percent_text(value, 4)} a year", "not in this value: it was priced before")
        for name, value in detail.changed_parameters.items()
    ]
    fact_table(Facts("Pricing inputs", ("What", "Value", "From"), rows, faint=(2,)))


def versions(detail: TradeDetail) -> None:
    """Where it came from: every version, with what it changed."""
    rows: list[tuple[str, ...]] = []
    for each in detail.versions[:_MOST_VERSIONS]:
        version = each.version
        start = (instant(version.recorded_at), placed(version.source, version.place))
        if version.removed:
            rows.append((*start, "removed", "", ""))
        elif each.is_new:
            rows.append((*start, "new", "", detail.contract))
        else:
            rows += [
                (*start, _label(name), _term(name, old, detail), _term(name, new, detail))
                for name, old, new in each.changes
            ]
    more = len(detail.versions) - _MOST_VERSIONS
    caption = f"Versions, the newest {_MOST_VERSIONS} of {count_text(len(detail.versions))}" if more > 0 else "Versions"
    fact_table(Facts(caption, ("When", "Where from", "What", "Old", "New"), rows))


def tags(detail: TradeDetail) -> None:
    """What people did to it."""
    rows = [
        (
            instant(stored.recorded_at),
            stored.entry.user_name,
            stored.entry.action,
            in_words(stored.entry.before, size_text),
            in_words(stored.entry.after, size_text),
            stored.entry.reason,
            stored.entry.note,
            count_text(stored.audit_id),
        )
        for stored in detail.tags
    ]
    if rows:
        heads = ("When", "Who", "What", "Before", "After", "Reason", "Note", "Entry")
        fact_table(Facts("Tags", heads, rows, numbers=(7,)))
    else:
        st.caption("Tags: nobody has set its status on the board.")


def _measure_row(measure: Measure, detail: TradeDetail) -> list[str]:
    now = None if detail.own is None else detail.own.measures[measure.name]
    before = None if detail.close is None else detail.close.measures[measure.name]
    change = "" if now is None or before is None else _signed(now - before, measure.decimals)
    value, close = number_text(now, measure.decimals), number_text(before, measure.decimals)
    return [
        measure.label,
        value,
        detail.in_currency(measure.unit),
        close,
        change,
        f"{measure.meaning} {measure.formula}",
    ]


def _price(value: float, detail: TradeDetail) -> str:
    return f"{number_text(value, 4)} {detail.in_currency(PRICE_UNIT)}"


def _valued(own: TradeValues, detail: TradeDetail) -> list[tuple[str, str, str]]:
    by = f"reported by {own.source}" if is_reported(own) else own.priced_by
    rows = [("Priced by", by, f"at {instant(own.priced_at)}" if own.priced_at else "")]
    if own.spot is not None:
        rows.append(("Spot", _price(own.spot, detail), f"observed {instant(own.observed_at)}"))
    return rows


def _maturity(detail: TradeDetail) -> str | None:
    day: date | None = detail.trade["maturity"]
    if day is None:
        return None
    return f"{day}, past as of {detail.as_of}" if detail.is_past_maturity else f"{day}"


def _status(detail: TradeDetail) -> str:
    status = detail.status
    if status is None:
        return f"{detail.trade['trade_status']}, which nobody has defined"
    return status.status if status.is_priced else f"{status.status}, not priced"


def _signed(value: float | None, decimals: int = 0) -> str:
    return number_text(value, decimals, signed=True)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _label(name: str) -> str:
    return name.replace("_", " ").capitalize()


def _term(name: str, value: Any, detail: TradeDetail) -> str:
    """A value of a column of the trade, as it was stored, with its unit."""
    if value is None:
        return "nothing"
    unit = detail.term_unit(name)
    if not unit:
        return str(value)
    if abs(value) == 1:
        unit = unit.replace("contracts", "contract").replace("shares", "share")
    return f"{size_text(value)} {unit}"
