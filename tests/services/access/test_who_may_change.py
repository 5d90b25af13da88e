"""Every service that changes the store asks whether whoever wants it may, or is one that only processes call."""

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

SERVICES = Path(__file__).resolve().parents[3] / "services"
WRITES, ASKS = {"changing", "store.write", "store.bookkeeping"}, "require"
OF_PROCESSES = {
    "append.append": "a program with the token, or whoever runs code where the store is",
    "append.append_read": "the same, of rows that are read already",
    "apply_incoming.apply_incoming": "the sidecar",
    "apply_incoming.finish": "each of these, and who asked, after the unit of work",
    "apply_slow_values.apply_slow_values": "the workers of slow engines",
    "load_demo.load_demo": "the command demo",
    "load_file.load_file": "the command load and watched folders",
    "note_sign_in.note_not_let_in": "the gate, of whoever was not let in",
    "note_sign_in.note_signed_in": "the gate, of whoever was let in",
    "note_sign_in.note_signed_out": "the gate, of whoever left",
    "permissions.require": "it asks itself, and writes the refusal",
    "price_all.price_newest": "the sidecar at its start",
    "deferred_work.price_deferred_work": "whoever waits until all is priced, after the transaction that left it",
    "price_deferred.price_deferred_pricers": "the sidecar, and the process of uploads",
    "rebuild_projection.rebuild_projection": "the command check --rebuild",
    "restart_replay.restart_replay": "the sidecar, for a wish that control_feed has let pass",
    "retry_dead_letters.retry_dead_letters": "the command dead-letters retry",
    "unit_of_work.unit_of_work": "each of these, and who asked",
}
"""Service -> who calls it; none of them is called for a person who looks at a page."""


def functions() -> dict[str, ast.FunctionDef]:
    """Every function and method of the services by module and name."""
    return {
        f"{path.stem}.{node.name}": node
        for path in sorted(SERVICES.rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }


def imported(module: str) -> dict[str, str]:
    """What a module of the services has from others of them: name here -> module and name there."""
    tree = ast.parse(next(SERVICES.rglob(f"{module}.py")).read_text(encoding="utf-8"))
    return {
        alias.asname or alias.name: f"{node.module.rpartition('.')[2]}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("services.")
        for alias in node.names
        if node.module is not None
    }


def called(node: ast.FunctionDef) -> Iterator[str]:
    """The names of all that a function calls, or hands on to be called."""
    for each in ast.walk(node):
        if isinstance(each, ast.Call):
            if isinstance(each.func, ast.Name):
                yield each.func.id
            elif isinstance(each.func, ast.Attribute):
                owner = ast.unparse(each.func.value).rpartition(".")[2].lstrip("_")
                yield f"{owner}.{each.func.attr}"


def reaches(name: str, known: Mapping[str, ast.FunctionDef], seen: frozenset[str] = frozenset()) -> set[str]:
    """What a function calls, and what the services that it calls do."""
    module = name.partition(".")[0]
    found: set[str] = set()
    others = imported(module)
    for each in called(known[name]):
        found.add(each)
        there = others.get(each, f"{module}.{each}")
        if there in known and there not in seen:
            found |= reaches(there, known, seen | {name, there})
    return found


def changing_services() -> dict[str, bool]:
    """Public functions that open a writing transaction, themselves or by another: whether they ask for a permission."""
    known = functions()
    found = {}
    for name, node in known.items():
        is_of_module = not node.name.startswith("_") and "self" not in [each.arg for each in node.args.args]
        if is_of_module and (reached := reaches(name, known)) & WRITES:
            found[name] = ASKS in reached
    return found


def test_who_changes_something_asks_first() -> None:
    found = changing_services()
    assert found, "the walk finds no service"
    assert {name for name, asks in found.items() if not asks} == set(OF_PROCESSES)


def test_the_walk_sees_a_permission_that_is_asked_by_a_helper() -> None:
    found = changing_services()
    assert found["control_feed.restart_feed"]
    assert found["saved_views.rename_view"]
    assert found["tag_trades.undo_tags"]
    assert found["apply_upload.apply_upload"]
