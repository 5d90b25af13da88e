"""Faster than pricing: the newest quote of each ticker wins, no trade is dropped, and memory stays bounded."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import services.pricing.repricing_scope
from launch.kafka_broker import Broker
from storage.core.database import Store
from tests.fixtures.databases import Templates
from tests.fixtures.kafka import fresh_topic, produce
from tests.ingestion.kafka_running import KafkaSidecar, one, quote_message, rows, ticket, topic_of

SECONDS, A_SECOND, TICKERS, TRADES = 20, 1000, 20, 2000
OPEN = datetime(2020, 7, 9, 14, 0, tzinfo=UTC)

pytestmark = pytest.mark.kafka


def resident_megabytes() -> float:
    """What this process holds in memory."""
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * 4096 / 1e6


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="the system does not tell how much memory is held")
def test_a_burst_of_quotes_while_pricing_lags(
    templates: Templates, broker: Broker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """20,000 quotes and 2,000 trades wait behind a pricing that stands still; then all of it is taken."""
    store = Store(templates.copy("sqlite", "empty", lambda _: None, None))
    held, released = threading.Event(), threading.Event()
    price: Callable[..., Any] = services.pricing.repricing_scope.price_underlyings  # type: ignore[attr-defined]

    def slow_price(*arguments: Any, **named: Any) -> Any:
        held.set()
        assert released.wait(600)
        return price(*arguments, **named)

    monkeypatch.setattr(services.pricing.repricing_scope, "price_underlyings", slow_price)
    of_quotes, of_trades = fresh_topic(broker), fresh_topic(broker)
    topics = {of_quotes: topic_of("quotes"), of_trades: topic_of("trades")}
    names = [f"TICK{number}" for number in range(TICKERS)]
    with KafkaSidecar(store, broker, topics, group=of_quotes, max_batch=500) as sidecar:
        produce(broker, of_quotes, [quote_message(1.0, OPEN.isoformat(), names[0])])
        assert held.wait(120)
        before = resident_megabytes()
        ticks = [
            quote_message(100 + n / 1000, (OPEN + timedelta(milliseconds=n + 1)).isoformat(), names[n % TICKERS])
            for n in range(SECONDS * A_SECOND)
        ]
        for second in range(SECONDS):
            produce(broker, of_quotes, ticks[second * A_SECOND : (second + 1) * A_SECOND])
            some = range(second * TRADES // SECONDS, (second + 1) * TRADES // SECONDS)
            produce(broker, of_trades, [ticket(f"T{n}", Ticker=names[n % TICKERS], Note="x" * 1000) for n in some])
        waiting = resident_megabytes() - before
        released.set()
        sidecar.wait_for_offset(of_quotes, SECONDS * A_SECOND + 1)
        sidecar.wait_for_offset(of_trades, TRADES)
        after = resident_megabytes() - before
    newest = {names[n % TICKERS]: 100 + n / 1000 for n in range(SECONDS * A_SECOND - TICKERS, SECONDS * A_SECOND)}
    assert dict(rows(store, "SELECT instrument, quote FROM quotes")) == newest
    assert one(store, "SELECT count(*) FROM quote_versions") == SECONDS * A_SECOND + 1
    assert one(store, "SELECT count(*) FROM trades") == TRADES
    spots = rows(store, "SELECT DISTINCT risk_factor, spot FROM sensitivities")
    assert dict(spots) == newest, "every trade is priced at the newest quote"
    print(f"memory: {waiting:.0f} MB more while it waited, {after:.0f} MB more afterwards")
    assert waiting < 60
    assert after < 150
    store.close()
