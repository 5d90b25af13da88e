"""The engine of a PostgreSQL store: whoever waits for a server that has stopped answering is told so."""

import math
import time
from collections.abc import Callable, Generator
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Engine, create_engine, event

from storage.connection.faults import ServerHung
from storage.connection.store_limits import StoreLimits

_KEEPALIVE = {"keepalives": 1, "keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}
_POOL_SECONDS = 10.0
_UNLESS_SET = (
    "SELECT set_config(name, bound, false) FROM unnest(%s::text[], %s::text[]) AS bounds (name, bound) "
    "WHERE current_setting(name) = '0'"
)
"""What an administrator has set counts."""
_Answer = TypeVar("_Answer")
_OfServer = Generator[psycopg.waiting.Wait, psycopg.waiting.Ready | int, _Answer]


class _Asking(psycopg.Connection[Any]):
    """A connection that asks, when an answer takes long, whether the server still answers anybody.

    A long statement, or a wait for a lock, is no fault: the server accepts another connection meanwhile. One that is
    frozen, or cut off without a word, does not. TCP cannot tell: a frozen host's kernel goes on acknowledging.
    """

    limits = StoreLimits()
    ask: Callable[[], Any] | None = None

    def wait(self, gen: Any, *given: Any, **named: Any) -> Any:
        return super().wait(self._asking(gen), *given, **named)

    def _asking(self, gen: "_OfServer[_Answer]") -> "_OfServer[_Answer]":
        try:
            wanted = next(gen)
            since = time.monotonic()
            silence: ServerHung | None = None
            while True:
                ready = yield wanted
                if ready:
                    since, silence = time.monotonic(), None
                elif silence is not None:  # nor has the answer come while it was asked
                    self.pgconn.finish()
                    raise silence
                elif time.monotonic() - since > self.limits.answer_seconds:
                    silence = self._ask()
                    since = time.monotonic()
                wanted = gen.send(ready)
        except StopIteration as end:
            answer: _Answer = end.value
            return answer

    def _ask(self) -> ServerHung | None:
        """What is wrong when nothing answers there."""
        try:
            if self.ask is not None:
                self.ask()
        except psycopg.errors.ConnectionTimeout as error:
            hung = ServerHung("the server answers neither this nor a new connection")
            hung.__cause__ = error
            return hung
        except psycopg.OperationalError:
            pass  # it says something: it is full, or about to end, and will tell this connection itself
        return None


def postgres_engine(url: str, limits: StoreLimits, **options: Any) -> Engine:
    """An engine whose connections are bounded in every wait."""
    engine = create_engine(
        url,
        pool_pre_ping=True,
        hide_parameters=True,
        connect_args={
            "connect_timeout": math.ceil(limits.connect_seconds),
            "tcp_user_timeout": round(limits.connect_seconds * 4000),
            **_KEEPALIVE,
        },
        **{"pool_timeout": _POOL_SECONDS, **options},
    )

    @event.listens_for(engine, "do_connect")
    def _on_connect(_dialect: Any, _record: Any, given: Any, named: Any) -> psycopg.Connection[Any]:
        connection = _Asking.connect(*given, **named)
        connection.limits = limits
        connection.ask = lambda: _ask(given, named)
        try:
            _bound(connection, limits)
        except BaseException:
            connection.close()  # nobody else has a hand on it
            raise
        return connection

    return engine


def _ask(given: Any, named: Any) -> None:
    psycopg.connect(*given, **named).close()


def _bound(connection: psycopg.Connection[Any], limits: StoreLimits) -> None:
    """Bound statements, waits for locks, and transactions that do nothing."""
    bounds = {
        "lock_timeout": limits.lock_seconds,
        "statement_timeout": limits.statement_seconds,
        "idle_in_transaction_session_timeout": limits.statement_seconds,
    }
    with connection.cursor() as cursor:
        cursor.execute(_UNLESS_SET, (list(bounds), [str(round(seconds * 1000)) for seconds in bounds.values()]))
    connection.commit()
