"""Every setting that comes from the environment, in one place."""

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[2]
DEFAULT_STORE = ROOT / "var" / "deltaboard.sqlite"

RoleName = Literal["viewer", "manager", "analyst", "admin"]


class Settings(BaseSettings):
    """Read from the environment: DATABASE_URL as it is, all else with the prefix DELTABOARD_."""

    model_config = SettingsConfigDict(env_prefix="DELTABOARD_", frozen=True, populate_by_name=True)

    database_url: SecretStr = Field(
        default=SecretStr(f"sqlite:///{DEFAULT_STORE}"),
        validation_alias="DATABASE_URL",
        description="Where the store is: an SQLAlchemy URL of SQLite or PostgreSQL (postgresql+psycopg://…).",
    )
    store_connect_seconds: float = Field(
        5.0, ge=2, le=60, description="How long connecting to PostgreSQL may take, in seconds."
    )
    store_answer_seconds: float = Field(
        3.0, gt=0, le=600, description="After how long without an answer PostgreSQL is asked whether it still answers."
    )
    store_lock_seconds: float = Field(
        30.0, gt=0, le=3600, description="How long a writer waits for another one, in seconds."
    )
    store_statement_seconds: float = Field(
        300.0, gt=0, le=86_400, description="How long one statement on PostgreSQL may take, in seconds."
    )
    store_log_megabytes: float = Field(
        256.0, gt=0, description="How large SQLite's write-ahead log may grow before it is reported, in megabytes."
    )
    change_log_minutes: float = Field(10.0, gt=0, description="How long the change log is kept, in minutes.")
    change_log_megabytes: float = Field(256.0, gt=0, description="How large the change log may grow, in megabytes.")
    quote_days: int | None = Field(
        None,
        ge=0,
        description="For how many days before the newest as-of date every quote is kept. "
        "Of earlier dates only the last of each instrument stays, the close. Empty: all are kept.",
    )
    tail_seconds: float = Field(0.02, gt=0, le=5, description="How often the web process asks the store for changes.")
    live_viewers: int = Field(600, gt=0, description="How many live connections one web process accepts.")
    earlier_boards: int = Field(
        12, gt=0, description="How many boards of earlier dates one web process keeps while somebody looks at them."
    )
    earlier_boards_megabytes: float = Field(
        1000.0, gt=0, description="How much memory these boards may take, by estimate, in megabytes."
    )
    slow_client_seconds: float = Field(
        20.0,
        gt=0,
        description="After how many seconds a connection is closed that takes nothing of what waits for it, "
        "or does not finish its request.",
    )
    unsent_megabytes: float = Field(
        256.0, gt=0, description="How much may wait to be taken by all connections of one web process, in megabytes."
    )
    unfinished_requests: int = Field(
        200, gt=0, description="How many connections of one web process may be without a whole request."
    )
    page_sessions: int = Field(
        300, gt=0, description="How many pages may be open on one web process, those just left included."
    )
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
    default_parameters: Literal["price", "refuse"] = Field(
        "price",
        description="What becomes of options on a ticker without parameters: price them with the defaults, or refuse.",
    )
    questioned_volatility: float = Field(
        2.0, gt=0, description="A volatility from here on is taken and questioned; 2 is 200 % a year."
    )
    questioned_rate: float = Field(
        0.25, gt=0, description="A rate or yield from here on, or from minus that down, is taken and questioned."
    )
    questioned_quote_move: float = Field(
        0.5,
        gt=0,
        description="By what part of the smaller one a quote may differ from the last of its instrument before it is "
        "questioned.",
    )
    questioned_volatility_move: float = Field(
        1.0, gt=0, description="The same for a volatility and the one on record: 1 is twice as much, or half."
    )
    questioned_parameter_days: int = Field(
        30, gt=0, description="From how many days on the parameters that options are priced with count as old."
    )
    allowed_hosts: str = Field(
        "",
        description="The names by which browsers may ask for the web server, several by comma, beside those of this "
        "machine and of the sign-in.",
    )
    demo_identity: bool = Field(
        False,
        description="Whether people may choose who they are although the server listens beyond this machine.",
    )
    require_sign_in: bool = Field(
        False, description="Whether nobody is let in without a sign-in, even where secrets.toml has no [auth] section."
    )
    name_claim: str = Field(
        "email", min_length=1, description="The claim of the identity token that is a person's name here."
    )
    roles_claim: str = Field(
        "roles", description="The claim that has a person's roles; a point leads into a claim: realm_access.roles."
    )
    roles_of: Annotated[dict[str, RoleName], NoDecode] = Field(
        {},
        description="Which value of that claim is which role, as value=role, several by semicolon. "
        "Empty: the values are the roles themselves.",
    )
    admins: str = Field("", description="The names of people who are admins without a grant, several by comma.")
    everyone_views: bool = Field(False, description="Whether everyone who signs in is a viewer.")
    session_hours: float | None = Field(
        None, gt=0, description="How many hours a sign-in holds. Empty: until the identity token expires."
    )
    file_megabytes: float = Field(500.0, gt=0, description="How large a file may be to be loaded, in megabytes.")
    file_rows: int = Field(1_000_000, gt=0, description="How many rows a file may have to be loaded.")
    file_columns: int = Field(200, gt=0, description="How many columns a file may have to be loaded.")
    api_token: SecretStr = Field(
        SecretStr(""),
        description="The token that appends over HTTP must carry; without one nothing can be appended that way.",
    )
    api_megabytes: float = Field(
        10.0,
        gt=0,
        description="How large the body of an HTTP append may be, in megabytes, as it is sent and as it unpacks.",
    )
    api_requests_a_minute: int = Field(600, gt=0, description="How many HTTP appends the server takes in a minute.")
    kafka_bootstrap: str = Field(
        "127.0.0.1:9092", description="Where the Kafka broker is: HOST:PORT, several by comma."
    )
    log_level: str = Field(
        "INFO",
        pattern="(?i)^(debug|info|warning|error|critical)$",
        description="The least severe level that the log shows: debug, info, warning, error or critical.",
    )

    @property
    def admin_names(self) -> list[str]:
        """The names of ``admins``, in the form that names have here."""
        return [" ".join(name.split()) for name in self.admins.split(",") if name.strip()]

    @field_validator("roles_of", mode="before")
    @classmethod
    def _pairs(cls, said: object) -> object:
        """``value=role; value=role``: the role follows the last =, since names of groups may have some, too."""
        if not isinstance(said, str):
            return said
        pairs = [pair.rpartition("=") for pair in said.split(";") if pair.strip()]
        if any(not value.strip() for value, _, _ in pairs):
            raise ValueError("write it as value=role, several by semicolon: desk-heads=manager; quants=analyst")
        return {value.strip(): role.strip() for value, _, role in pairs}

    @field_validator("session_hours", "quote_days", mode="before")
    @classmethod
    def _or_none(cls, said: object) -> object:
        return None if said == "" else said


@lru_cache(maxsize=1)
def settings() -> Settings:
    """The settings of this process, read once."""
    return Settings()
