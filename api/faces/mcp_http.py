"""MCP over streamable HTTP: every request by itself, so that any process answers it, also after a restart.

No stream is kept open and no MCP session is made: no tool has more to say than its result. Host, Origin and the size of
a body are the middleware's business.
"""

from __future__ import annotations

from mcp.server.auth.middleware.auth_context import AuthContextMiddleware, get_access_token
from mcp.server.auth.middleware.bearer_auth import BearerAuthBackend, RequireAuthMiddleware
from mcp.server.auth.provider import AccessToken, TokenVerifier
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from starlette.middleware.authentication import AuthenticationMiddleware
from starlette.types import Receive, Scope, Send

from accounts.accounts import Accounts
from api.faces.mcp_server import make_server
from errors import Unauthorized
from service import Marquee
from storage.records import LOCAL


class Verifier(TokenVerifier):
    """The accounts of the service, as the SDK asks for them: by a sign-in's access token or an API key."""

    def __init__(self, accounts: Accounts) -> None:
        self._accounts = accounts

    async def verify_token(self, token: str) -> AccessToken | None:
        """The account that a credential stands for; None where it stands for nobody."""
        try:
            identity = await self._accounts.identify(token.strip())
        except Unauthorized:
            return None
        return AccessToken(token=token, client_id=identity.account.id, scopes=[], subject=identity.account.id)


class McpOverHttp:
    """The ASGI application behind the route."""

    def __init__(self, service: Marquee) -> None:
        self._server = make_server(service, _caller)
        self._largest = service.settings.max_body_bytes
        self._guarded = self._answer
        if service.accounts is not None:
            known = AuthContextMiddleware(RequireAuthMiddleware(self._answer, []))
            self._guarded = AuthenticationMiddleware(known, backend=BearerAuthBackend(Verifier(service.accounts)))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._guarded(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        """A manager for each request: nothing has to outlive it, or to be closed at the end of the process."""
        manager = StreamableHTTPSessionManager(
            self._server, json_response=True, stateless=True, max_request_body_size=self._largest
        )
        async with manager.run():
            await manager.handle_request(scope, receive, send)


async def _caller() -> str:
    """The account of the caller; that of everybody where there are no accounts."""
    token = get_access_token()
    return token.client_id if token else LOCAL
