"""What people's programs make of a table, read the same on every way in, or refused in words that name the cause."""

import bz2
import gzip
import io
import lzma
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from datetime import date
from xml.sax.saxutils import escape

import lz4.frame
import pytest
import snappy
import zstandard

from tests.fixtures.ways_in import CameIn, File, WaysIn

NAMES = "TradeId,Ticker,Book,Product,Quantity"
GOOD = f"{NAMES}\nT1,AAPL,VOL1,EQ_Stock,100\nT2,T,STR1,EQ_Stock,50\n"
READ = [("T1", "AAPL", "VOL1", 100.0), ("T2", "T", "STR1", 50.0)]
KEYS = ("trade_id", "ticker", "book", "quantity")
UTF8_MARK = b"\xef\xbb\xbf"


def csv_file(content: str | bytes) -> File:
    return File("trades.csv", content if isinstance(content, bytes) else content.encode())


def archive(**files: bytes) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, content in files.items():
            made.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return target.getvalue()


def tar(content: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as made:
        entry = tarfile.TarInfo("trades.csv")
        entry.size = len(content)
        made.addfile(entry, io.BytesIO(content))
    return target.getvalue()


MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINKS = "http://schemas.openxmlformats.org/package/2006/relationships"
OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def text_cell(text: str) -> str:
    return f'<c t="inlineStr"><is><t xml:space="preserve">{escape(text)}</t></is></c>'


def sheet(rows: Iterable[Sequence[str]]) -> str:
    """Rows of cells; what is no markup is a text."""
    cells = ("".join(cell if cell.startswith("<c") else text_cell(cell) for cell in row) for row in rows)
    return (
        f'<worksheet xmlns="{MAIN}"><sheetData>{"".join(f"<row>{row}</row>" for row in cells)}</sheetData></worksheet>'
    )


def workbook(*sheets: tuple[str, str, str], shared: Sequence[str] = ()) -> File:
    """A workbook of sheets: name, state, XML."""
    entries = "".join(
        f'<sheet name="{name}" sheetId="{n}" state="{state}" r:id="r{n}"/>'
        for n, (name, state, _) in enumerate(sheets, 1)
    )
    links = "".join(
        f'<Relationship Id="r{n}" Type="{OFFICE}/worksheet" Target="worksheets/s{n}.xml"/>'
        for n in range(1, len(sheets) + 1)
    )
    texts = "".join(f"<si><t>{text}</t></si>" for text in shared)
    parts = {
        "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{OFFICE}"><sheets>{entries}</sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{LINKS}">{links}</Relationships>',
        "xl/sharedStrings.xml": f'<sst xmlns="{MAIN}">{texts}</sst>',
        **{f"xl/worksheets/s{n}.xml": content for n, (*_, content) in enumerate(sheets, 1)},
    }
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as made:
        for name, content in parts.items():
            made.writestr(name, content)
    return File("trades.xlsx", target.getvalue())


def one_sheet(*rows: Sequence[str], shared: Sequence[str] = ()) -> File:
    return workbook(("Trades", "visible", sheet([NAMES.split(","), *rows])), shared=shared)


TABLE = [line.split(",") for line in GOOD.splitlines()]
TABLE_XML = sheet([[*row[:4], f"<c><v>{row[4]}</v></c>" if row[4].isdigit() else row[4]] for row in TABLE])
NO_TABLE = sheet([["key", "value"], ["a", "1"]])

READ_WELL = {
    "marks after comma and space": csv_file(
        f'{NAMES}\nT1, "AAPL", "VOL1", "EQ_Stock",100\nT2,T,"STR1",  "EQ_Stock", 50\n'
    ),
    "marks after a space at the start": csv_file(
        f'{NAMES}\n "T1","AAPL",VOL1, "EQ_Stock",100\n T2,T,STR1,EQ_Stock,50\n'
    ),
    "names in marks after a space": csv_file(GOOD.replace(NAMES, 'TradeId, "Ticker", "Book", "Product", "Quantity"')),
    "two byte order marks": csv_file(UTF8_MARK * 2 + GOOD.encode()),
    "three byte order marks": csv_file(UTF8_MARK * 3 + GOOD.encode()),
    "a mark of UTF-8 in UTF-16": csv_file(("\ufeff\ufeff" + GOOD).encode("utf-16-le")),
    "an invisible sign in a name": csv_file(GOOD.replace("Book", "Book\u200b").replace("Ticker", "\u2060Ticker")),
    "a no-break space beside a name": csv_file(GOOD.replace("Ticker", "\u00a0Ticker\u00a0")),
    "UTF-16 with a mark": csv_file(GOOD.encode("utf-16")),
    "UTF-16, big-endian, with a mark": csv_file(("\ufeff" + GOOD).encode("utf-16-be")),
    "UTF-16 without a mark": csv_file(GOOD.encode("utf-16-le")),
    "UTF-16, big-endian, without a mark": csv_file(GOOD.encode("utf-16-be")),
    "UTF-32": csv_file(GOOD.encode("utf-32")),
    "UTF-32 without a mark": csv_file(GOOD.encode("utf-32-be")),
    "UTF-16 and CRLF": csv_file(GOOD.replace("\n", "\r\n").encode("utf-16")),
    "apostrophes that protect": csv_file(f"{NAMES}\nT1,AAPL,VOL1,EQ_Stock,'100\nT2,T,STR1,EQ_Stock,50\n"),
    "a hidden sheet before": workbook(("_meta", "hidden", NO_TABLE), ("Today", "visible", TABLE_XML)),
    "a very hidden sheet before": workbook(("_meta", "veryHidden", NO_TABLE), ("Today", "visible", TABLE_XML)),
    "only a hidden sheet": workbook(("Today", "hidden", TABLE_XML)),
    "escapes of a workbook": one_sheet(
        ["T1", "AAPL", "VOL1_x000D_", "EQ_Stock_x000A_", "<c><v>100</v></c>"],
        ["T2_x000D__x000a_", "T", "_x0053_TR1", "EQ_Stock", "<c><v>50</v></c>"],
    ),
    "escapes in shared texts": one_sheet(
        ["T1", "AAPL", '<c t="s"><v>0</v></c>', "EQ_Stock", "<c><v>100</v></c>"],
        ["T2", "T", '<c t="s"><v>1</v></c>', "EQ_Stock", '<c t="str"><f>5*10</f><v>50_x000D_</v></c>'],
        shared=["VOL1_x000D_", "STR1_x0009_"],
    ),
}


@pytest.mark.parametrize("case", READ_WELL)
def test_it_is_read_on_every_way_in(case: str, ways_in: WaysIn) -> None:
    for name, way in ways_in:
        came = way(READ_WELL[case])
        assert (name, came.of(*KEYS), came.failures) == (name, READ, [])


PLAIN = GOOD.encode()
OPEN_QUOTE = f'{GOOD}"T3,AAPL,VOL1,EQ_Stock,1\nT4,AAPL,VOL1,EQ_Stock,1\n'

REFUSED: dict[str, tuple[File, list[str]]] = {
    "gzip": (csv_file(gzip.compress(PLAIN)), ["gzip", "unpack"]),
    "bzip2": (csv_file(bz2.compress(PLAIN)), ["bzip2", "unpack"]),
    "xz": (csv_file(lzma.compress(PLAIN)), ["xz", "unpack"]),
    "lzma": (csv_file(lzma.compress(PLAIN, lzma.FORMAT_ALONE)), ["lzma", "unpack"]),
    "zstd": (csv_file(zstandard.compress(PLAIN)), ["zstd", "unpack"]),
    "lz4": (csv_file(lz4.frame.compress(PLAIN)), ["lz4", "unpack"]),
    "snappy": (csv_file(snappy.StreamCompressor().compress(PLAIN)), ["snappy", "unpack"]),
    "zlib": (csv_file(zlib.compress(PLAIN)), ["zlib", "unpack"]),
    "tar": (csv_file(tar(PLAIN)), ["tar archive", "unpack"]),
    "gzip that is called .xlsx": (File("t.xlsx", gzip.compress(PLAIN)), ["gzip", "unpack"]),
    "a zip of tables": (File("t.xlsx", archive(a_dot_csv=PLAIN, b_dot_csv=PLAIN)), ["zip archive of a.csv and 1 more"]),
    "a zip that is called .csv": (csv_file(archive(a_dot_csv=PLAIN)), ["zip archive of a.csv", "unpack"]),
    "ods": (
        File("t.xlsx", archive(mimetype=b"application/vnd.oasis.opendocument.spreadsheet", content_dot_xml=b"")),
        [".ods", "save it as .xlsx"],
    ),
    "xlsb": (File("t.xlsx", archive(xl__workbook_dot_bin=b"")), [".xlsb", "save it as .xlsx"]),
    "docx": (
        File("t.xlsx", archive(**{"[Content_Types]_dot_xml": b"", "word__document_dot_xml": b""})),
        ["no workbook"],
    ),
    "xls": (File("t.xlsx", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)), ["old or protected Excel workbook"]),
    "pdf": (csv_file(b"%PDF-1.7\n%\xe2\xe3\n"), ["PDF", "export the table"]),
    "arrow": (csv_file(b"ARROW1\x00\x00" + bytes(100)), ["Arrow", "Parquet"]),
    "html": (csv_file("<html><head></head><table><tr><th>TradeId</th></tr></table>"), ["HTML", "Found: <html><head>"]),
    "html in capitals": (csv_file("\n <TABLE><TR><TD>TradeId</TD></TR></TABLE>"), ["HTML", "Found: <TABLE>"]),
    "sep=,": (
        csv_file(f"sep=,\n{GOOD}"),
        ["no column TradeId", "looked for in line 1", "Found: sep=", "remove this line"],
    ),
    "a title": (
        csv_file(f'"Positions, as of 2020-03-09"\n{GOOD}'),
        ["looked for in line 1", "Found: Positions, as of 2020"],
    ),
    "semicolons": (csv_file(GOOD.replace(",", ";")), ["line 1", "the columns are separated by ';'"]),
    "semicolons and commas": (csv_file(GOOD.replace(",", ";").replace("100", "100,5")), ["separated by ';'"]),
    "tabs": (csv_file(GOOD.replace(",", "\t")), ["line 1", "the columns are separated by tabs"]),
    "bars": (csv_file(GOOD.replace(",", "|")), ["line 1", "the columns are separated by '|'"]),
    "a slip in a name": (
        csv_file(GOOD.replace("Quantity", "Quantitty")),
        ["line 1", "no column Quantity", "Found: TradeId"],
    ),
    "a slip, in another order": (
        csv_file("Ticker,TradeId,Book,Product,Quantitty\nAAPL,T5801,VOL1,EQ_Stock,100\n"),
        ["no column Quantity", "Found: Ticker, TradeId, Book, Product, Quantitty"],
    ),
    "another name": (
        csv_file("TradeId,Book,Ticker,Product,Qty\nT5901,VOL1,AAPL,EQ_Stock,100\n"),
        ["no column Quantity"],
    ),
    "other names alone": (
        csv_file("id,underlying,portfolio,type,qty\nT1,AAPL,VOL1,EQ_Stock,1\n"),
        ["no column TradeId"],
    ),
    "a name twice": (csv_file(f"{NAMES},Quantity\nT1,AAPL,VOL1,EQ_Stock,1,2\n"), ["column Quantity stands twice"]),
    "only hidden and no table": (
        workbook(("_meta", "hidden", NO_TABLE)),
        ["sheet _meta, which is hidden", "Found: key, value"],
    ),
    "a sheet that is no table": (
        workbook(("Notes", "visible", NO_TABLE), ("Trades", "visible", TABLE_XML)),
        ["row 1 of the sheet Notes", "Found: key, value"],
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_whole_and_says_why(case: str, ways_in: WaysIn) -> None:
    file, words = REFUSED[case]
    for name, way in ways_in:
        came = way(file)
        assert (name, came.records, len(came.failures)) == (name, [], 1)
        assert [word for word in words if word not in came.failures[0]] == [], f"{name}: {came.failures[0]}"


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (OPEN_QUOTE, 4),
        (OPEN_QUOTE + 'T5,"AAPL",VOL1,EQ_Stock,1\n', 4),
        (OPEN_QUOTE + "T6,AAPL,VOL1,EQ_Stock,1\n" * 60_000, 4),
        (f'{NAMES}\nT1,AAPL,"VOL1,EQ_Stock,1\nT2,"AAPL",VOL1,EQ_Stock,1\n', 2),
        (f'{NAMES}\nT1,AAPL,"a ""b"" c",EQ_Stock,1\nT2,AAPL, "VOL1,EQ_Stock,1\n', 3),
    ],
    ids=["to the end", "to another mark", "for too long", "in the middle", "after doubled marks"],
)
def test_an_open_quotation_mark_is_named_with_its_line(content: str, line: int, ways_in: WaysIn) -> None:
    """By append each line is a row by itself, so the rows after it are read."""
    for name, way in ways_in:
        came = way(csv_file(content))
        if name == "append":
            found = [failure for failure in came.failures if failure.startswith(f"line {line}:")]
            assert "a quotation mark is not closed" in found[0]
        else:
            assert (name, came.records) == (name, [])
            assert came.failures[0].endswith(f"the quotation mark of line {line} is not closed: close it, or remove it")


