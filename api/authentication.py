"""The caller of a request: with AUTH=on all but what is open to everybody needs a bearer token or API key.

It stands before the routes and before the body is read: a route that is added is closed unless it is named here.
"""

from __future__ import annotations

from ipaddress import IPv4Address, ip_address, ip_network
from typing import Annotated

from fastapi import Depends, Request
from loguru import logger
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from accounts.accounts import Accounts, Identity
from api.middleware import OnRequests
from api.problems import refusal
from errors import Forbidden, MarqueeError, NotFound, Unauthorized
from storage.records import LOCAL

OPEN = frozenset(
    {
        "/",
        "/health/live",
        "/openapi.json",
        "/auth/options",
        "/auth/register",
        "/auth/token",
        "/auth/refresh",
        "/auth/oidc/login",
        "/auth/oidc/callback",
        "/auth/oidc/token",
    }
)
OF_ONE_PERSON = 64  # bits of an IPv6 address that a network hands out whole (RFC 6177)
OPEN_FOLDERS = ("/docs", "/static")


class Authentication(OnRequests):
    """Finds the account of each request, or refuses it."""

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        accounts: Accounts | None = scope["app"].state.marquee.accounts
        answer: ASGIApp = self._app
        if accounts is not None and not is_open(scope["path"]):
            try:
                identity = await accounts.identify(_credential(scope))
            except MarqueeError as error:
                answer = refusal(error)
            else:
                scope.setdefault("state", {})["identity"] = identity
                with logger.contextualize(account=identity.account.id):
                    await answer(scope, receive, send)
                return
        await answer(scope, receive, send)


def is_open(path: str) -> bool:
    """True for what needs no token.

    >>> is_open("/docs/start.js"), is_open("/docs-of-mine"), is_open("/sessions")
    (True, False, False)
    """
    return path in OPEN or any(path == folder or path.startswith(f"{folder}/") for folder in OPEN_FOLDERS)


def _credential(scope: Scope) -> str:
    """The credential of the Authorization header (RFC 6750, section 2.1)."""
    kind, _, credential = Headers(scope=scope).get("authorization", "").strip().partition(" ")
    if kind.lower() != "bearer" or not credential.strip():
        raise Unauthorized("This service asks for an account: send `Authorization: Bearer` with a token of yours.")
    return credential.strip()


async def accounts_of(request: Request) -> Accounts:
    """The accounts of the service.

    Raises:
        NotFound: It has none.
    """
    accounts: Accounts | None = request.app.state.marquee.accounts
    if accounts is None:
        raise NotFound("This service has no accounts (AUTH=off).")
    return accounts


async def account_id(request: Request) -> str:
    """The account of the caller; that of everybody where there are no accounts."""
    identity: Identity | None = getattr(request.state, "identity", None)
    return identity.account.id if identity else LOCAL


def caller_address(request: Request) -> str:
    """The address that a request comes from, as TRUSTED_PROXIES has it; of IPv6 the network of one person.

    >>> from starlette.requests import Request
    >>> caller_address(Request({"type": "http", "client": ("2001:db8::a:b:c:d", 0)}))
    '2001:db8::'
    """
    host = request.client.host if request.client else "unknown"
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or ip_network((address, OF_ONE_PERSON), strict=False).network_address)


async def signed_in(request: Request, _: Annotated[Accounts, Depends(accounts_of)]) -> Identity:
    """The caller, who has an account.

    Raises:
        NotFound: There are no accounts here.
    """
    identity: Identity = request.state.identity
    return identity


async def signed_in_in_person(identity: Annotated[Identity, Depends(signed_in)]) -> Identity:
    """The caller, with a token of their own.

    Raises:
        Forbidden: They come with an API key, which is for what programs do.
    """
    if identity.sign_in_id is None:
        raise Forbidden("An API key may not do this: sign in.")
    return identity
