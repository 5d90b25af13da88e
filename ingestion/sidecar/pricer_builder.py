"""Exercise boundaries are found beside the ticks, in a thread: those that a batch left, and those of the next date.

The thread has nothing but a ``PricerBuild``, which nobody changes. State and store are the sidecar's alone: what the
thread brings is kept, compared with what holds by then, and priced, in the sidecar's own turn.
"""

import time
from collections import Counter
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

from engine.valuation.pricer_build import BuiltPricer, Key, PricerBuild
from services.pricing.price_book import DeferredWork
from services.pricing.price_deferred import price_deferred_pricers
from services.pricing.pricing_state import PricingState
from storage.connection.supervision import supervised
from storage.core.database import Store
from storage.feeds.feeds import Holder

THREAD = "deltaboard-prepares"
_LOOK_SECONDS = 0.1
_AGAIN_SECONDS = 1.0
_ATTEMPTS = 3
"""So often an underlying is tried at the end of a feed, before the command says that it could not be priced."""


class NotPriced(Exception):
    """A feed has ended, and underlyings could not be priced; the message is one line for people."""


class PricerBuilder:
    """The underlyings that batches left unpriced, and one thread that prepares one underlying after the other."""

    def __init__(self, store: Store, state: PricingState, holder: Holder) -> None:
        self._store = store
        self._state = state
        self._holder = holder
        self._unpriced: set[Key] = set()
        self._running: Future[BuiltPricer] | None = None
        self._next_look = 0.0
        self._not_before = 0.0
        self._failures: Counter[Key] = Counter()
        """How often each underlying could not be prepared; the one that failed least is tried next."""
        self._failures_before: Counter[Key] | None = None
        self._running_key: Key | None = None
        self._sign_of_life = supervised("price preparation")
        self._thread = ThreadPoolExecutor(1, thread_name_prefix=THREAD)

    @property
    def busy(self) -> bool:
        """Whether there are underlyings that still have to be priced."""
        return bool(self._unpriced)

    @property
    def running(self) -> bool:
        """Whether the thread is at work."""
        return self._running is not None

    def raise_if_hopeless(self) -> None:
        """Raises NotPriced when all that is left has been tried in vain since the first call, several times each."""
        if self._failures_before is None:
            self._failures_before = self._failures.copy()
        before = self._failures_before
        if self._unpriced and all(self._failures[key] - before[key] >= _ATTEMPTS for key in self._unpriced):
            names = ", ".join(f"{ticker} on {day.isoformat()}" for day, ticker in sorted(self._unpriced))
            reason = self._sign_of_life.health().reason
            raise NotPriced(f"Not priced: {names} ({reason}). Correct the trades or parameters of it, and start again.")

    def leave(self, keys: Iterable[Key]) -> None:
        """Prepare and price these underlyings as soon as may be."""
        self._unpriced |= set(keys)

    def turn(self) -> DeferredWork:
        """Keep what the thread has brought, price what is ready, and give it the next.

        Returns what that has left, underlyings that must be prepared once more among it. May be done again after the
        store was away. What a preparation raised is logged, and it is tried again later. Raises FeedLost.
        """
        if self._running is not None and self._running.done():
            done, self._running = self._running, None
            self._take(done)
        pending = DeferredWork()
        ready = sorted(key for key in self._unpriced if not self._state.is_over_build_budget(*key))
        if ready:
            pending = price_deferred_pricers(
                self._store, self._state, ready, source=self._holder.feed, holder=self._holder
            )
            self._unpriced -= set(ready)
        for key in sorted(self._unpriced, key=lambda key: (self._failures[key], key)):
            self._start(self._state.preparation(*key))
        return pending

    def look_ahead(self, now: float) -> None:
        """Give an idle thread what the newest date lacks, or the date that the next roll should bring."""
        if self._running is None and now >= self._next_look:
            self._start(next(self._state.builds_ahead(), None))
            self._next_look = now + _LOOK_SECONDS if self._running is None else now

    def forget(self) -> None:
        """Drop what is left unpriced: it has been taken off the store. What is being prepared may still be of use."""
        self._unpriced.clear()
        self._failures.clear()
        self._failures_before = None

    def close(self) -> None:
        """Take nothing more; the thread ends by itself after what it is at."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        self._sign_of_life.leave()

    def _take(self, done: Future[BuiltPricer]) -> None:
        try:
            ready = done.result()
        except Exception as error:
            assert self._running_key is not None
            self._failures[self._running_key] += 1
            self._not_before = time.monotonic() + _AGAIN_SECONDS
            self._sign_of_life.failed(error, underlying=self._running_key[1], again_in_seconds=_AGAIN_SECONDS)
            return
        self._failures.pop(ready.key, None)
        if not self._unpriced & self._failures.keys():
            self._sign_of_life.beat()
        if self._state.preparation(*ready.key) is not None:  # else something newer is there
            self._state.take(ready)

    def _start(self, preparation: PricerBuild | None) -> None:
        if preparation is not None and self._running is None and time.monotonic() >= self._not_before:
            self._running_key = preparation.key
            self._running = self._thread.submit(preparation.run)
