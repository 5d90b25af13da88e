"""How an instant looks in each database."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, String, TypeDecorator

_SQLITE_FORMAT = "%Y-%m-%dT%H:%M:%S.%fZ"


class UtcDateTime(TypeDecorator[datetime]):
    """An instant in UTC: timestamptz in PostgreSQL; in SQLite a text of fixed width that sorts as time does."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> Any:
        return dialect.type_descriptor(String(27) if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        return None if value is None else to_driver(value, dialect.name)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value)
        return value.astimezone(UTC)  # type: ignore[no-any-return]


def to_driver(value: Any, dialect_name: str) -> Any:
    """A value as the raw driver of a database takes it; instants must carry a time zone (ValueError if not)."""
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("an instant without a time zone cannot be stored")
        value = value.astimezone(UTC)
        return value.strftime(_SQLITE_FORMAT) if dialect_name == "sqlite" else value
    if dialect_name == "sqlite" and hasattr(value, "isoformat"):
        return value.isoformat()
    return value
