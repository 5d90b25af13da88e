"""Where is the identity provider that the tests sign in at? npm fetches what is not there yet.

The provider is the npm package oidc-provider; its version and those of all that it needs are in package-lock.json.
"""

import hashlib
import shutil
from pathlib import Path

from launch.fetched import Fetched, Manager

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "sign_in" / "provider"
NPM = Manager("npm", program="npm", variable="DELTABOARD_NPM", package="npm")
_FILES = ("package.json", "package-lock.json")


def _name() -> str:
    wanted = hashlib.sha256(b"\0".join((FOLDER / name).read_bytes() for name in _FILES)).hexdigest()
    return f"sign-in-provider-{wanted[:12]}"


def _install(npm: Path, folder: Path) -> list[str]:
    for name in _FILES:
        shutil.copy(FOLDER / name, folder)
    return [str(npm), "ci", "--ignore-scripts", "--no-audit", "--no-fund"]


PROVIDER = Fetched(
    what="the identity provider of the tests",
    size="9 MB",
    manager=NPM,
    variable="DELTABOARD_SIGN_IN_PROVIDER",
    proof="node_modules/oidc-provider/package.json",
    name=_name,
    fill=_install,
)
"""The folder that has the provider with all that it needs."""
