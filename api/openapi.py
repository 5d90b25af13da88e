"""The OpenAPI description of the routes, made from the kinds of records."""

from collections.abc import Callable
from typing import Any

from api.bodies import CSV, EXCEL, JSON, NDJSON, PARQUET
from api.body_files import MOST_ROWS
from services.records import read_dates, read_values
from services.records.how_many import grouped
from services.records.record_kinds import RECORD_KINDS, FileColumn, RecordKind
from storage.connection.settings import Settings

ANSWERED_FAILURES = 100
"""So many refused rows are listed in an answer."""

STATUSES: dict[str, str] = {
    "200": "Done. Rows may have been refused: see refused and failures.",
    "400": "The body cannot be read: where, and why.",
    "401": "The token is missing or wrong, or this server has none.",
    "403": "A page of another server sent this.",
    "404": "There is no such address.",
    "405": "Rows are sent with POST.",
    "408": "The body took too long.",
    "413": "The body is too large.",
    "415": "The content type is not one of those above.",
    "422": "Nothing was taken: every row was refused, or one was and atomic was asked for.",
    "429": "Too many requests: Retry-After says how many seconds to wait.",
    "500": "The server failed: its log says why. Nothing was taken.",
    "503": "The store does not answer. Send the same again: a row that is known already is unchanged.",
}
EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "trades": [
        {
            "TradeId": "T-1001",
            "Ticker": "AAPL",
            "Book": "EQ_VOL_HED",
            "Product": "EQ_Option",
            "Quantity": -10,
            "Strike": 310.0,
            "Maturity": "2020-12-18",
            "OptionType": "put",
            "ContractMultiplier": 100,
        }
    ],
    "books": [
        {"Book": "EQ_VOL_HED", "Desk": "Vol hedging", "BusinessUnit": "Equity derivatives", "Region": "Americas"}
    ],
    "instruments": [
        {"Ticker": "AAPL", "Name": "Apple", "Sector": "Technology", "Region": "Americas", "Currency": "USD"}
    ],
    "parameters": [
        {"AsOfDate": "2020-05-01", "Ticker": "AAPL", "ImpliedVol": 0.3, "RiskFreeRate": 0.001, "DividendYield": 0.0163}
    ],
    "quotes": [{"AsOfDate": "2020-05-01", "Instrument": "AAPL", "Quote": 310.0}],
    "sensitivities": [
        {
            "AsOfDate": "2020-05-01",
            "TradeId": "T-1001",
            "RiskFactor": "AAPL",
            "MarketValue": -28150.0,
            "CashDelta": 141e3,
        }
    ],
}
"""Kind -> rows that are right."""


def schema_of(column: FileColumn) -> dict[str, Any]:
    """What a value of a column may be, as a JSON schema."""
    if isinstance(column.parse, read_values.OneOf):
        schema: dict[str, Any] = {"type": "string", "enum": list(column.parse.words)}
    else:
        schemas: dict[Callable[[Any], Any], dict[str, Any]] = {
            read_values.text: {"type": "string", "minLength": 1, "maxLength": read_values.LONGEST_TEXT},
            read_values.number: {"type": "number"},
            read_values.positive: {"type": "number", "exclusiveMinimum": 0},
            read_values.name: {"type": "string", "minLength": 1, "maxLength": read_values.LONGEST_TEXT},
            read_values.ticker: {"type": "string", "minLength": 1, "maxLength": read_values.LONGEST_TEXT},
            read_values.side: {"type": "string", "minLength": 1},
            read_values.currency: {"type": "string", "pattern": "^[A-Za-z]{3}$"},
            read_values.volatility: {
                "type": "number",
                "exclusiveMinimum": 0,
                "exclusiveMaximum": read_values.HIGHEST_VOLATILITY,
            },
            read_values.rate: {
                "type": "number",
                "exclusiveMinimum": -read_values.HIGHEST_RATE,
                "exclusiveMaximum": read_values.HIGHEST_RATE,
            },
            read_dates.day: {"type": "string", "format": "date"},
            read_dates.business_day: {"type": "string", "format": "date"},
            read_dates.moment: {
                "anyOf": [{"type": "string", "format": "date"}, {"type": "string", "format": "date-time"}]
            },
        }
        schema = schemas[column.parse].copy()
    if not column.required:
        schema = {"anyOf": [schema, {"type": "null"}]}
    schema["description"] = column.meaning
    if column.default is not None:
        schema["default"] = column.default
    return schema


