"""Which rows of a table a viewer is sent: those that changed since it last looked, and those it shows no more."""

from dataclasses import dataclass

import numpy as np

from engine.contracts import BoolArray, IntArray


@dataclass(frozen=True, slots=True)
class ChangedRows:
    """The rows of a message: their ids, how many of the first have text, and which ids the viewer shows no more."""

    ids: IntArray
    with_text: int
    gone: IntArray


def changed_rows(
    revisions: IntArray, text_revisions: IntArray, moved: IntArray, wanted: BoolArray, since: int | None
) -> ChangedRows:
    """The wanted rows that changed after a revision, those with changed text first; all when it is None.

    moved: when a row last came to be wanted or ceased to be.
    """
    if since is None:
        ids = np.flatnonzero(wanted)
        return ChangedRows(ids, len(ids), np.empty(0, np.int64))
    ids = np.flatnonzero(wanted & (revisions > since))
    has_text = text_revisions[ids] > since
    gone = np.flatnonzero(~wanted & (moved > since))
    return ChangedRows(np.concatenate([ids[has_text], ids[~has_text]]), int(has_text.sum()), gone)
