"""How much one file may hold, whatever its form."""

from dataclasses import dataclass, replace

from storage.connection.settings import Settings


@dataclass(frozen=True, slots=True)
class FileLimits:
    """How much one file may hold. bytes: as it lies there, and unpacked. memory_bytes: what unpacking a part of it may
    take, whatever the file says of itself; None: unbounded, for a process that does other things at the same time."""

    bytes: int = 500_000_000
    rows: int = 1_000_000
    columns: int = 200
    memory_bytes: int | None = None

    @classmethod
    def of(cls, settings: Settings) -> "FileLimits":
        return cls(int(settings.file_megabytes * 1e6), settings.file_rows, settings.file_columns)

    @classmethod
    def of_body(cls, settings: Settings) -> "FileLimits":
        """Those of a file that comes over HTTP: what it unpacks to is bounded as the body is."""
        limits = cls.of(settings)
        return replace(limits, bytes=min(limits.bytes, int(settings.api_megabytes * 1e6)))

    def in_worker(self) -> "FileLimits":
        """The same in a process that does nothing else: a part may be all of the file, in three copies."""
        return replace(self, memory_bytes=3 * self.bytes + 200_000_000)
