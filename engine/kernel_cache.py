"""Where compiled kernels are kept: apart for each state of the engine's code.

A kernel holds a copy of what it calls in other files, but numba looks only at the file of the kernel itself to tell
whether what it kept is still good. After a change of one file it would go on with the others' old copies, and the
prices would be wrong without a word. So the folder is named after the content of all files of the engine.

And a kernel that was just compiled calls what it calls where that was compiled by itself, while one from the disk has
copies of its own; where sums may be reordered, the two round differently. So what may be reordered or contracted is
inlined (``forceinline``), and there is one piece of code.

To be imported before the first kernel is declared. A folder that ``NUMBA_CACHE_DIR`` names is the place for it; where
nothing can be written, numba finds another place.
"""

from hashlib import sha256
from pathlib import Path

from numba.core import config

_ENGINE = Path(__file__).parent


def _state_of_the_code() -> str:
    state = sha256()
    for path in sorted(_ENGINE.rglob("*.py")):
        state.update(path.relative_to(_ENGINE).as_posix().encode() + path.read_bytes())
    return state.hexdigest()[:16]


_PLACE = config.CACHE_DIR or _ENGINE / "__pycache__"  # type: ignore[attr-defined]
KERNELS = Path(_PLACE) / f"kernels-{_state_of_the_code()}"
config.CACHE_DIR = str(KERNELS)  # type: ignore[attr-defined]
