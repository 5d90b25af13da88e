"""How much one file may hold, whatever its form."""

from dataclasses import dataclass, replace

from storage.connection.settings import Settings


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much one file may hold. bytes: as it lies there, and unpacked."""

    bytes: int = 500_000_000
    rows: int = 1_000_000
    columns: int = 200

    @classmethod
    def of(cls, settings: Settings) -> "FileLimits":
        return cls(int(settings.file_megabytes * 1e6), settings.file_rows, settings.file_columns)

    @classmethod
    def of_body(cls, settings: Settings) -> "FileLimits":
        """Those of a file that comes over HTTP: what it unpacks to is bounded as the body is."""
        limits = cls.of(settings)
        return replace(limits, bytes=min(limits.bytes, int(settings.api_megabytes * 1e6)))
