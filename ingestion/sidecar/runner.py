"""The sidecar's loop: take what the feed has, apply it, obey what people want, and give signs of life."""

import os
import threading
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import structlog

from ingestion.sidecar.feed import Batch, Feed
from ingestion.sidecar.pricer_builder import NotPriced, PricerBuilder
from ingestion.sidecar.replay import ReplayFeed
from ingestion.sidecar.sidecar_process import is_gone, this_host
from ingestion.sidecar.slow_worker import SlowWorker
from services.pricing.apply_slow_values import SlowResult, apply_slow_values
from services.pricing.price_all import price_newest
from services.pricing.price_book import DeferredWork
from services.pricing.pricing_state import PricingState
from services.writes.apply_incoming import apply_incoming
from services.writes.restart_replay import restart_replay
from storage.connection.faults import StoreUnavailable, in_words
from storage.connection.settings import Settings
from storage.core.change_log import prune
from storage.core.database import Store
from storage.feeds.background_tasks import TaskReports
from storage.feeds.feeds import Feed as FeedRow
from storage.feeds.feeds import (
    FeedLost,
    FeedState,
    Holder,
    PositionMoved,
    claim_feed,
    leave_feed,
    lost,
    read_feed,
    report,
)
from storage.market.quote_history import forget_versions

_LOOK_SECONDS = 0.1
_REPORT_SECONDS = 0.5
_PRUNE_SECONDS = 5.0
_FORGET_SECONDS = 86_400.0
_LONGEST_SLEEP_SECONDS = 0.02
_SLEEP_WHILE_PREPARING_SECONDS = 0.002
_BACK_OFF_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)

log = structlog.get_logger("sidecar")


