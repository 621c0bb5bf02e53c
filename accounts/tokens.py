"""Bearer tokens: JSON Web Tokens (RFC 7519), signed by HMAC with SHA-256, read strictly (RFC 8725)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

import jwt
from pydantic import BaseModel, SecretStr, ValidationError

from errors import Unauthorized
from storage.records import Clock

ALGORITHM = "HS256"
ISSUER = AUDIENCE = "marquee"
LONGEST = 2_000  # characters of a token that is looked at; ours have about 400
REQUIRED = ["exp", "iat", "iss", "aud", "jti", "sub"]

Use: TypeAlias = Literal["access", "refresh"]


class Claims(BaseModel):
    """The claims of a token.

    Attributes:
        sub: id of the account.
        sid: id of the sign-in, which may be revoked.
        jti: id of the token.
        use: what it is for; one kind is never taken for the other.
    """

    sub: str
    sid: str
    jti: str
    use: Use


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
        if len(token) > LONGEST:
            raise Unauthorized("The token is not valid.")
        try:
            found = jwt.decode(
                token,
                self.secret.get_secret_value(),
                [ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": REQUIRED, "verify_exp": False, "verify_iat": False},  # by our own clock, below
            )
            claims = Claims.model_validate(found)
        except (jwt.PyJWTError, ValidationError, RecursionError):  # of JSON that is nested a thousand times
            raise Unauthorized("The token is not valid.") from None
        if claims.use != use:
            raise Unauthorized("The token is not for this use.")
        if not isinstance(found["exp"], int) or found["exp"] <= self.clock().timestamp():
            raise Unauthorized("The token has expired.")
        return claims
