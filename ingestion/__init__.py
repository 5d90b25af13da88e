"""The sidecar: feeds bring data in, the runner applies them, the command line starts and steers both.

From Python, ``append_quotes``, ``append_trades`` and ``append_sensitivities`` bring rows in.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ingestion.append import append_quotes, append_sensitivities, append_trades

__all__ = ["append_quotes", "append_sensitivities", "append_trades"]


def __getattr__(name: str) -> Any:
    """What appends is imported when it is asked for: the command line must not wait for the pricing engines."""
    if name in __all__:
        return getattr(import_module("ingestion.append"), name)
    raise AttributeError(f"module 'ingestion' has no attribute '{name}'")
