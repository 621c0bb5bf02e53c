"""The headers by which a browser does no more with an answer than it is meant for; no script or style stands inline.

An answer that is a page says more in a policy of its own; everything else loads nothing and is shown in no frame.
"""

from __future__ import annotations

from collections.abc import Mapping

from starlette.datastructures import MutableHeaders

NOTHING = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'"}
OF_PAGE = NOTHING | {
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data: blob:",
    "connect-src": "'self'",
    "font-src": "'self'",
}


def policy(directives: Mapping[str, str]) -> str:
    """A Content-Security-Policy."""
    return "; ".join(f"{name} {value}" for name, value in directives.items())


GUARDS = {
    "Content-Security-Policy": policy(NOTHING),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}
PAGE_GUARDS = GUARDS | {"Content-Security-Policy": policy(OF_PAGE)}


def guard(headers: MutableHeaders, *, across_origins: bool) -> None:
    """Add what an answer does not say itself; `across_origins`: pages of others may use the service."""
    for name, value in GUARDS.items():
        headers.setdefault(name, value)
    if not across_origins:
        headers.setdefault("Cross-Origin-Resource-Policy", "same-origin")
    if headers.get("content-type", "").startswith("text/html"):
        headers.setdefault("Cross-Origin-Opener-Policy", "same-origin")
