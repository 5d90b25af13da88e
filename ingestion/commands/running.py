"""How a command runs a sidecar: ready to price before it starts, ended by a signal, honest about why it stopped."""

import signal
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from ingestion.commands.opening import NOT_PRICED, TAKEN, fail, opened_store, read_settings

if TYPE_CHECKING:
    from ingestion.sidecar.feed import Feed
    from storage.core.database import Store
    from storage.feeds.feeds import Feed as FeedRow


def run_sidecar(
    names: list[str],
    open_feed: "Callable[[Store, FeedRow], Feed]",
    *,
    speed: float | None = None,
    once: bool = False,
) -> None:
    """Run a feed until a signal ends it, under the first of these names that no other sidecar has.

    open_feed: makes the feed from the store and the feed's row there. Ends the command when all names are taken, or
    when another sidecar takes the feed over. With ``once``, an underlying that cannot be priced is an error, too.
    """
    import structlog

    from engine.pricing.warm_up import warm_up
    from ingestion.sidecar.logs import log_to_stderr
    from ingestion.sidecar.pricer_builder import NotPriced
    from ingestion.sidecar.runner import Sidecar
    from storage.feeds.feeds import FeedLost, FeedTaken

    log_to_stderr(read_settings().log_level)
    log = structlog.get_logger("sidecar")
    with opened_store() as store:
        warm_up(lambda name: log.info("pricing_engine_ready", engine=name))
        stop = threading.Event()
        for name in ("SIGINT", "SIGTERM", "SIGBREAK"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), lambda *_: stop.set())
        taken = ""
        for name in names:
            try:
                sidecar = Sidecar(
                    store, read_settings(), name, lambda row: open_feed(store, row), speed=speed, once=once
                )
            except FeedTaken as error:
                taken = taken or str(error)
                continue
            try:
                sidecar.run(stop)
            except FeedLost as error:
                raise fail(str(error), TAKEN) from error
            except NotPriced as error:
                raise fail(str(error), NOT_PRICED) from error
            return
        raise fail(taken, TAKEN)
