"""Where is the identity provider that the tests sign in at? npm fetches what is not there yet.

The provider is the npm package oidc-provider; its version and those of all that it needs are in package-lock.json.
"""

import shutil
from pathlib import Path

from launch.fetched import NPM_FILES, NPM_INSTALL, Fetched, Manager, npm_version

FOLDER = Path(__file__).resolve().parent.parent / "tests" / "sign_in" / "provider"
NPM = Manager("npm", program="npm", variable="DELTABOARD_NPM", package="npm")


def _name() -> str:
    return f"sign-in-provider-{npm_version(FOLDER)}"


def _install(npm: Path, folder: Path) -> list[str]:
    for name in NPM_FILES:
        shutil.copy(FOLDER / name, folder)
    return [str(npm), *NPM_INSTALL]


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
