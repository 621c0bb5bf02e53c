"""Sign-in with an OpenID Connect provider: authorization code flow with PKCE; a checked ID token says who it is.

Nothing of the provider's is kept but issuer and subject; an e-mail address, which may change hands, means nothing here.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.httpx_client import AsyncOAuth2Client
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from loguru import logger
from pydantic import BaseModel, Field, ValidationError

from accounts.tokens import Begun
from errors import SignInTimeout, SignInUnavailable, Unauthorized
from settings import Settings
from storage.records import Clock

SIGNED_BY = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
KEY_TYPES = frozenset({"RSA", "EC", "OKP"})
SCOPE = "openid profile"
SECONDS = 10.0  # for one answer of the provider
KNOWN_FOR = timedelta(hours=1)  # what the provider tells of itself
LEEWAY = 60  # seconds that its clock may be off
NAMES = ("preferred_username", "name", "nickname")  # claims that people are called by


class Metadata(BaseModel):
    """The provider as it tells of itself (OpenID Connect Discovery 1.0, section 3)."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    id_token_signing_alg_values_supported: list[str] = ["RS256"]
    token_endpoint_auth_methods_supported: list[str] = ["client_secret_basic"]


class _Keys(BaseModel):
    keys: list[dict[str, Any]]


class _Subject(BaseModel):
    sub: str = Field(min_length=1, max_length=255)


@dataclass(frozen=True, slots=True)
class Subject:
    """Somebody as the provider knows them; `name`: how it calls them, which is no identity."""

    issuer: str
    subject: str
    name: str


class IdentityProvider:
    """The provider of the settings."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.name = settings.issuer_name
        self._issuer, self._client_id = settings.issuer, settings.oidc_client_id
        self._secret = settings.oidc_client_secret
        self._clock = clock
        self._metadata: Metadata | None = None
        self._metadata_until: datetime | None = None
        self._keys: list[dict[str, Any]] = []

    async def begin(self, redirect_uri: str, *, registers: bool) -> tuple[str, Begun]:
        """The address to send a browser to, and what it has to come back with.

        Raises:
            SignInUnavailable: The provider cannot be asked, or tells nothing that can be used.
        """
        state, nonce, verifier = (secrets.token_urlsafe(32) for _ in range(3))
        begun = Begun(state=state, nonce=nonce, verifier=verifier, redirect_uri=redirect_uri, registers=registers)
        metadata = await self._discover()
        async with self._client(metadata, redirect_uri) as client:
            address, _ = client.create_authorization_url(
                metadata.authorization_endpoint, state=state, nonce=nonce, code_verifier=verifier
            )
        return str(address), begun

    async def finish(self, begun: Begun, code: str) -> Subject:
        """The one who came back with a code.

        Raises:
            Unauthorized: The provider did not take the code, or its ID token is not to be believed.
            SignInUnavailable: It cannot be asked.
        """
        metadata = await self._discover()
        token = await self._exchange(metadata, begun, code)
        raw = token.get("id_token")
        if not isinstance(raw, str):
            raise self._refused("no ID token came")
        try:
            claims = await self._believed(metadata, raw)
            claims.params = {"nonce": begun.nonce, "client_id": self._client_id} | _of_access(token)
            claims.validate(int(self._clock().timestamp()), LEEWAY)
            subject = _Subject.model_validate(claims).sub
        except (JoseError, AuthlibBaseError, ValueError, TypeError, RecursionError) as error:
            raise self._refused(f"its ID token: {type(error).__name__} {error}") from None
        names = (claims.get(name) for name in NAMES)
        return Subject(metadata.issuer, subject, next((name for name in names if isinstance(name, str)), ""))

    async def _exchange(self, metadata: Metadata, begun: Begun, code: str) -> dict[str, Any]:
        try:
            async with self._client(metadata, begun.redirect_uri) as client:
                token = await client.fetch_token(metadata.token_endpoint, code=code, code_verifier=begun.verifier)
        except AuthlibBaseError as error:
            raise self._refused(f"its token endpoint: {error.error}") from None
        except (httpx2.HTTPError, ValueError) as error:
            raise self._unavailable(error) from None
        return dict(token)

    async def _believed(self, metadata: Metadata, raw: str) -> CodeIDToken:
        """The claims of a token that one of the provider's keys signed; it may have others since they were read."""
        known = bool(self._keys)
        if not known:
            await self._read_keys(metadata)
        try:
            return self._decoded(metadata, raw)
        except (JoseError, ValueError):
            if not known:
                raise
        await self._read_keys(metadata)
        return self._decoded(metadata, raw)

    def _decoded(self, metadata: Metadata, raw: str) -> CodeIDToken:
        algorithms = sorted(SIGNED_BY.intersection(metadata.id_token_signing_alg_values_supported))
        keys = KeySet.import_key_set({"keys": self._keys})
        token = jwt.decode(raw, keys, registry=JWSRegistry(algorithms=algorithms, strict_check_header=False))
        options = {
            "iss": {"essential": True, "value": metadata.issuer},
            "aud": {"essential": True, "value": self._client_id},
        }
        return CodeIDToken(token.claims, token.header, options)

    async def _read_keys(self, metadata: Metadata) -> None:
        found = _Keys.model_validate(await self._get(metadata.jwks_uri)).keys
        self._keys = [key for key in found if key.get("kty") in KEY_TYPES and key.get("use", "sig") == "sig"]

    async def _discover(self) -> Metadata:
        now = self._clock()
        if self._metadata is None or self._metadata_until is None or now >= self._metadata_until:
            found = await self._get(f"{self._issuer}/.well-known/openid-configuration")
            try:
                metadata = Metadata.model_validate(found)
            except ValidationError as error:
                raise self._unavailable(error) from None
            if metadata.issuer.rstrip("/") != self._issuer:
                raise self._unavailable(ValueError("it names another issuer than OIDC_ISSUER"))
            self._metadata, self._metadata_until = metadata, now + KNOWN_FOR
        return self._metadata

    async def _get(self, address: str) -> Any:
        """A JSON document of the provider's."""
        try:
            async with httpx2.AsyncClient(timeout=SECONDS) as client:
                response = await client.get(address)
                return response.raise_for_status().json()
        except (httpx2.HTTPError, ValueError, RecursionError) as error:
            raise self._unavailable(error) from None

    def _client(self, metadata: Metadata, redirect_uri: str) -> AsyncOAuth2Client:
        basic = "client_secret_basic" in metadata.token_endpoint_auth_methods_supported
        secret = self._secret.get_secret_value() if self._secret else None
        return AsyncOAuth2Client(
            self._client_id,
            secret,
            token_endpoint_auth_method=("client_secret_basic" if basic else "client_secret_post") if secret else "none",
            scope=SCOPE,
            redirect_uri=redirect_uri,
            code_challenge_method="S256",
            timeout=SECONDS,
        )

    def _refused(self, why: str) -> Unauthorized:
        logger.warning("A sign-in with {} failed, {}", self.name, why[:300])
        return Unauthorized(f"The sign-in with {self.name} did not succeed; begin it again.")

    def _unavailable(self, error: Exception) -> SignInUnavailable:
        logger.error("{} cannot be asked: {} {}", self.name, type(error).__name__, str(error)[:300])
        kind = SignInTimeout if isinstance(error, httpx2.TimeoutException) else SignInUnavailable
        return kind(f"{self.name} cannot be reached, or does not answer as a provider does; try again later.")


def _of_access(token: dict[str, Any]) -> dict[str, Any]:
    """The access token, which the ID token may name by its hash."""
    return {"access_token": token["access_token"]} if "access_token" in token else {}