@pytest.mark.parametrize("blank", ["\n\n", ",,,,\n", "  \n"])
def test_blank_lines_above_the_names_are_named(blank: str, ways_in: WaysIn) -> None:
    """By append blank lines are passed over wherever they are; a line of commas is a row."""
    for name, way in ways_in:
        came = way(csv_file(blank + GOOD))
        if name == "append" and not blank.strip():
            assert came.of(*KEYS) == READ
            continue
        assert (name, came.records) == (name, [])
        if name != "append":
            assert (
                "Found: a blank line: remove the blank lines above the names (the names are looked for in line 1)"
                in came.failures[0]
            )


CELLS = {
    "a formula without a value": ("<c><f>5+5</f><v/></c>", "a formula without a value"),
    "without even the element": ("<c><f>5+5</f></c>", "a formula without a value"),
    "of a text": ('<c t="str"><f>A1</f></c>', "a formula without a value"),
    "of a shared text": ('<c t="s"><f>A1</f><v/></c>', "a formula without a value"),
    "of an error": ('<c t="e"><f>NA()</f></c>', "a formula without a value"),
    "an error": ('<c t="e"><v>#N/A</v></c>', "an error of Excel and no value"),
    "the error of a formula": ('<c t="e"><f>1/0</f><v>#DIV/0!</v></c>', "an error of Excel and no value"),
}


