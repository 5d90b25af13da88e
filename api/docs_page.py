"""The page that says how to append over HTTP: plain HTML, made on the server, without any script."""

import json
from collections.abc import Iterable, Sequence
from html import escape

from api.bodies import CSV, EXCEL, JSON, NDJSON, PARQUET
from api.body_files import MOST_ROWS
from api.openapi import EXAMPLES, STATUSES
from services.records.how_many import grouped
from services.records.record_kinds import RECORD_KINDS, RecordKind
from storage.connection.settings import Settings

_STYLE = """
:root { color-scheme: light dark; --page: #f4f5f7; --card: #fff; --text: #1c232d; --quiet: #5b6673; --line: #e1e5ea;
  --code: #f0f2f5; --link: #1668c7 }
@media (prefers-color-scheme: dark) { :root { --page: #0e1116; --card: #151a21; --text: #d7dde6; --quiet: #98a3b0;
  --line: #232a34; --code: #1a2029; --link: #5aa9ff } }
body { margin: 0; background: var(--page); color: var(--text);
  font: 14px/1.55 Inter, ui-sans-serif, system-ui, -apple-system, 'Segoe UI', Roboto, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 1.5rem 1rem 4rem }
h1 { font-size: 22px }
h2 { font-size: 17px; margin-top: 2.2rem; border-top: 1px solid var(--line); padding-top: 1.2rem }
a { color: var(--link) } nav a { margin-right: 1rem }
code, pre { font: 12.5px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; background: var(--code);
  border-radius: 4px }
code { padding: .1em .3em } pre { padding: .8rem 1rem; overflow-x: auto; border: 1px solid var(--line) }
.scroll { overflow-x: auto } table { border-collapse: collapse; width: 100%; background: var(--card) }
th, td { text-align: left; padding: .35rem .6rem; border: 1px solid var(--line); vertical-align: top }
th { color: var(--quiet); font-weight: 600 }
"""
_ANSWER = """{"kind": "quotes", "revision": 812, "new": 1, "changed": 0, "unchanged": 0, "late": 0, "refused": 1,
 "failures": [{"row": 2, "column": "Quote", "value": "-1", "reason": "must be above 0",
  "remediation": ""}],
 "more_failures": 0, "left_aside": [], "warnings": []}"""
_CSV_EXAMPLE = "AsOfDate,Instrument,Quote\n2020-05-01,AAPL,310.0"
_LINE_EXAMPLE = '{"AsOfDate":"2020-05-01","Instrument":"AAPL","Quote":310.0}'


def docs_page(address: str, settings: Settings) -> str:
    """The page for a server at this address (with a slash at its end)."""
    links = "".join(f'<a href="#{kind}">{kind}</a>' for kind in RECORD_KINDS)
    kinds = "".join(_section(kind, address) for kind in RECORD_KINDS.values())
    token = "has a token" if settings.api_token.get_secret_value().strip() else "has no token yet, so it takes no rows"
    bounds = f"{settings.api_megabytes:g} MB and {grouped(MOST_ROWS)} rows a request"
    pace = f"{grouped(settings.api_requests_a_minute)} requests a minute"
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Append to Deltaboard over HTTP</title><style>{_STYLE}</style></head><body><main>
<h1>Append over HTTP</h1>
<p>Send rows with <code>POST</code>. What they change is priced when the answer comes, and open boards show it. A row
with a known key overwrites, another is new, an equal one is unchanged: to send a request twice does no harm.</p>
<p>The same as a description for programs: <a href="openapi.json">openapi.json</a>.</p>
<nav aria-label="Kinds of rows">{links}</nav>
<h2>Token</h2>
<p>This server {token}. Set <code>DELTABOARD_API_TOKEN</code> to a long random text where the web server is started, and
send it with every request. It is taken from this header only. That somebody has signed in to the board counts for
nothing here: programs carry the token.</p>
{_code("Authorization: Bearer $TOKEN")}
<h2>Bodies</h2>
<p><code>{JSON}</code>: an array of objects, an array of arrays in the order of the columns, or one object.</p>
{_curl(address, "quotes", json.dumps(EXAMPLES["quotes"]))}
<p><code>{NDJSON}</code>: an object or array a line.</p>
{_curl(address, "quotes", _LINE_EXAMPLE, NDJSON)}
<p><code>{CSV}</code>: a header line, then rows.</p>
{_curl(address, "quotes", _CSV_EXAMPLE, CSV)}
<p><code>{EXCEL}</code>: a workbook (.xlsx), of which the first sheet is read; <code>{PARQUET}</code>: a Parquet file.
The rules are those of files that are loaded, and a refused row is named by its number in the sheet or file.</p>
{_code(_file_curl(address))}
<p>Text is in UTF-8. At most {bounds}, and {pace}. Names are read in any letter case. Numbers are numbers, or texts with
a point and no thousands separators. Dates are <code>YYYY-MM-DD</code>. A time without a zone is UTC.</p>
<h2>Answers</h2>
<p>The answer counts what was <code>new</code>, <code>changed</code>, <code>unchanged</code>, <code>late</code> and
<code>refused</code>, and names each refused row with column, value and reason. Good rows are taken although others are
refused. With <code>?atomic=true</code> nothing is taken then.</p>
{_code(_ANSWER)}
{_table(("status", "meaning"), STATUSES.items())}
{kinds}
</main></body></html>
"""


def _section(kind: RecordKind, address: str) -> str:
    key = ", ".join(column.name for field in kind.key for column in kind.columns if column.field == field)
    rows = [
        (
            column.name + "".join(f" (or {name})" for name in column.other_names),
            "yes" if column.required else "no",
            _plain(column.default),
            column.meaning,
        )
        for column in kind.columns
    ]
    columns = _table(("column", "required", "when missing", "meaning"), rows)
    example = _curl(address, kind.name, json.dumps(EXAMPLES[kind.name]))
    return f'<h2 id="{kind.name}">POST /api/{kind.name}</h2><p>Key: <code>{escape(key)}</code></p>{columns}{example}'


def _plain(value: object) -> str:
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _curl(address: str, kind: str, body: str, content_type: str = JSON) -> str:
    data = "--data-binary $'" + body.replace("\n", "\\n") + "'" if "\n" in body else f"-d '{body}'"
    lines = (
        f'curl {address}api/{kind} -H "Authorization: Bearer $TOKEN"',
        f'-H "Content-Type: {content_type}"',
        data,
    )
    return _code(" \\\n  ".join(lines))


def _file_curl(address: str) -> str:
    return (
        f'curl {address}api/quotes -H "Authorization: Bearer $TOKEN" \\\n  -H "Content-Type: {EXCEL}" \\\n'
        "  --data-binary @quotes.xlsx"
    )


def _code(text: str) -> str:
    return f"<pre><code>{escape(text)}</code></pre>"


def _table(heads: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in heads)
    body = "".join(f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows)
    return f'<div class="scroll"><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
