"""What a process writes when something fails unforeseen: where it failed, and no secret of its settings."""

from collections.abc import Callable
from typing import Any, NoReturn

import pandas as pd
import pytest
from sqlalchemy import Connection, make_url

from services.access.permissions import Role, User
from services.exports.export_table import ExportForm
from services.exports.export_worker import ExportWorker
from services.uploads.upload_worker import UploadWorker
from services.workers.worker_process import WorkFailed
from storage.connection.settings import Settings

PASSWORD, TOKEN = "a-password-of-the-database", "a-token-of-the-server"


def broken_rows(connection: Connection) -> pd.DataFrame:
    """Fail in a way that nobody foresaw, with secrets among the local variables."""
    address, token = str(connection.engine.url), TOKEN
    raise RuntimeError(f"unforeseen, {len(address + token)}")


def in_export_worker(settings: Settings) -> None:
    worker = ExportWorker(settings)
    try:
        worker.of_store(broken_rows, ExportForm.CSV, "T", {})
    finally:
        worker.close()


def in_upload_worker(settings: Settings) -> None:
    worker = UploadWorker(settings)
    try:
        worker.preview(User("Ana", frozenset(Role)), None, "a.csv", None, {}, None).result()  # type: ignore[arg-type]
    finally:
        worker.close()


@pytest.mark.parametrize("fail", [in_export_worker, in_upload_worker])
def test_a_worker_that_fails_logs_no_local_variable(
    fail: Callable[[Settings], NoReturn], sqlite_demo_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    url = make_url(sqlite_demo_url).update_query_dict({"password": PASSWORD}).render_as_string(hide_password=False)
    settings = Settings(DATABASE_URL=url, api_token=TOKEN)  # type: ignore[call-arg,arg-type]
    with pytest.raises(WorkFailed):
        fail(settings)
    log = capfd.readouterr().err
    assert "Traceback" in log, "nothing says where it failed"
    assert not [secret for secret in (PASSWORD, TOKEN, "locals", "self._settings =", "settings =") if secret in log]


@pytest.mark.parametrize("shown", [repr, str, lambda known: repr(known.model_dump()), lambda known: f"{vars(known)}"])
def test_settings_show_no_secret(shown: Callable[[Any], str]) -> None:
    url = f"postgresql+psycopg://bo:{PASSWORD}@127.0.0.1/b"
    settings = Settings(DATABASE_URL=url, api_token=TOKEN)  # type: ignore[call-arg,arg-type]
    text = shown(settings)
    assert PASSWORD not in text
    assert TOKEN not in text
    assert settings.api_token.get_secret_value() == TOKEN
    assert settings.database_url.get_secret_value() == url