@pytest.mark.parametrize("column", range(5))
@pytest.mark.parametrize("case", CELLS)
def test_a_cell_without_a_value_is_a_bad_row_in_every_column(case: str, column: int, ways_in: WaysIn) -> None:
    cell, reason = CELLS[case]
    bad = ["T1", "AAPL", "VOL1", "EQ_Stock", "<c><v>100</v></c>"]
    bad[column] = cell
    file = one_sheet(bad, ["T2", "T", "STR1", "EQ_Stock", "<c><v>50</v></c>"])
    for name, way in ways_in:
        came = way(file)
        assert (name, came.of(*KEYS)) == (name, READ[1:])
        (failure,) = came.failures
        assert f"row 2, column {NAMES.split(',')[column]}" in failure
        assert reason in failure


def test_a_formula_that_gives_no_text_is_an_empty_cell(ways_in: WaysIn) -> None:
    rows = [["T1", "AAPL", "VOL1", "EQ_Stock", "<c><v>100</v></c>", '<c t="str"><f>IF(1,"")</f><v></v></c>']]
    file = workbook(("Trades", "visible", sheet([[*NAMES.split(","), "Strike"], *rows])))
    for name, way in ways_in:
        came = way(file)
        assert (name, came.of(*KEYS, "strike"), came.failures) == (name, [(*READ[0], None)], [])


