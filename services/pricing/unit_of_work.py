"""The one way to change what is priced: look under the lock, decide, write; at the commit the next snapshot holds."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from sqlalchemy.exc import SQLAlchemyError

from services.pricing.pricing_state import PricingState
from storage.core.change_log import Change, changing
from storage.core.database import Store, WriteUnit


class _Abandoned(Exception):
    """The unit of work is to write nothing."""


@dataclass(slots=True)
class UnitOfWork:
    """One transaction, with its entry in the change log and the state that it carries to the next snapshot.

    The state is that of the store right before: what must hold before anything is written is looked up here.
    """

    unit: WriteUnit
    change: Change
    state: PricingState
    is_abandoned: bool = False

    def abandon(self) -> None:
        """Write nothing: the transaction is rolled back at its end, and the state is as it was before."""
        self.is_abandoned = True


@contextmanager
def unit_of_work(store: Store, state: PricingState, source: str) -> Iterator[UnitOfWork]:
    """A unit of work under the store's one write lock. source: who changes the store, for the change log.

    What is raised inside rolls the transaction back, and the state holds the snapshot of before. Only when the database
    itself fails, so that what it has is not known, is the snapshot dropped and read again.
    """
    before = state.snapshot
    try:
        with changing(store, source) as (unit, change):
            state.refresh(unit.connection, unit.before)
            work = UnitOfWork(unit, change, state)
            yield work
            if work.is_abandoned:
                raise _Abandoned
    except _Abandoned:
        state.restore(before)
        return
    except SQLAlchemyError:
        state.forget()
        raise
    except BaseException:
        state.restore(before)
        raise
    state.wrote(unit, change)
