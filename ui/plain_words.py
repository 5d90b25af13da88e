"""Texts of people's own among words of ours: shown as they were written, never as markup, images or links."""

import re

_SIGNS = re.compile(r"([!-/:-@\[-`{-~])")
"""Every sign that means something in Markdown; each may have a backslash before it."""


def plain(text: str) -> str:
    """The text for a place that renders Markdown."""
    return _SIGNS.sub(r"\\\1", text)