@pytest.mark.parametrize(
    "text", ["2020-06-19", "2020-06-19T00:00:00", "2020-06-19T00:00:00.000", "2020-06-19T00:00:00Z"]
)
def test_a_date_cell_of_iso_8601_is_a_date(text: str, ways_in: WaysIn) -> None:
    row = ["T1", "AAPL", "VOL1", "EQ_Stock", "<c><v>100</v></c>", f'<c t="d"><v>{text}</v></c>']
    file = workbook(("Trades", "visible", sheet([[*NAMES.split(","), "Maturity"], row])))
    for name, way in ways_in:
        came = way(file)
        assert (name, came.of("maturity"), came.failures) == (name, [(date(2020, 6, 19),)], [])


@pytest.mark.parametrize("white", ["\t", "\u00a0", " \t "])
def test_a_mark_after_other_white_space_is_refused(white: str, ways_in: WaysIn) -> None:
    for name, way in ways_in:
        came = way(csv_file(f'{NAMES}\nT1,{white}"AAPL",VOL1,EQ_Stock,100\n'))
        assert (name, came.records) == (name, [])
        assert "white space before a quotation mark" in came.failures[0]


PROTECTED = {
    "'00123": "00123",
    "'=1+1": "=1+1",
    "'-OTC1": "-OTC1",
    "'@x": "@x",
    "'+1 b": "+1 b",
    "'2020-06-19": "2020-06-19",
    "''=1": "'=1",
    "'t Hoen": "'t Hoen",
    "it's": "it's",
    "'abc'": "'abc'",
    "'": "'",
}