class Sidecar:
    """Runs one feed on a store until it is told to stop, loses the feed, or (with ``once``) the feed ends.

    open_feed: makes the feed from its row in the store. Raises FeedTaken when another sidecar runs the feed.
    """

    def __init__(
        self,
        store: Store,
        settings: Settings,
        name: str,
        open_feed: Callable[[FeedRow], Feed],
        *,
        speed: float | None = None,
        once: bool = False,
    ) -> None:
        self._store = store
        self._settings = settings
        self._once = once
        self._state = PricingState.of(settings)
        self._slow_worker = SlowWorker()
        self._holder = Holder(name, uuid.uuid4().hex)
        self._pricer_builder = PricerBuilder(store, self._state, self._holder)
        self._feed = open_feed(self._claim(speed))
        self._reports = TaskReports(store, f"sidecar {name}")
        self._lag: float | None = None
        self._next_look = self._next_report = self._next_prune = self._next_forget = 0.0

    def run(self, stop: threading.Event) -> None:
        """Raises FeedLost when another sidecar has taken the feed over; with ``once`` NotPriced."""
        not_priced: NotPriced | None = None
        log.info("started", feed=self._feed.name, at=self._feed.progress)
        try:
            self._with_back_off(stop, self._price_what_is_there)
            while not stop.is_set():
                self._turn(stop)
                if self._once and self._feed.ended and not self._slow_worker.busy:
                    if not self._pricer_builder.busy:
                        break
                    self._pricer_builder.raise_if_hopeless()
                stop.wait(self._sleep())
        except NotPriced as error:
            not_priced = error
        except FeedLost as lost:
            log.warning("stopped", feed=self._feed.name, reason=str(lost))
            raise
        finally:
            self._slow_worker.close()
            self._pricer_builder.close()
            self._feed.close()
        self._with_back_off(stop, self._leave)
        self._reports.leave()
        log.info("stopped", feed=self._feed.name, at=self._feed.progress)
        if not_priced is not None:
            raise not_priced

    def _turn(self, stop: threading.Event) -> None:
        now = time.monotonic()
        if now >= self._next_look:
            self._with_back_off(stop, self._apply_control_requests)
            self._next_look = now + _LOOK_SECONDS
        batch = None if self._feed.ended else self._feed.next_batch(time.monotonic())
        if batch is not None:
            self._with_back_off(stop, lambda: self._apply(batch))
        self._with_back_off(stop, self._build_pricers)
        if batch is None:
            self._pricer_builder.look_ahead(now)
        results = self._slow_worker.finished()
        if results:
            self._with_back_off(stop, lambda: self._apply_slow(results))
        if now >= self._next_report:
            self._with_back_off(stop, self._report)
            self._next_report = now + _REPORT_SECONDS
        if now >= self._next_prune:
            self._with_back_off(stop, self._prune)
            self._next_prune = now + _PRUNE_SECONDS
        if self._settings.quote_days is not None and now >= self._next_forget:
            self._with_back_off(stop, self._forget_quotes)
            self._next_forget = now + _FORGET_SECONDS

    def _apply(self, batch: Batch) -> None:
        try:
            applied = apply_incoming(
                self._store,
                self._state,
                batch.incoming,
                source=batch.source,
                position=batch.position,
                rejections=batch.rejections,
                not_before=batch.not_before,
                future_tolerance_seconds=self._settings.future_tolerance_seconds,
            )
        except PositionMoved as moved:
            log.warning("batch_rejected", feed=self._feed.name, reason=str(moved))
            self._feed.rewind()
            return
        self._lag = max(0.0, time.monotonic() - batch.due)
        self._defer(applied.pending)
        self._feed.committed(batch, applied)

    def _apply_slow(self, results: list[SlowResult]) -> None:
        again = apply_slow_values(self._store, self._state, results, source=self._feed.name, holder=self._holder)
        self._defer(again)

    def _build_pricers(self) -> None:
        self._defer(self._pricer_builder.turn())

    def _defer(self, pending: DeferredWork) -> None:
        self._slow_worker.submit(pending.slow_work)
        self._pricer_builder.leave(pending.unprepared)

    def _price_what_is_there(self) -> None:
        """Whatever was loaded or changed while no sidecar ran, and the slow engines' share, is brought up to date."""
        self._defer(price_newest(self._store, self._state, source="sidecar", holder=self._holder))

    def _apply_control_requests(self) -> None:
        """Take what people want, and what other processes have changed: both before a batch would meet it."""
        with self._store.read() as connection:
            requested = read_feed(connection, self._feed.name)
            self._state.refresh(connection, self._store.revisions(connection))
        if requested is None or requested.owner != self._holder.owner:
            raise lost(self._feed.name)
        now = time.monotonic()
        if isinstance(self._feed, ReplayFeed):
            self._apply_replay_requests(self._feed, requested, now)
        if (requested.wanted_state == FeedState.PAUSED) != self._feed.paused:
            if requested.wanted_state == FeedState.PAUSED:
                self._feed.pause()
            else:
                self._feed.resume(now)
            self._next_report = 0.0

    def _apply_replay_requests(self, feed: ReplayFeed, requested: FeedRow, now: float) -> None:
        """Only a replay can start again, and has a speed."""
        if requested.restarts_wanted > feed.restarts:
            pending = restart_replay(
                self._store,
                self._state,
                feed=feed.name,
                owner=self._holder.owner,
                first_date=feed.first_date,
                cursor={"row": 0, "restarts": requested.restarts_wanted},
            )
            self._slow_worker.forget()
            self._pricer_builder.forget()
            self._defer(pending)
            feed.restart(requested.restarts_wanted, now)
            log.info("restarted", feed=feed.name)
        if requested.wanted_speed != feed.speed:
            feed.set_speed(requested.wanted_speed, now)

    def _claim(self, speed: float | None) -> FeedRow:
        with self._store.bookkeeping() as connection:
            return claim_feed(
                connection,
                self._holder.feed,
                self._holder.owner,
                os.getpid(),
                datetime.now(UTC),
                self._settings.sidecar_silence_seconds,
                speed,
                host=this_host(),
                is_gone=is_gone,
            )

    def _leave(self) -> None:
        state = FeedState.ENDED if self._feed.ended else FeedState.STOPPED
        with self._store.bookkeeping() as connection:
            leave_feed(connection, self._holder, datetime.now(UTC), state, self._feed.progress)

    def _report(self) -> None:
        playing = FeedState.PAUSED if self._feed.paused else FeedState.PLAYING
        with self._store.bookkeeping() as connection:
            report(
                connection,
                self._feed.name,
                self._holder.owner,
                datetime.now(UTC),
                FeedState.ENDED if self._feed.ended else playing,
                self._feed.speed if isinstance(self._feed, ReplayFeed) else None,
                self._lag if self._feed.lag_seconds is None else self._feed.lag_seconds,
                self._feed.progress,
            )
        self._reports.report_if_due()

    def _prune(self) -> None:
        with self._store.bookkeeping() as connection:
            prune(
                connection,
                datetime.now(UTC),
                self._settings.change_log_minutes,
                self._settings.change_log_megabytes,
            )

    def _forget_quotes(self) -> None:
        gone = forget_versions(self._store, self._settings.quote_days or 0)
        log.info("quotes_forgotten", versions=gone, days=self._settings.quote_days)

    def _sleep(self) -> float:
        awake = None if self._feed.paused else self._feed.next_awake(time.monotonic())
        longest = _SLEEP_WHILE_PREPARING_SECONDS if self._pricer_builder.running else _LONGEST_SLEEP_SECONDS
        wait = longest if awake is None else awake - time.monotonic()
        return min(max(wait, 0.0), longest)

    def _with_back_off(self, stop: threading.Event, step: Callable[[], None]) -> None:
        """Do a step; when the database is away, wait and do the same step again, so that nothing is skipped."""
        for attempt in range(1_000_000):
            try:
                step()
                return
            except StoreUnavailable as error:
                wait = _BACK_OFF_SECONDS[min(attempt, len(_BACK_OFF_SECONDS) - 1)]
                log.warning("database_unavailable", again_in_seconds=wait, fault=error.fault, error=in_words(error))
                if stop.wait(wait):
                    return
