"""Our code for the browser as one file: it does what the modules do, and what it cannot take over it refuses."""

from pathlib import Path
from typing import Any

import pytest

from live.components.one_script import one_script
from live.components.panels import ASSETS_FOLDER, EVERY_PAGE_SCRIPT, FILE_LINKS_SCRIPT, PANELS_SCRIPT

MODULES = {
    "entry": """// Begins.
import './first.js';
import { add, LIMIT as most } from './sums.js';
const name = 'entry';
export function total(...numbers) { return Math.min(numbers.reduce(add), most); }
export const told = () => [name, ...globalThis.order];
globalThis.order.push(name);
""",
    "first": """import { add } from './sums.js';
const name = 'first';
globalThis.order.push(name + add(1, 1));
""",
    "sums": """const name = 'sums';
(globalThis.order ??= []).push(name);
export const LIMIT = 10;
export class Sum {}
export async function later() {}
export function add(a, b) { return a + b; }
""",
}


def written(folder: Path, **changes: str) -> Path:
    for name, text in {**MODULES, **changes}.items():
        (folder / f"{name}.js").write_text(text)
    return folder


@pytest.mark.browser
def test_it_does_what_the_modules_do(tmp_path: Path, chromium: Any) -> None:
    """Each module is run once, after those that it imports; names of one are not those of another."""
    script = one_script(written(tmp_path), "entry")
    page = chromium.new_page()
    told = page.evaluate(
        "async (text) => { const file = new Blob([text], { type: 'text/javascript' });"
        " const all = await import(URL.createObjectURL(file));"
        " return [Object.keys(all), all.told(), all.total(2, 3), all.total(20, 3)]; }",
        script,
    )
    assert told == [["told", "total"], ["entry", "sums", "first2", "entry"], 5, 10]
    page.close()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"sums": "export default 1;\n"}, "sums.js: this is not understood: export default 1;"),
        ({"sums": "export let a = 1;\n"}, "export let"),
        ({"first": "import * as sums from './sums.js';\n"}, "first.js: this is not understood"),
        ({"sums": "import './first.js';\n"}, "sums.js and first.js import each other|first.js and sums.js"),
    ],
)
def test_what_is_written_otherwise_is_refused(tmp_path: Path, changes: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        one_script(written(tmp_path, **changes), "entry")


def test_what_components_mount_brings_all_that_is_ours() -> None:
    """A module that is in none would be asked for by nobody, but for those that stand on every page by themselves."""
    names = (PANELS_SCRIPT, FILE_LINKS_SCRIPT, EVERY_PAGE_SCRIPT)
    scripts = [one_script(ASSETS_FOLDER, name.removesuffix(".js")) for name in names]
    alone = {ASSETS_FOLDER / name for name in ("page/first_paint.js", "panels/component.js")}
    modules = set(ASSETS_FOLDER.rglob("*.js")) - alone
    assert all(any(f"const _{path.stem} = " in script for script in scripts) for path in modules)
