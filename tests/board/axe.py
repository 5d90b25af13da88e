"""What axe finds on a page as it is: light and dark, wide and narrow."""

from importlib.resources import files
from typing import Any

IDLE = "[data-testid=stApp][data-test-script-state=notRunning]"
AXE = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
WIDE, NARROW = {"width": 1600, "height": 1000}, {"width": 400, "height": 800}

EXCEPTED = [
    # Streamlit puts the pages of a section of the navigation into <div>s of one <ul>, and no option changes that.
    ("list", "[data-testid=stSidebarNavItems]"),
    ("listitem", "[data-testid=stSidebarNavItems] li"),
    # What cannot be used need not have contrast (WCAG 1.4.3); axe does not see that these labels are of such widgets.
    ("color-contrast", "label[disabled] *"),
]
"""Rule and selector of what is Streamlit's own, and cannot be fixed from outside."""

RUN = """async (excepted) => {
  const found = await axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa'], resultTypes: ['violations'] });
  const isOurs = (rule, node) => !excepted.some(([other, selector]) =>
    other === rule && node.target.length === 1 && document.querySelector(node.target[0])?.matches(selector));
  return found.violations.flatMap(({ id, nodes }) => nodes.filter((node) => isOurs(id, node)).map((node) =>
    `${id}: ${node.html.slice(0, 200)}\\n${node.failureSummary}`));
}"""

IS_DRAWN = """(scheme) => {
  const channels = getComputedStyle(document.querySelector('[data-testid=stApp]')).backgroundColor.match(/[0-9]+/g);
  const isDark = Number(channels[0]) < 128;
  const panels = [...document.querySelectorAll('.db-panel')];
  const moves = ({ playState, effect }) => playState === 'running' && effect.getComputedTiming().endTime < Infinity;
  return isDark === (scheme === 'dark') && panels.every((panel) => panel.dataset.theme === scheme)
    && !document.getAnimations().some(moves);
}"""
UNDIMMED = "[data-stale=true] { opacity: 1 !important; transition: none !important; }"
"""Streamlit dims what it is drawing anew, the longer it takes: a moment, for which nothing is said of contrast."""


def found_by_axe(page: Any) -> list[str]:
    """What axe finds on the page as it is."""
    page.evaluate(AXE)
    found: list[str] = page.evaluate(RUN, EXCEPTED)
    return found


def look(page: Any, name: str, faults: dict[str, list[str]]) -> None:
    """What axe finds on the page, in both schemes and widths: fault -> where."""
    page.add_style_tag(content=UNDIMMED)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for size in (WIDE, NARROW):
            page.set_viewport_size(size)
            page.wait_for_selector(IDLE)
            page.wait_for_function(IS_DRAWN, arg=scheme)
            for fault in found_by_axe(page):
                faults.setdefault(fault, []).append(f"{name}, {scheme}, {size['width']} pixels")


def told(faults: dict[str, list[str]]) -> str:
    return "\n\n".join(f"{fault}\nat {'; '.join(places)}" for fault, places in faults.items())
