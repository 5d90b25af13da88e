"""What of Streamlit's front end a page needs: by the manifest that its build leaves beside its files.

Streamlit's page loads its code step by step: the page, then what every page needs, then, when the script has said what
it shows, the code of each kind of widget. A page that says beforehand what it will need has all of it in one step.
"""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from live.components.kept_files import IMMUTABLE, KeptFolder
from live.components.streamlit_internals import static_folder

FOLDER = "static/"
_MANIFEST = "manifest.json"
_ENTRY = "index.html"


class FrontEnd:
    """Streamlit's files. All under `static/` have a hash of their content in their name."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or static_folder()
        self.files = KeptFolder(self.folder / FOLDER, f"public, {IMMUTABLE}")
        self._manifest = _read_manifest(self.folder / _MANIFEST)
        later = self._manifest.get(_ENTRY, {}).get("dynamicImports", [])
        self._named = {str(self._manifest[key].get("name")): key for key in later if key in self._manifest}

    @property
    def page(self) -> bytes:
        """Streamlit's page as it is; empty where there is none."""
        path = self.folder / _ENTRY
        return path.read_bytes() if path.is_file() else b""

    @property
    def pieces(self) -> set[str]:
        """The names of all that is loaded only where it is shown."""
        return set(self._named)

    def scripts(self, pieces: Iterable[str]) -> list[str]:
        """The files of pieces, with all that they import and every page does not have anyway.

        A piece that is not there any more, after an upgrade, is left out: the page loads it then as it always did.
        """
        return [str(self._manifest[key]["file"]) for key in self._wanted(pieces)]

    def styles(self, pieces: Iterable[str]) -> list[str]:
        """The style sheets of the same: a piece is not run before it has its own."""
        return [str(style) for key in self._wanted(pieces) for style in self._manifest[key].get("css", [])]

    def media(self, stem: str) -> str | None:
        """A font or picture by the beginning of its name."""
        return next((FOLDER + name for name in self.files.names if name.startswith(f"media/{stem}.")), None)

    def _wanted(self, pieces: Iterable[str]) -> list[str]:
        everywhere = set(self._with_imports([_ENTRY]))
        wanted = self._with_imports(self._named[name] for name in pieces if name in self._named)
        return [key for key in wanted if key not in everywhere]

    def _with_imports(self, keys: Iterable[str]) -> Iterator[str]:
        waiting, seen = list(keys), set[str]()
        while waiting:
            key = waiting.pop(0)
            if key in seen or key not in self._manifest:
                continue
            seen.add(key)
            waiting += self._manifest[key].get("imports", [])
            yield key


def _read_manifest(path: Path) -> dict[str, dict[str, Any]]:
    """Empty where there is none, or none that can be read: nothing is said beforehand then."""
    try:
        manifest: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return manifest
