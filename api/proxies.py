"""The client behind a proxy: address, scheme and Host as a proxy of TRUSTED_PROXIES tells them, and nobody else."""

from __future__ import annotations

from ipaddress import ip_address

from loguru import logger
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api.middleware import OnRequests
from settings import Settings

MAPPED = "::ffff:"  # before an IPv4 address as one of IPv6 (RFC 4291, section 2.5.5.2)


class Proxies(OnRequests):
    """Reads `X-Forwarded-For` (its rightmost address that is no proxy's), `-Proto` and `-Host`, as proxies add them."""

    _forwarded: ProxyHeadersMiddleware | None = None
    _told = False

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        settings: Settings = scope["app"].state.marquee.settings
        scope["client"] = _plain(scope.get("client"))
        if not is_trusted((scope["client"] or ("",))[0], settings):
            self._tell(scope, settings)
            await self._app(scope, receive, send)
            return
        if host := Headers(scope=scope).get("x-forwarded-host"):
            MutableHeaders(scope=scope)["host"] = host.rpartition(",")[2].strip()
        if self._forwarded is None:
            self._forwarded = ProxyHeadersMiddleware(self._app, list(map(str, settings.trusted_proxies)))  # type: ignore[arg-type]
        await self._forwarded(scope, receive, send)  # type: ignore[arg-type]

    def _tell(self, scope: Scope, settings: Settings) -> None:
        """Say once that a proxy seems to be there that is not trusted: everybody behind it counts as one."""
        if not self._told and settings.auth == "on" and "x-forwarded-for" in Headers(scope=scope):
            self._told = True
            logger.warning("X-Forwarded-For is not read: no proxy of TRUSTED_PROXIES sent it.")


def _plain(client: tuple[str, int] | None) -> tuple[str, int] | None:
    """A client with its IPv4 address as such, where a socket for both versions wraps it.

    >>> _plain(("::ffff:10.0.0.1", 80))
    ('10.0.0.1', 80)
    """
    return client and (client[0].removeprefix(MAPPED), client[1])


def is_trusted(address: str, settings: Settings) -> bool:
    """True for a proxy of the settings."""
    try:
        peer = ip_address(address.removeprefix(MAPPED))
    except ValueError:
        return False
    return any(peer in network for network in settings.trusted_proxies)
