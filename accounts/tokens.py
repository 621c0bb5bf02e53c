"""Bearer tokens: JSON Web Tokens (RFC 7519), signed by HMAC with SHA-256, read strictly (RFC 8725)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Literal, TypeAlias

import jwt
from pydantic import BaseModel, SecretStr, ValidationError

from errors import Unauthorized
from storage.records import Clock

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "marquee"
RETURN = "marquee-return"  # the audience of what a browser keeps while its person is with a provider
LONGEST = 2_000  # characters of a token that is looked at; ours have about 400
REQUIRED = ["exp", "iat", "iss", "aud", "jti", "sub"]

Use: TypeAlias = Literal["access", "refresh", "code"]


class Claims(BaseModel):
    """The claims of a token.

    Attributes:
        sub: id of the account.
        sid: id of the sign-in, which may be revoked.
        jti: id of the token.
        use: what it is for; one kind is never taken for the other. A code is changed for the other two, once.
    """

    sub: str
    sid: str
    jti: str
    use: Use


class Begun(BaseModel):
    """A sign-in with a provider that was begun. `registers`: it may make an account."""

    state: str
    nonce: str
    verifier: str
    redirect_uri: str
    registers: bool


@dataclass(frozen=True, slots=True)
class Tokens:
    """Issues and reads tokens.

    Attributes:
        secret: the key, at least 32 bytes (RFC 7518, section 3.2).
        clock: tells the time.
    """

    secret: SecretStr
    clock: Clock

    def issue(self, use: Use, account_id: str, sign_in_id: str, lasts: timedelta) -> tuple[str, str]:
        """A signed token, and its id."""
        now, token_id = self.clock(), secrets.token_urlsafe(16)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": account_id,
            "sid": sign_in_id,
            "use": use,
            "jti": token_id,
            "iat": now,
            "exp": now + lasts,
        }
        return jwt.encode(claims, self.secret.get_secret_value(), ALGORITHM), token_id

    def read(self, token: str, use: Use) -> Claims:
        """The claims of a token of ours.

        Raises:
            Unauthorized: It is none, not for this use, or over.
        """
        try:
            claims = Claims.model_validate(self._decoded(token, AUDIENCE, REQUIRED))
        except ValidationError:
            raise Unauthorized("The token is not valid.") from None
        if claims.use != use:
            raise Unauthorized("The token is not for this use.")
        return claims

    def seal(self, begun: Begun, lasts: timedelta) -> str:
        """A sign-in that was begun, signed, for the browser to keep; never taken for a token."""
        claims = {**begun.model_dump(), "iss": ISSUER, "aud": RETURN, "exp": self.clock() + lasts}
        return jwt.encode(claims, self.secret.get_secret_value(), ALGORITHM)

    def unseal(self, kept: str) -> Begun:
        """The sign-in that a browser kept.

        Raises:
            Unauthorized: It is not what we gave it, or it is too long ago.
        """
        try:
            return Begun.model_validate(self._decoded(kept, RETURN, ["exp", "iss", "aud"]))
        except (Unauthorized, ValidationError):
            raise Unauthorized("The sign-in was not begun in this browser, or too long ago; begin it again.") from None

    def _decoded(self, token: str, audience: str, required: list[str]) -> dict[str, Any]:
        """The claims of what we signed, within its time.

        Raises:
            Unauthorized: We did not, or the time is over.
        """
        if len(token) > LONGEST:
            raise Unauthorized("The token is not valid.")
        try:
            found: dict[str, Any] = jwt.decode(
                token,
                self.secret.get_secret_value(),
                [ALGORITHM],
                issuer=ISSUER,
                audience=audience,
                options={"require": required, "verify_exp": False, "verify_iat": False},  # by our own clock, below
            )
        except (jwt.PyJWTError, RecursionError):  # of JSON that is nested a thousand times
            raise Unauthorized("The token is not valid.") from None
        if not isinstance(found["exp"], int) or found["exp"] <= self.clock().timestamp():
            raise Unauthorized("The token has expired.")
        return found
