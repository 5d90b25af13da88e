"""A gate that lets everyone pass. The product has none: no route of it is open because nobody said otherwise."""

from starlette.requests import HTTPConnection


async def everyone(_connection: HTTPConnection) -> None:
    """Never a reason to refuse."""
