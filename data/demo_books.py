"""Which books does the demo have, where do they belong, and what does each of them trade?"""

from dataclasses import dataclass

TECH = ("AAPL", "AMD", "MSFT")
BANKS = ("BAC", "JPM")
ENERGY = ("CVX", "RRC", "XOM")
HEALTH = ("JNJ", "LLY", "MRK", "PFE", "UNH")
SHOPS = ("BBY", "HD", "WMT")
STAPLES = ("KO", "PEP", "PG")
EVERYTHING = (*TECH, *BANKS, *ENERGY, *HEALTH, *SHOPS, *STAPLES, "GE")

INSTRUMENTS = (
    ("AAPL", "Apple Inc.", "Information Technology"),
    ("AMD", "Advanced Micro Devices, Inc.", "Information Technology"),
    ("BAC", "Bank of America Corporation", "Financials"),
    ("BBY", "Best Buy Co., Inc.", "Consumer Discretionary"),
    ("CVX", "Chevron Corporation", "Energy"),
    ("GE", "General Electric Company", "Industrials"),
    ("HD", "The Home Depot, Inc.", "Consumer Discretionary"),
    ("JNJ", "Johnson & Johnson", "Health Care"),
    ("JPM", "JPMorgan Chase & Co.", "Financials"),
    ("KO", "The Coca-Cola Company", "Consumer Staples"),
    ("LLY", "Eli Lilly and Company", "Health Care"),
    ("MRK", "Merck & Co., Inc.", "Health Care"),
    ("MSFT", "Microsoft Corporation", "Information Technology"),
    ("OXY", "Occidental Petroleum Corporation", "Energy"),
    ("PEP", "PepsiCo, Inc.", "Consumer Staples"),
    ("PFE", "Pfizer Inc.", "Health Care"),
    ("PG", "The Procter & Gamble Company", "Consumer Staples"),
    ("RRC", "Range Resources Corporation", "Energy"),
    ("UNH", "UnitedHealth Group Incorporated", "Health Care"),
    ("WMT", "Walmart Inc.", "Consumer Staples"),
    ("XOM", "Exxon Mobil Corporation", "Energy"),
)
"""Ticker, name, sector."""


@dataclass(frozen=True, slots=True)
class Book:
    """A book, its place in the hierarchy and its habits.

    weight: its part of the option trades. long_calls, long_puts: the probability that a call, a put was bought.
    notional: median size of a trade, USD of shares. hedged: whether it holds shares against its options.
    """

    name: str
    desk: str
    business_unit: str
    region: str
    weight: float
    tickers: tuple[str, ...]
    long_calls: float
    long_puts: float
    notional: float
    hedged: bool = True


OPTIONS, DELTA_ONE = "Equity derivatives", "Delta one"
US, EMEA, ASIA = "Americas", "EMEA", "Asia Pacific"

BOOKS = (
    Book("EQ_VOL_HED", "Vol hedging", OPTIONS, US, 14, (*TECH, *BANKS, "XOM", "CVX", "GE", "HD"), 0.525, 0.53, 20e5),
    Book("EQ_WAREHOU", "Vol hedging", OPTIONS, US, 8, (*HEALTH, *TECH, "BAC", "JPM"), 0.515, 0.50, 15e5),
    Book("EQ_TAIL_US", "Vol hedging", OPTIONS, US, 4, (*BANKS, *ENERGY, "GE", "BBY"), 0.47, 0.66, 12e5),
    Book("EQ_NOTES_US", "Structuring", OPTIONS, US, 8, (*TECH, *BANKS, "PG", "KO"), 0.55, 0.42, 13e5, hedged=False),
    Book("EQ_AUTOC_US", "Structuring", OPTIONS, US, 6, (*TECH, *BANKS, *ENERGY), 0.41, 0.48, 18e5),
    Book("EQ_FLOW_US", "Flow options", OPTIONS, US, 9, EVERYTHING, 0.49, 0.48, 10e5),
    Book("EQ_EARN_US", "Flow options", OPTIONS, US, 4, (*SHOPS, *TECH, "UNH"), 0.46, 0.44, 13e5),
    Book("EQ_PROG_US", "Program trading", DELTA_ONE, US, 3, (*STAPLES, *HEALTH), 0.25, 0.72, 14e5),
    Book("EQ_FIN_US", "Financing", DELTA_ONE, US, 3, (*TECH, "JPM", "WMT", "XOM"), 0.25, 0.72, 18e5),
    Book("EQ_VOL_EME", "Vol hedging", OPTIONS, EMEA, 8, (*HEALTH, *STAPLES, "MSFT", "XOM"), 0.54, 0.53, 15e5),
    Book("EQ_DISP_EME", "Vol hedging", OPTIONS, EMEA, 4, (*TECH, *STAPLES, "JPM"), 0.54, 0.47, 15e5),
    Book("EQ_NOTES_EU", "Structuring", OPTIONS, EMEA, 5, (*ENERGY, *HEALTH), 0.55, 0.44, 8e5, hedged=False),
    Book("EQ_AUTOC_EU", "Structuring", OPTIONS, EMEA, 4, (*BANKS, "AAPL", "CVX", "GE"), 0.43, 0.51, 18e5),
    Book("EQ_FLOW_EU", "Flow options", OPTIONS, EMEA, 4, (*TECH, *STAPLES, "JNJ", "PFE"), 0.50, 0.52, 10e5),
    Book("EQ_FIN_EU", "Financing", DELTA_ONE, EMEA, 2, (*HEALTH, "PG"), 0.26, 0.74, 18e5),
    Book("EQ_VOL_AP", "Vol hedging", OPTIONS, ASIA, 5, (*TECH, *ENERGY, "GE"), 0.55, 0.53, 15e5),
    Book("EQ_NOTES_AP", "Structuring", OPTIONS, ASIA, 3, (*TECH, "BAC", "WMT"), 0.56, 0.44, 13e5, hedged=False),
    Book("EQ_AUTOC_AP", "Structuring", OPTIONS, ASIA, 3, (*BANKS, *SHOPS), 0.46, 0.53, 15e5),
    Book("EQ_FLOW_AP", "Flow options", OPTIONS, ASIA, 3, (*STAPLES, *TECH, "XOM", "GE"), 0.49, 0.51, 10e5),
    Book("EQ_FIN_AP", "Financing", DELTA_ONE, ASIA, 1.5, (*TECH, "KO", "PG"), 0.27, 0.73, 18e5),
)


def hedged_pairs() -> list[tuple[str, str]]:
    """Book and ticker wherever a book holds shares against its options."""
    return [(book.name, ticker) for book in BOOKS if book.hedged for ticker in sorted(book.tickers)]
