"""An OpenID Connect provider on a socket: it signs whoever comes in at once, and does wrong what a test tells it to."""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse, RedirectResponse
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from tests.support.serving import listening

CLIENT_ID, CLIENT_SECRET = "marquee-test", "secret of the client"


@dataclass
class Provider:
    """The provider.

    Attributes:
        subject: who signs in.
        wrong: claims of ID tokens in the place of right ones; None leaves out.
        unsigned: ID tokens have `alg: none`.
        down: every answer is a 503.
    """

    url: str = ""
    subject: str = "user-1"
    name: str = "ana"
    wrong: dict[str, Any] = field(default_factory=dict)
    unsigned: bool = False
    down: bool = False
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256", {"kid": "first"}))

    def rotate(self) -> None:
        """Sign by another key from now on, and forget the one before."""
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4)})

    def discovery(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/jwks",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
        }

    def authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        needed = {"state", "nonce", "code_challenge", "redirect_uri", "client_id"}
        self.problems += [f"no {name}" for name in needed if not asked.get(name)]
        if asked.get("code_challenge_method") != "S256" or "openid" not in asked["scope"].split():
            self.problems.append("no S256, or no openid")
        code = secrets.token_urlsafe(8)
        self.codes[code] = asked
        return RedirectResponse(f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state'], 'x': 1})}")

    async def token(self, request: Request) -> Response:
        form = {name: value[0] for name, value in parse_qs((await request.body()).decode()).items()}
        asked = self.codes.pop(form.get("code", ""), None)
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if request.headers.get("authorization") != f"Basic {basic}":
            return JSONResponse({"error": "invalid_client"}, 401)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or challenge.decode().rstrip("=") != asked["code_challenge"]
            or form["redirect_uri"] != asked["redirect_uri"]
        ):
            return JSONResponse({"error": "invalid_grant"}, 400)
        return JSONResponse(
            {"access_token": "opaque", "token_type": "Bearer", "expires_in": 60, "id_token": self.signed(asked)}
        )

    def signed(self, asked: dict[str, str]) -> str:
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": self.url,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "exp": now + 300,
            "iat": now,
            "nonce": asked["nonce"],
            "preferred_username": self.name,
            "email": "shared@example.com",
        }
        given = {name: value for name, value in (claims | self.wrong).items() if value is not None}
        if self.unsigned:
            parts = (json.dumps(part).encode() for part in ({"alg": "none"}, given))
            return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in parts) + "."
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, given, self.key)

    def application(self) -> FastAPI:
        app = FastAPI()

        @app.middleware("http")
        async def reachable(request: Request, call_next: Any) -> Response:
            answer: Response = Response(status_code=503) if self.down else await call_next(request)
            return answer

        app.get("/.well-known/openid-configuration")(self.discovery)
        app.get("/authorize")(self.authorize)
        app.post("/token")(self.token)
        app.get("/jwks")(lambda: KeySet([self.key]).as_dict(private=False))
        return app


@contextmanager
def identity_provider() -> Iterator[Provider]:
    provider = Provider()
    with listening(provider.application()) as (url, _):
        provider.url = url
        yield provider
    assert provider.problems == []
