"""The names under which browsers may ask this server: any other is somebody's name that was pointed at it.

A page of a foreign name that is made to lead here (DNS rebinding) is of this server in the eyes of the browser. What
tells is the header Host: it still has the foreign name. An address in numbers cannot be pointed elsewhere.
"""

import re
import socket
from functools import lru_cache
from ipaddress import ip_address

import streamlit as st

from storage.connection.settings import settings
from ui.identity.current_user import is_loopback
from ui.identity.sign_in_setup import redirect_host

_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[\w.-]+)(:\d{1,5})?", re.ASCII)
_THIS_MACHINE = ("localhost", "127.0.0.1", "::1")


def host_of(header: str) -> str:
    """The name or address in a header Host, in small letters and without its port; empty where there is none."""
    found = _HOST.fullmatch(header.strip())
    return "" if found is None else found["host"].strip("[].").lower()


def is_allowed_host(header: str) -> bool:
    """Whether a browser may ask for this server by what it calls it."""
    host = host_of(header)
    if host in _fixed_hosts() or host == redirect_host():
        return True
    return not is_loopback(st.get_option("server.address")) and _is_address(host)


@lru_cache(maxsize=1)
def _fixed_hosts() -> frozenset[str]:
    """Those that hold for as long as the server runs. Names of this machine lead to a server that others can reach."""
    address = st.get_option("server.address")
    named = [host_of(name) for name in settings().allowed_hosts.split(",")]
    own = [] if is_loopback(address) else [host_of(socket.gethostname()), host_of(str(address or ""))]
    configured = host_of(str(st.get_option("browser.serverAddress") or ""))
    return frozenset({*_THIS_MACHINE, *named, *own, configured} - {""})


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
