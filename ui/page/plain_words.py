"""Texts of people's own among words of ours: shown as they were written, never as markup, images or links."""

import re

_SIGNS = re.compile(r"([!-/:-@\[-`{-~])")
"""Every sign that means something in Markdown; each may have a backslash before it."""
_READ_AFTERWARDS = re.compile(
    r"""(?P<before> : (?=// | (?!\d{1,2}:) [\w+-] [\w+/-]* :)  # http://…, :material/…:, and names of emoji, but no time
        | \b www (?=\.)
        | (?<!\S) [<>~-] (?=[=>-]) (?=\S{1,2}(?:\s|$)))  # arrows and the like
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""What becomes a link, an icon or another sign when Markdown has been read already, backslash or not."""
_JOINER = "\u2060"
"""Is not seen, and breaks no line: but what it stands in is no longer what is looked for."""


def plain(text: str) -> str:
    """The text for a place that renders Markdown: one paragraph, whatever it begins with."""
    one_line = " ".join(re.split(r"[\r\n\t]+", text)).lstrip()
    return _SIGNS.sub(r"\\\1", _READ_AFTERWARDS.sub(rf"\g<before>{_JOINER}", one_line))
