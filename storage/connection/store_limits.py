"""How long a store is waited for."""

from dataclasses import dataclass
from typing import Self

from storage.connection.settings import Settings


@dataclass(frozen=True, slots=True)
class StoreLimits:
    """Seconds. The bounds of connecting, answering and statements are those of PostgreSQL.

    answer_seconds: after how long without an answer the server is asked whether it still answers.
    log_megabytes: how large SQLite's log may grow before that is reported.
    """

    connect_seconds: float = 5.0
    answer_seconds: float = 3.0
    lock_seconds: float = 30.0
    statement_seconds: float = 300.0
    log_megabytes: float = 256.0

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """As the settings want it."""
        return cls(
            settings.store_connect_seconds,
            settings.store_answer_seconds,
            settings.store_lock_seconds,
            settings.store_statement_seconds,
            settings.store_log_megabytes,
        )
