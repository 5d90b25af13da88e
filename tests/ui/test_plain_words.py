"""Text is text: what people call things is escaped wherever a page renders Markdown."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from ui.page.plain_words import plain

ROOT = Path(__file__).parent.parent.parent
JOINER = "\u2060"
RENDERS = {
    *("markdown", "caption", "info", "warning", "error", "success", "toast", "subheader", "title", "header"),
    *("popover", "button", "form_submit_button", "page_link", "checkbox", "toggle", "expander", "metric", "progress"),
    *("text_input", "text_area", "selectbox", "multiselect", "radio", "pills", "segmented_control", "number_input"),
    *("date_input", "file_uploader", "menu_button", "dialog"),
}
"""What of Streamlit renders Markdown in its label or text, and in its help."""
OPTIONS_RENDER = {"radio", "pills", "segmented_control", "menu_button"}
TEXTS = {"label", "body", "help", "text", "title", "captions"}
MAKE_PLAIN = {"plain", "_exact", "why_not", "count_text", "how_many_text", "size_text", "number_text", "str.capitalize"}
OF_OURS = {
    "ui/links/reason_tables.py: heading": "given by pages",
    "ui/links/reason_tables.py: none if frame.empty else some": "given by pages",
    "pages/audit.py: fault.reason": "sentences of storage.people.audit",
    "pages/not_included.py: as_of": "a date",
    "ui/page/errors.py: comes_back": "a sentence of ours",
    "ui/page/errors.py: how": "a sentence of ours",
    "ui/page/errors.py: what": "a sentence of ours",
    "ui/links/export_menu.py: label": "given by pages",
    "ui/explore/my_views.py: label": "a view's name that _listed_as made plain",
    "ui/explore/saved_views.py: [*own, _COPY, _LINK, *last]": "actions",
    "ui/explore/saved_views.py: _state(user, seen, there, changed)": "it makes the owner plain",
    "ui/identity/sign_in.py: ', '.join(sorted(map(str, user.roles)))": "roles",
    "ui/identity/sign_in_pages.py: label": "of the providers in secrets.toml",
    "ui/identity/sign_in_pages.py: title": "given by the pages there",
    "ui/start/edit.py: place + 1": "a number",
    "ui/start/edit.py: what": "given by the rows there",
    "ui/board/toolbar.py: options": "dates",
    "ui/board/toolbar.py: shown": "a date",
    "ui/trades/chart.py: as_of": "a date",
    "ui/trades/sections.py: letters": "measures",
    "ui/trades/table.py: label": "given by the loop",
    "ui/trades/table.py: words.as_of": "a date",
    "ui/uploads/desk.py: min(max(job.done, 0.0), 1.0)": "a number",
    "ui/uploads/file.py: kind.name": "a kind of rows, by its name here",
    "ui/uploads/preview.py: views": "of two words",
    "ui/uploads/preview.py: word": "of four words",
    "ui/identity/current_user.py: roles": "roles",
}
"""Where: an expression that is no text of people's, which the walk cannot see."""


@pytest.mark.parametrize("text", ["EQ_VOL_HED", "Max", "13:30:00 UTC", "10 < 20", "a:b", "ada@desk.example", "Sold: x"])
def test_nothing_that_is_not_seen_is_put_into_common_texts(text: str) -> None:
    assert plain(text).replace("\\", "") == text


@pytest.mark.parametrize(
    "text", ["http://evil.test", "HTTPS://evil.test", "www.evil.test", ":smile:", ":material/home:", ":streamlit:"]
)
def test_what_is_read_after_markdown_is_broken_unseen(text: str) -> None:
    made = plain(f"Trade {text} of x")
    assert made.replace("\\", "").replace(JOINER, "") == f"Trade {text} of x"
    assert JOINER in made


def test_signs_and_beginnings_mean_nothing() -> None:
    assert plain("![x](y) $z$ <b>") == "\\!\\[x\\]\\(y\\) \\$z\\$ \\<b\\>"
    assert plain("    code\n\n# head") == "code \\# head"


