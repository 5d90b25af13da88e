"""Perspective's package has the files of the pivot's engine where we take them from."""

import re

from live.components.pivot_engine import ENGINE_SCRIPT, engine_folder, engine_version


def test_the_package_has_the_engine_where_we_take_it_from() -> None:
    folder = engine_folder()
    assert (folder / ENGINE_SCRIPT).is_file(), (
        f"perspective-python {engine_version()} has no {ENGINE_SCRIPT} in {folder.name}/ of its widget any more: "
        f"see live/components/pivot_engine.py"
    )


def test_the_script_is_whole_by_itself() -> None:
    """Its WebAssembly is in it: only the folder's own files are asked for."""
    script = (engine_folder() / ENGINE_SCRIPT).read_text(encoding="utf-8")
    named = set(re.findall(r"""(?:from|import)\s*\(?["'](\./[^"']+)["']""", script))
    gone = sorted(name for name in named if not (engine_folder() / name).is_file())
    assert not gone, f"{ENGINE_SCRIPT} of perspective-python {engine_version()} needs files that are not beside it"
