"""Every setting that comes from the environment, in one place."""

from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parent.parent
DEFAULT_STORE = ROOT / "var" / "deltaboard.sqlite"


class Settings(BaseSettings):
    """Read from the environment: DATABASE_URL as it is, all else with the prefix DELTABOARD_."""

    model_config = SettingsConfigDict(env_prefix="DELTABOARD_", frozen=True, populate_by_name=True)

    database_url: str = Field(
        default=f"sqlite:///{DEFAULT_STORE}",
        validation_alias="DATABASE_URL",
        description="Where the store is: an SQLAlchemy URL of SQLite or PostgreSQL (postgresql+psycopg://…).",
    )
    change_log_minutes: float = Field(10.0, gt=0, description="How long the change log is kept, in minutes.")
    change_log_megabytes: float = Field(256.0, gt=0, description="How large the change log may grow, in megabytes.")
    tail_seconds: float = Field(0.02, gt=0, le=5, description="How often the web process asks the store for changes.")
    live_viewers: int = Field(600, gt=0, description="How many live connections one web process accepts.")
    future_tolerance_seconds: float = Field(
        300.0, ge=0, description="How far ahead of the clock a quote may be observed before it is set aside."
    )
    sidecar_silence_seconds: float = Field(
        10.0, gt=0, description="After how long without a sign of life a sidecar counts as gone."
    )
    engine_overwrites_reported: bool = Field(
        False, description="Whether our pricing takes the place of reported sensitivities of the same key."
    )
    terminated_risk: Literal["keep", "zero"] = Field(
        "keep",
        description="What becomes of the newest values of a trade that is terminated: keep them, or write zeros.",
    )
    demo_identity: bool = Field(
        False,
        description="Whether people may choose who they are although the server listens beyond this machine.",
    )
    file_megabytes: float = Field(500.0, gt=0, description="How large a file may be to be loaded, in megabytes.")
    file_rows: int = Field(1_000_000, gt=0, description="How many rows a file may have to be loaded.")
    file_columns: int = Field(200, gt=0, description="How many columns a file may have to be loaded.")
    api_token: str = Field(
        "", description="The token that appends over HTTP must carry; without one nothing can be appended that way."
    )
    api_megabytes: float = Field(10.0, gt=0, description="How large the body of an HTTP append may be, in megabytes.")
    api_requests_a_minute: int = Field(600, gt=0, description="How many HTTP appends the server takes in a minute.")
    kafka_bootstrap: str = Field(
        "127.0.0.1:9092", description="Where the Kafka broker is: HOST:PORT, several by comma."
    )
    log_level: str = Field(
        "INFO",
        pattern="(?i)^(debug|info|warning|error|critical)$",
        description="The least severe level that the log shows: debug, info, warning, error or critical.",
    )


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()  # type: ignore[call-arg]
