"""A key for a control that Streamlit is drawing anew is not lost: it acts when the control is there again."""

from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.board_server import BoardServer

pytestmark = pytest.mark.browser

PAGE = """async () => {
  document.body.innerHTML = '';
  const part = (className, attributes, ...within) => {
    const element = Object.assign(document.createElement(attributes.tag ?? 'div'), { className });
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    element.append(...within);
    return element;
  };
  window.pressed = 0;
  window.control = (files) => {
    const button = part('', { tag: 'button' }, 'Edit');
    button.addEventListener('click', () => window.pressed++);
    return part('st-key-edit', files ? { 'data-testid': 'stFileUploader' } : {}, button);
  };
  window.main = part('', { 'data-testid': 'stMain' });
  window.app = part('', { 'data-testid': 'stApp', 'data-test-script-state': 'notRunning' }, main);
  document.body.append(app);
  await import('/deltaboard/assets/page/keep_focus.js');
}"""


@pytest.fixture
def server() -> Iterator[BoardServer]:
    served = BoardServer()
    served.start()
    yield served
    served.stop()


@pytest.mark.parametrize(
    ("files", "busy_ms", "times"),
    [(False, 1_000, 1), (False, 12_000, 1), (False, 60_000, 0), (True, 1_000, 1), (True, 12_000, 0)],
)
def test_a_key_acts_when_its_control_is_there_again(
    chromium: Any, server: BoardServer, files: bool, busy_ms: int, times: int
) -> None:
    """On a busy page it may take long. A browser lets a key open a chooser of files for some seconds only."""
    page = chromium.new_page()
    page.clock.install()
    page.goto(server.url)
    page.evaluate(PAGE)
    page.evaluate("(files) => { main.append(control(files)); main.querySelector('button').focus(); }", files)
    page.evaluate("() => { app.dataset.testScriptState = 'running'; main.replaceChildren(); }")
    page.keyboard.press("Enter")
    page.clock.run_for(busy_ms)
    page.evaluate("(files) => { main.append(control(files)); app.dataset.testScriptState = 'notRunning'; }", files)
    page.clock.run_for(1_000)
    assert page.evaluate("() => [document.activeElement.textContent, pressed]") == ["Edit", times]
    page.close()
