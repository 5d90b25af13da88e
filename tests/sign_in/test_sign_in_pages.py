"""A click on "Sign in" or "Sign out" is not lost when another run of the page begins right after it."""

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

import ui.identity.sign_in_pages


def signed_in() -> None:
    import streamlit

    from ui.identity.sign_in_pages import sign_out_button

    if sign_out_button():
        streamlit.logout()


def signed_out() -> None:
    from ui.identity.sign_in_pages import sign_in_page

    sign_in_page()


def test_the_run_after_the_click_signs_out_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Streamlit empties what it has not sent yet at the start of a run: of the run before nothing may have arrived."""
    asked: list[str] = []
    monkeypatch.setattr(st, "logout", lambda: asked.append("out"))
    page = AppTest.from_function(signed_in).run()
    assert asked == []
    page.button(key="sign_out").click().run()
    page.run()
    assert asked == ["out", "out"]
    AppTest.from_function(signed_in).run()
    assert asked == ["out", "out"], "another session has not clicked"


def test_the_run_after_the_click_signs_in_too(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str | None] = []
    monkeypatch.setattr(st, "login", asked.append)
    monkeypatch.setattr(ui.identity.sign_in_pages, "providers", lambda: ["one", "other"])
    page = AppTest.from_function(signed_out).run()
    page.button(key="sign_in_other").click().run()
    page.run()
    assert asked == ["other", "other"]