def openapi(settings: Settings) -> dict[str, Any]:
    """The description of all routes, OpenAPI 3.1."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Deltaboard: append rows",
            "version": "1",
            "description": (
                "Rows with a known key overwrite, others are new, equal ones are unchanged: to send a request twice "
                f"does no harm. At most {settings.api_megabytes:g} MB and {grouped(MOST_ROWS)} rows a request, and "
                f"{grouped(settings.api_requests_a_minute)} requests a minute."
            ),
        },
        "security": [{"token": []}],
        "paths": {f"/api/{kind.name}": {"post": _operation(kind)} for kind in RECORD_KINDS.values()},
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "DELTABOARD_API_TOKEN of this server: to have signed in is not enough.",
                }
            },
            "schemas": {**{kind.name: _row_schema(kind) for kind in RECORD_KINDS.values()}, **_answer_schemas()},
        },
    }


def _row_schema(kind: RecordKind) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {column.name: schema_of(column) for column in kind.columns},
        "required": [column.name for column in kind.columns if column.required],
    }


def _operation(kind: RecordKind) -> dict[str, Any]:
    row = {"$ref": f"#/components/schemas/{kind.name}"}
    in_order = {"type": "array", "description": "Values in the order of the columns.", "maxItems": len(kind.columns)}
    rows = {"oneOf": [{"type": "array", "items": {"oneOf": [row, in_order]}}, row]}
    names = ", ".join(column.name for column in kind.columns)
    return {
        "operationId": f"append_{kind.name}",
        "summary": f"Append {kind.name}.",
        "parameters": [
            {
                "name": "atomic",
                "in": "query",
                "description": "Take nothing when any row is refused.",
                "schema": {"type": "boolean", "default": False},
            }
        ],
        "requestBody": {
            "required": True,
            "content": {
                JSON: {"schema": rows, "example": EXAMPLES[kind.name]},
                NDJSON: {"schema": {"type": "string", "description": "An object or array a line."}},
                CSV: {"schema": {"type": "string", "description": f"A header line, then rows. Columns: {names}."}},
                EXCEL: {"schema": {"description": "A workbook (.xlsx): its first sheet, names of columns, then rows."}},
                PARQUET: {"schema": {"description": "A Parquet file with these columns."}},
            },
        },
        "responses": {status: _response(status, text) for status, text in STATUSES.items()},
    }


def _response(status: str, text: str) -> dict[str, Any]:
    schema = {"$ref": f"#/components/schemas/{'Appended' if status in ('200', '422') else 'Refused'}"}
    response: dict[str, Any] = {"description": text, "content": {JSON: {"schema": schema}}}
    if status in ("429", "503"):
        response["headers"] = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "integer"}}}
    return response


def _answer_schemas() -> dict[str, Any]:
    count = {"type": "integer", "minimum": 0}
    failure = {
        "type": "object",
        "properties": {
            "row": {
                "type": "integer",
                "description": "Its number from 1; of CSV and JSON by line, the line; of Excel, as the sheet counts.",
            },
            "column": {"type": "string", "description": "Empty when the whole row is meant."},
            "value": {"type": "string"},
            "reason": {"type": "string", "description": "Why it was not taken."},
            "remediation": {"type": "string", "description": "How to fix it."},
        },
    }
    properties: dict[str, Any] = {
        "kind": {"type": "string"},
        "revision": {
            "type": ["integer", "null"],
            "description": "Of the store with them; null: nothing written.",
        },
        "new": count,
        "changed": count,
        "unchanged": count,
        "late": {**count, "description": "Quotes older than the stored one: kept for history, no price moves."},
        "refused": {**count, "description": "Rows that were not taken."},
        "failures": {"type": "array", "maxItems": ANSWERED_FAILURES, "items": failure},
        "more_failures": {**count, "description": "How many are not listed."},
        "warnings": {
            "type": "array",
            "items": {"type": "string"},
            "description": "What to look at in rows that were taken.",
        },
        "left_aside": {"type": "array", "items": {"type": "string"}, "description": "Names that are no column."},
    }
    refused = {"error": {"type": "string"}, "place": {"type": "string", "description": "Where in the body."}}
    return {
        "Appended": {"type": "object", "properties": properties, "required": list(properties)},
        "Refused": {"type": "object", "properties": refused, "required": ["error"]},
    }
