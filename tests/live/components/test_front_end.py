"""What is taken for granted of Streamlit's build: an upgrade that changes it fails here."""

import re
from pathlib import Path

import pytest

from live.components.front_end import FrontEnd
from ui.asgi.page_chunks import PIECES

_STATIC_IMPORT = re.compile(r'(?:from|import)\s*"\./([\w.-]+\.js)"')


@pytest.fixture(scope="module")
def front_end() -> FrontEnd:
    return FrontEnd()


@pytest.mark.parametrize("page", PIECES)
def test_the_build_has_every_piece_by_its_name(front_end: FrontEnd, page: str) -> None:
    assert set(PIECES[page].streamlit) <= front_end.pieces


@pytest.mark.parametrize("page", PIECES)
def test_a_piece_comes_with_all_that_it_imports(front_end: FrontEnd, page: str) -> None:
    """Else the browser would find out one level after the other."""
    shell = (front_end.folder / "index.html").read_text(encoding="utf-8")
    scripts = front_end.scripts(PIECES[page].streamlit)
    assert scripts
    assert len(scripts) == len(set(scripts))
    for script in scripts:
        assert script not in shell
        text = (front_end.folder / script).read_text(encoding="utf-8").replace("`", '"')
        for name in _STATIC_IMPORT.findall(text):
            assert f"static/js/{name}" in scripts or f"static/js/{name}" in shell, f"{script} imports {name}"


@pytest.mark.parametrize(("page", "has_own"), [("trades", True), ("upload", False)])
def test_a_piece_comes_with_its_style_sheet(front_end: FrontEnd, page: str, has_own: bool) -> None:
    """Else its code waits for it."""
    styles = front_end.styles(PIECES[page].streamlit)
    assert bool(styles) is has_own
    assert all((front_end.folder / style).is_file() for style in styles)


def test_every_file_that_may_be_kept_has_a_hash_in_its_name(front_end: FrontEnd) -> None:
    assert len(front_end.files.names) > 300
    unhashed = [name for name in front_end.files.names if not re.search(r"\.[\w-]{8}\.\w+$", name)]
    assert not unhashed


def test_the_icons_are_there(front_end: FrontEnd) -> None:
    assert front_end.media("MaterialSymbols-Rounded")
    assert front_end.media("Papyrus") is None


def test_what_is_not_there_is_left_out(front_end: FrontEnd, tmp_path: Path) -> None:
    assert front_end.scripts(["NoSuchWidget"]) == []
    (tmp_path / "static").mkdir()
    (tmp_path / "manifest.json").write_text("{ this is no manifest")
    assert FrontEnd(tmp_path).scripts(["Selectbox"]) == []
