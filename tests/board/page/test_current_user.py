"""The demo identity is for a server of this machine: elsewhere it refuses, unless a setting says otherwise."""

import sys
from collections.abc import Iterator
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import ui.page.store
from storage.connection.settings import settings
from tests.fixtures.databases import Templates
from ui.identity.current_user import ACCESS_BLOCKED, is_known, is_loopback


@pytest.mark.parametrize("address", ["127.0.0.1", "127.8.0.1", "localhost", "::1"])
def test_this_machine(address: str) -> None:
    assert is_loopback(address)


@pytest.mark.parametrize(
    "address", [None, "", "0.0.0.0", "::", "192.168.0.7", "board.example.com", "127.0.0.1.example"]
)
def test_other_addresses(address: str | None) -> None:
    assert not is_loopback(address)


def page() -> None:
    import streamlit

    from ui.identity.current_user import choose_identity, current_user

    if choose_identity():
        user = current_user()
        streamlit.text(f"{user.name} {sorted(user.roles)}")


@pytest.fixture
def shown(templates: Templates, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Shows the page on a server with this address and setting."""
    monkeypatch.setenv("DATABASE_URL", templates.copy("sqlite", "empty", lambda _: None, None))
    # Streamlit leaves its script in the place of the main module, and a process that is spawned later would run that.
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])
    before = st.get_option("server.address")

    def show(address: str | None, *, allowed: bool = False, **query: str) -> AppTest:
        monkeypatch.setenv("DELTABOARD_DEMO_IDENTITY", str(allowed))
        settings.cache_clear()
        st.cache_resource.clear()
        st.config.set_option("server.address", address)
        test = AppTest.from_function(page, default_timeout=60)
        test.query_params.update(query)
        return test.run()

    yield show
    ui.page.store.store().close()
    st.config.set_option("server.address", before)
    settings.cache_clear()
    st.cache_resource.clear()


def test_on_this_machine_one_chooses(shown: Any) -> None:
    test = shown("127.0.0.1")
    assert test.text[0].value == "Vera [<Role.VIEWER: 'viewer'>]"
    assert "Demo, no sign-in" in test.sidebar.caption[0].value
    test.sidebar.selectbox[0].select("Max").run()
    assert test.text[0].value == "Max [<Role.MANAGER: 'manager'>]"


@pytest.mark.parametrize("address", [None, "0.0.0.0"])
def test_elsewhere_it_refuses_and_says_what_to_do(shown: Any, address: str | None) -> None:
    test = shown(address)
    assert test.error[0].proto.title == ACCESS_BLOCKED
    assert "--server.address 127.0.0.1" in test.error[0].value
    assert "DELTABOARD_DEMO_IDENTITY=true" in test.error[0].value
    assert not test.text
    assert not test.sidebar.selectbox
    assert not is_known(), "no page is offered that leads to the same words"
    assert shown(address, allowed=True).text[0].value.startswith("Vera")