@pytest.mark.parametrize(("written", "meant"), PROTECTED.items())
def test_an_apostrophe_that_protects_is_no_part_of_the_text(written: str, meant: str, ways_in: WaysIn) -> None:
    tables = (
        csv_file(f"{NAMES}\n{written},AAPL,VOL1,EQ_Stock,1\n"),
        one_sheet([written, *TABLE[1][1:4], "<c><v>1</v></c>"]),
    )
    for file in tables:
        for name, way in ways_in:
            assert (name, way(file).of("trade_id")) == (name, [(meant,)])


def test_rows_in_order_without_a_heading_are_taken_by_append_alone(ways_in: WaysIn) -> None:
    rows = csv_file("\n".join(GOOD.splitlines()[1:]))
    came = ways_in.append(rows)
    assert (came.of(*KEYS), came.failures) == (READ, [])
    assert "no column TradeId" in ways_in.load(rows).failures[0]


JSON_ROW = '{"TradeId":"T1","Ticker":"AAPL","Book":"VOL1","Product":"EQ_Stock","Quantity":100}'


@pytest.mark.parametrize(
    "text",
    [
        f"[{JSON_ROW},{JSON_ROW.replace('T1', 'T2')}]\n",
        f"{JSON_ROW}\n[{JSON_ROW.replace('T1', 'T2')}]\n",
        '[["T1","AAPL","VOL1","EQ_Stock",100],["T2","AAPL","VOL1","EQ_Stock",100]]',
    ],
)
def test_an_array_of_rows_on_a_line_is_rows(text: str, ways_in: WaysIn) -> None:
    came = ways_in.append(csv_file(text))
    assert (came.of("trade_id"), came.failures) == ([("T1",), ("T2",)], [])


@pytest.mark.parametrize(
    "text", [f"[\n{JSON_ROW},\n{JSON_ROW}\n]", f"[{JSON_ROW},\n{JSON_ROW}]", '{\n "TradeId": "T1"\n}']
)
def test_json_over_several_lines_is_named(text: str, ways_in: WaysIn) -> None:
    assert ways_in.append(csv_file(text)) == CameIn(
        [], ["line 1: JSON over several lines: write a whole object or array on each line"]
    )


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("quotes", "Date,Ticker,Price\n2020-05-01,AAPL,310\n"),
        ("quotes", "AsOfDate,Instrument,Quotes\n2020-05-01,AAPL,310\n"),
        ("quotes", "# my quotes\n2020-05-01,AAPL,310\n"),
        ("quotes", '"AsOfDate,Instrument,Quote\n2020-05-01,AAPL,310\n'),
        ("books", "Book,Desk,Unit,Region\nVOL,Vol hedging,Equity derivatives,Americas\n"),
        ("books", "Book,Desk,BusinessUnit\nVOL,Vol hedging,Equity derivatives\n"),
        ("instruments", "Symbol,Company,Industry,Area,CCY\nAAPL,Apple,Technology,Americas,USD\n"),
        ("parameters", "AsOfDate,Ticker,Vol,RiskFreeRate,DividendYield\n2020-05-01,AAPL,0.3,0.01,0\n"),
        ("sensitivities", "AsOfDate,TradeID ,RiskFactor,MV\n2020-05-01,T1,AAPL,1\n"),
    ],
)
def test_after_a_heading_that_does_not_fit_no_row_goes_in_by_its_place(kind: str, text: str, ways_in: WaysIn) -> None:
    came = ways_in.append(File("rows.csv", text.encode(), kind))
    assert came.records == []
    assert len(came.failures) == 1


@pytest.mark.parametrize(
    ("kind", "row"),
    [
        ("trades", "K,K,Portfolio,EQ_Stock,5"),
        ("trades", "PAR1,AAPL,VOL,EQ_Stock,5"),
        ("trades", "BZh91,AAPL,VOL,EQ_Stock,5"),
        ("trades", "ORC1,AAPL,VOL,EQ_Stock,5"),
        ("books", "VOL,Vol hedging,Equity derivatives,Americas"),
        ("instruments", "K,Kellanova,Food,Americas,USD"),
        ("quotes", "2020-05-01,QUOTE,310"),
    ],
)
def test_a_first_row_is_no_heading_though_it_has_words_of_one(kind: str, row: str, ways_in: WaysIn) -> None:
    came = ways_in.append(File("rows.csv", f"{row}\n".encode(), kind))
    assert (len(came.records), came.failures) == (1, [])