def sources() -> list[Path]:
    return sorted([*(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py")])


class Walk(ast.NodeVisitor):
    """Finds what a module shows as Markdown and neither is of ours nor was made plain."""

    def __init__(self, path: Path) -> None:
        self._name = path.relative_to(ROOT).as_posix()
        self._tree = ast.parse(path.read_text(encoding="utf-8"))
        self._scopes: list[ast.AST] = [self._tree]
        self.found: list[str] = []
        self.visit(self._tree)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> None:
        self._scopes.append(node)
        self.generic_visit(node)
        self._scopes.pop()

    def visit_Call(self, node: ast.Call) -> None:
        self.generic_visit(node)
        for each in _shown(node):
            if not self._is_ours(each, 0) and not self._is_known(each):
                self.found.append(f"{self._name}:{each.lineno}: {ast.unparse(each)[:100]}")

    def _is_known(self, node: ast.expr) -> bool:
        return f"{self._name}: {ast.unparse(node)}" in OF_OURS

    def _is_ours(self, node: ast.expr, depth: int) -> bool:
        """Whether a text is of ours, or made plain."""
        if depth > 6:
            return False
        deeper = depth + 1
        if isinstance(node, ast.Constant):
            return True
        if isinstance(node, ast.JoinedStr):
            return all(self._is_ours(part, deeper) for part in node.values)
        if isinstance(node, ast.FormattedValue):
            return (
                node.format_spec is not None
                or f"{self._name}: {ast.unparse(node.value)}" in OF_OURS
                or self._is_ours(node.value, deeper)
            )
        if isinstance(node, ast.IfExp):
            return self._is_ours(node.body, deeper) and self._is_ours(node.orelse, deeper)
        if isinstance(node, ast.BinOp):
            return self._is_ours(node.left, deeper) and self._is_ours(node.right, deeper)
        if isinstance(node, ast.BoolOp):
            return all(self._is_ours(part, deeper) for part in node.values)
        if isinstance(node, ast.List | ast.Tuple | ast.Set):
            return all(self._is_ours(part, deeper) for part in node.elts)
        if isinstance(node, ast.Call):
            return self._is_plain_call(node, deeper)
        if isinstance(node, ast.Name):
            return node.id.lstrip("_").isupper() or self._comes_from_ours(node.id, deeper)
        return False

    def _is_plain_call(self, node: ast.Call, depth: int) -> bool:
        name = ast.unparse(node.func)
        if name in MAKE_PLAIN:
            return True
        if name.endswith(".join"):
            argument = node.args[0]
            inner = argument.elt if isinstance(argument, ast.GeneratorExp) else argument
            return self._is_ours(inner, depth) or ast.unparse(argument).startswith("map(_exact")
        if name in ("list", "sorted", "dict.fromkeys"):
            return self._is_ours(node.args[0], depth)
        made = [each for each in ast.walk(self._tree) if isinstance(each, ast.FunctionDef) and each.name == name]
        returned = [each.value for function in made for each in ast.walk(function) if isinstance(each, ast.Return)]
        if not returned:
            return False
        self._scopes.append(made[0])
        try:
            return all(value is None or self._is_ours(value, depth) for value in returned)
        finally:
            self._scopes.pop()

    def _comes_from_ours(self, name: str, depth: int) -> bool:
        """Whether all that is ever put under a name, in its function or module, is of ours."""
        for scope in reversed(self._scopes):
            given = list(_assigned(scope, name))
            if given:
                return all(value is not None and self._is_ours(value, depth) for value in given)
        return False


def _shown(node: ast.Call) -> Iterator[ast.expr]:
    """The texts of a call of Streamlit that renders them."""
    name = node.func.attr if isinstance(node.func, ast.Attribute) else ""
    if isinstance(node.func, ast.IfExp):  # (st.success if … else st.error)(…)
        name = node.func.body.attr if isinstance(node.func.body, ast.Attribute) else ""
    if name not in RENDERS or (
        isinstance(node.func, ast.Attribute) and ast.unparse(node.func.value) == "st.column_config"
    ):
        return
    if node.args and name != "page_link":
        yield node.args[0]
    yield from (keyword.value for keyword in node.keywords if keyword.arg in TEXTS)
    if name in OPTIONS_RENDER and len(node.args) > 1 and not any(each.arg == "format_func" for each in node.keywords):
        yield node.args[1]


def _assigned(scope: ast.AST, name: str) -> Iterator[ast.expr | None]:
    """What is put under a name in a scope; None: something that the walk does not follow."""
    if isinstance(scope, ast.FunctionDef) and name in [each.arg for each in [*scope.args.args, *scope.args.kwonlyargs]]:
        yield None
    for each in ast.walk(scope):
        if isinstance(each, ast.Assign | ast.AnnAssign | ast.NamedExpr):
            targets = each.targets if isinstance(each, ast.Assign) else [each.target]
            if any(isinstance(target, ast.Name) and target.id == name for target in targets) and each.value is not None:
                yield each.value
            for target in targets:
                if isinstance(target, ast.Tuple) and any(isinstance(t, ast.Name) and t.id == name for t in target.elts):
                    values = each.value.elts if isinstance(each.value, ast.Tuple) else [None] * len(target.elts)
                    yield from (
                        v for t, v in zip(target.elts, values, strict=True) if isinstance(t, ast.Name) and t.id == name
                    )
        elif isinstance(each, ast.For | ast.comprehension) and name in {
            target.id for target in ast.walk(each.target) if isinstance(target, ast.Name)
        }:
            yield each.iter if isinstance(each.target, ast.Name) else None


def test_every_label_of_data_is_made_plain() -> None:
    assert not [found for path in sources() for found in Walk(path).found]


@pytest.mark.parametrize(
    "code", ["st.caption(book)", "st.popover(f'x {a.b}')", "st.pills('x', books)", "st.button('x', help=view.name)"]
)
def test_the_walk_sees_what_is_not(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "ROOT", tmp_path)
    (tmp_path / "page.py").write_text(f"def draw(book, books, view, a):\n    {code}\n")
    assert Walk(tmp_path / "page.py").found
