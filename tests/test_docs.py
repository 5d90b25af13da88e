"""What the documents say is what the code does: both are read, and neither may say more than the other."""

import re
from collections.abc import Iterator, Mapping
from enum import EnumType, StrEnum
from pathlib import Path
from typing import Any, get_args, get_type_hints

import pytest
import typer.main
from pydantic import SecretStr

from engine.measures import DAY_PNL, DECAY_TO_CLOSE, MEASURES
from engine.model import FALLBACK_PARAMETERS, ExerciseStyle, NotPriced, OptionType, Product, TradeStatus
from ingestion.command_line import app
from launch import board
from services.records.record_kinds import RECORD_KINDS
from storage.connection.settings import ROOT, Settings
from storage.core.desk_schema import metadata
from tests.test_architecture import ALLOWED, WITHIN, WITHIN_ASSETS, repository_files

CONVENTIONS, OPERATIONS, ARCHITECTURE = "docs/conventions.md", "docs/operations.md", "docs/architecture.md"
Row = dict[str, str]

pytestmark = pytest.mark.fast  # asks git what is in the repository


def tables_under(document: str, heading: str) -> list[list[Row]]:
    """The tables between a heading and the next one; a row maps column to cell, back-ticks dropped."""
    lines = iter((ROOT / document).read_text(encoding="utf-8").splitlines())
    inside = any(re.fullmatch(rf"#+ {re.escape(heading)}", line) for line in lines)
    assert inside, f"{document} has no heading {heading}"
    found: list[list[list[str]]] = [[]]
    for line in lines:
        if line.startswith("#"):
            break
        if line.startswith("|"):
            found[-1].append([cell.strip().replace("`", "") for cell in line.strip().strip("|").split("|")])
        elif found[-1]:
            found.append([])
    for table in (table for table in found if table):
        assert {len(row) for row in table} == {len(table[0])}, f"{document}, {heading}: rows of different length"
    return [[dict(zip(table[0], row, strict=True)) for row in table[2:]] for table in found if table]


def table_under(document: str, heading: str, first_column: str) -> list[Row]:
    """The table under a heading that begins with this column."""
    return next(table for table in tables_under(document, heading) if next(iter(table[0])) == first_column)


def plain(value: object) -> str:
    """A default as the documents write it."""
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    return "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def test_every_measure_is_documented_as_it_is() -> None:
    expected = [
        {
            "name": measure.name,
            "column in files": measure.csv_name,
            "on the board": measure.label,
            "unit": measure.unit,
            "may be summed": str(measure.additive),
            "formula": measure.formula,
            "meaning": measure.meaning,
        }
        for measure in (*MEASURES, DAY_PNL, DECAY_TO_CLOSE)
    ]
    assert table_under(CONVENTIONS, "Measures", "name") == expected


def test_every_measure_has_a_source() -> None:
    rows = table_under(CONVENTIONS, "Where the formulas come from", "measure")
    assert [row["measure"] for row in rows] == [measure.name for measure in (*MEASURES, DAY_PNL, DECAY_TO_CLOSE)]
    assert all(row["source"] for row in rows)


@pytest.mark.parametrize("kind", RECORD_KINDS)
def test_every_file_column_is_documented_as_it_is(kind: str) -> None:
    expected = [
        {
            "column": column.name,
            "field": column.field,
            "required": "yes" if column.required else "no",
            "default": plain(column.default),
            "meaning": column.meaning,
        }
        for column in RECORD_KINDS[kind].columns
    ]
    assert table_under(CONVENTIONS, kind, "column") == expected


def test_no_other_kind_of_file_is_documented() -> None:
    text = (ROOT / CONVENTIONS).read_text(encoding="utf-8")
    section = text[text.index("\n## Files\n") : text.index("\n## Parameters\n")]
    assert re.findall(r"^### (.+)$", section, re.MULTILINE) == list(RECORD_KINDS)


def test_every_setting_is_documented_as_it_is() -> None:
    expected = []
    for name, field in Settings.model_fields.items():
        default = plain(field.default).replace(ROOT.as_posix() + "/", "")
        variable = str(field.validation_alias or f"DELTABOARD_{name.upper()}")
        expected.append({"variable": variable, "default": default, "meaning": field.description})
    assert table_under(CONVENTIONS, "Settings", "variable") == expected


def test_every_reason_is_documented() -> None:
    rows = table_under(CONVENTIONS, "Why a trade has no value", "reason")
    assert [row["reason"] for row in rows] == [str(reason) for reason in NotPriced]
    assert all(row["when"] and row["what to do"] for row in rows)


def test_every_state_of_a_trade_is_documented() -> None:
    rows = {row["column"]: row["values"] for row in table_under(CONVENTIONS, "Trades and their states", "column")}
    expected: dict[str, type[StrEnum]] = {
        "Product": Product,
        "OptionType": OptionType,
        "ExerciseStyle": ExerciseStyle,
        "TradeStatus": TradeStatus,
    }
    assert rows == {name: ", ".join(values) for name, values in expected.items()}


def test_the_fallback_parameters_are_documented() -> None:
    rows = table_under(CONVENTIONS, "Parameters", "parameter")
    assert {row["parameter"]: float(row["fallback"]) for row in rows} == FALLBACK_PARAMETERS


