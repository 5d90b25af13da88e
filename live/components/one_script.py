"""Our code for the browser as one file: a page asks for it once, not for thirty modules one by one.

Each module becomes a function that is run once and gives back what it exports. As the modules are written that is all
there is to it: imports are named and stand on one line, nothing is exported by default, no two import each other.
"""

import re
from pathlib import Path

_IMPORT = re.compile(r"^import (?:\{ ([^}]*) \} from )?'(\.\.?/(?:\w+/)?\w+)\.js';\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (async function|function|class|const) (\w+)", re.MULTILINE)
_LEFT_OVER = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def one_script(folder: Path, entry: str) -> str:
    """The module ``entry`` of a folder with all that it imports, as one module with the same exports.

    Raises ValueError for a module that is written otherwise, and OSError.
    """
    written: dict[str, str] = {}
    path = folder / f"{entry}.js"
    exports = _write(path.resolve(), written, ())
    return "\n".join([*written.values(), f"export const {{ {', '.join(exports)} }} = _{path.stem};", ""])


def _write(path: Path, written: dict[str, str], above: tuple[str, ...]) -> list[str]:
    """Write a module after those that it imports. above: the modules that led here. Returns what it exports."""
    name = path.stem  # no two modules have the same, in whichever folders they are
    if name in above:
        raise ValueError(f"{name}.js and {above[-1]}.js import each other")
    text = path.read_text(encoding="utf-8")
    exports = [exported for _, exported in _EXPORT.findall(text)]
    for _, imported in _IMPORT.findall(text):
        if imported.rpartition("/")[2] not in written:
            _write((path.parent / f"{imported}.js").resolve(), written, (*above, name))
    text = _EXPORT.sub(r"\1 \2", _IMPORT.sub(_taken, text))
    left_over = _LEFT_OVER.search(text)
    if left_over:
        raise ValueError(f"{name}.js: this is not understood: {left_over[0]}")
    written[name] = f"const _{name} = (() => {{\n{text}return {{ {', '.join(exports)} }};\n}})();\n"
    return exports


def _taken(found: re.Match[str]) -> str:
    """What an import is in the one file."""
    names, module = found.groups()
    return f"const {{ {names.replace(' as ', ': ')} }} = _{module.rpartition('/')[2]};\n" if names else ""