def command_words() -> Mapping[str, tuple[set[str], set[str]]]:
    """Command -> its arguments and options, and the words that they take."""
    words = {}
    for name, command in all_commands(typer.main.get_command(app)):
        named: set[str] = set()
        for parameter in command.params:
            is_argument = parameter.param_type_name == "argument"
            named |= {parameter.name.upper()} if is_argument else {*parameter.opts, *parameter.secondary_opts}
        kinds = [
            kind
            for hint in get_type_hints(command.callback).values()
            for kind in (hint, *get_args(hint))
            if isinstance(kind, EnumType)
        ]
        words[name] = named, {item.value for kind in kinds for item in kind}
    return words


def all_commands(group: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    """Name and command, those of groups of commands with the group's name."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from all_commands(command, f"{before}{name} ")
        else:
            yield before + name, command


def test_every_command_is_documented_with_its_options() -> None:
    rows = table_under(OPERATIONS, "Commands", "command")
    documented = {r["command"]: set(filter(None, r["arguments and options"].split(", "))) for r in rows}
    assert documented == {name: named for name, (named, _) in command_words().items()}


def test_every_word_that_a_command_takes_is_documented() -> None:
    said = {row["command"]: row["what it does"] for row in table_under(OPERATIONS, "Commands", "command")}
    missing = {
        name: [word for word in sorted(choices) if not re.search(rf"\b{word}\b", said[name])]
        for name, (_, choices) in command_words().items()
    }
    assert not {name: words for name, words in missing.items() if words}


def test_commands_in_examples_exist() -> None:
    """Whatever a document tells to type after ``python -m ingestion``."""
    known = {name.split()[0] for name in command_words()}
    texts = {path: path.read_text(encoding="utf-8") for path in repository_files() if path.suffix == ".md"}
    used = {
        (path.name, word)
        for path, text in texts.items()
        for word in re.findall(r"python -m ingestion[ ]+([a-z][\w-]*)", text)
    }
    assert used
    assert {(name, word) for name, word in used if word not in known} == set()


def test_every_option_of_run_is_documented(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        board.main(["--help"])
    known = set(re.findall(r"(--[a-z-]+)", capsys.readouterr().out)) - {"--help"}
    documented = {row["option"]: row["default"] for row in table_under("README.md", "Start", "option")}
    assert set(documented) == known
    for option, default in documented.items():
        value = getattr(board.DEFAULTS, option.removeprefix("--").replace("-", "_"))
        assert default == ("off" if value is False else str(value))


def test_every_table_of_the_store_is_documented_with_its_key() -> None:
    rows = table_under(ARCHITECTURE, "The store", "table")
    documented = {row["table"]: row["key"] for row in rows}
    assert documented == {
        table.name: ", ".join(column.name for column in table.primary_key.columns) for table in metadata.tables.values()
    }


def test_the_rooms_are_documented_as_they_are() -> None:
    rows = table_under(ARCHITECTURE, "The rooms", "folder")
    documented = {
        row["folder"].removesuffix("/").removesuffix(".py"): set(row["may import"].split(", ")) - {"nothing"}
        for row in rows
    }
    assert documented == ALLOWED


def test_the_packages_are_documented_as_they_are() -> None:
    rows = table_under(ARCHITECTURE, "The packages of a room", "package")
    documented = {row["package"]: set(row["may import of the room"].split(", ")) - {"nothing"} for row in rows}
    assert documented == {
        f"{room}/{name}/": below
        for room, packages in {**WITHIN, "live/assets": WITHIN_ASSETS}.items()
        for name, below in packages.items()
    }


def test_every_light_is_documented() -> None:
    """The words and colours of the status line, from the script that shows it."""
    colours = {"good": "green", "warn": "amber", "bad": "red", "idle": "grey"}
    assets = ROOT / "live" / "assets" / "panels"
    script = "".join((assets / name).read_text(encoding="utf-8") for name in ("show_status.js", "say_store.js"))
    shown = re.findall(r"tone: '(\w+)', text: (?:[\w.]+ \|\| )?['`]([^'`$\\]+)", script)
    rows = table_under(OPERATIONS, "What the lights mean", "light")
    assert {(row["light"], row["it says"]) for row in rows} == {(colours[tone], text.strip()) for tone, text in shown}


def anchors_of(path: Path) -> set[str]:
    """What a link may name in a document: its headings, as they are turned into addresses."""
    headings = re.findall(r"^#+ (.+)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_links_lead_somewhere() -> None:
    broken = []
    documents = [path for path in repository_files() if path.suffix == ".md"]
    for path in documents:
        text = re.sub(r"`[^`]*`", "", path.read_text(encoding="utf-8"))
        for target in re.findall(r"\]\(([^)\s]+)\)", text):
            if re.match(r"[a-z]+:", target):
                continue
            name, _, anchor = target.partition("#")
            there = (path.parent / name).resolve() if name else path
            if not there.is_file() or (anchor and anchor not in anchors_of(there)):
                broken.append(f"{path.relative_to(ROOT).as_posix()}: {target}")
    assert documents
    assert not broken
