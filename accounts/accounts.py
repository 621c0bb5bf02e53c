"""Accounts in use: registration, sign-in, tokens, keys; credentials become the account that they stand for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

from pydantic import SecretStr

from accounts.attempts import Attempts
from accounts.passwords import Passwords
from accounts.tokens import Tokens
from errors import Conflict, Forbidden, Unauthorized
from schemas import Account, ApiKeyCreate, NewApiKey, PasswordChange, Registration, TokenPair
from settings import Settings
from storage.accounts import AccountStore, name_key
from storage.records import Clock, new_id

KEY_PREFIX = "mq_"
GRACE = timedelta(seconds=60)  # in which a refresh token counts that was used already: two tabs, a lost answer


@dataclass(frozen=True, slots=True)
class Identity:
    """The one who asks. `sign_in_id`: None for who comes with an API key."""

    account: Account
    sign_in_id: str | None


class Accounts:
    """Accounts of a service with AUTH=on."""

    def __init__(self, store: AccountStore, settings: Settings, clock: Clock) -> None:
        assert settings.auth_secret is not None
        self.store = store
        self._settings = settings
        self._clock = clock
        self._passwords, self._attempts = Passwords(), Attempts()
        self._tokens = Tokens(settings.auth_secret, clock)
        self._lasts = timedelta(days=settings.sign_in_days)

    async def register(self, new: Registration, address: str) -> Account:
        """Make an account, where the settings let people do so.

        Raises:
            Forbidden: They do not, or the code is wrong.
            Conflict: The name is taken.
            RateLimited: Too many attempts.
        """
        if self._settings.registration == "closed":
            raise Forbidden("Accounts are made by the operator here: python db.py accounts add NAME.")
        await self._attempts.count(name_key(new.username), address)
        if self._settings.registration == "code" and not _is_code(new.code, self._settings.registration_code):
            raise Forbidden("This is not the code for registration.")
        if await self.store.find(new.username) is not None:
            raise Conflict("This name is taken.")
        return await self.store.add(new.username, await self._passwords.hash(new.password.get_secret_value()))

    async def sign_in(self, name: str, password: str, address: str) -> TokenPair:
        """Tokens for a name and its password.

        Raises:
            Unauthorized: They do not fit, or the account is disabled; which of it is not said.
            RateLimited: Too many attempts.
        """
        await self._attempts.count(name_key(name), address)
        kept = await self.store.find(name)
        fits = await self._passwords.fits(password, kept.password_hash if kept else None)
        if kept is None or not fits or kept.account.disabled:
            raise Unauthorized("The name or the password is wrong.")
        sign_in_id = new_id("sin")
        pair, refresh_id = self._pair(kept.account.id, sign_in_id)
        await self.store.open_sign_in(kept.account.id, sign_in_id, refresh_id, self._clock() + self._lasts)
        return pair

    async def refresh(self, token: str) -> TokenPair:
        """New tokens for a refresh token, which is used up; one that is used again ends the sign-in (RFC 9700, 4.14).

        Raises:
            Unauthorized: It is not valid, or used up, or revoked.
        """
        claims = self._tokens.read(token, "refresh")
        if await self.store.account_of_sign_in(claims.sub, claims.sid) is None:
            raise Unauthorized("This sign-in has ended.")
        pair, refresh_id = self._pair(claims.sub, claims.sid)
        now = self._clock()
        if not await self.store.renew_sign_in(
            claims.sid, claims.jti, refresh_id, since=now - GRACE, expires_at=now + self._lasts
        ):
            raise Unauthorized("This sign-in has ended: its token was used before.")
        return pair

    async def identify(self, credential: str) -> Identity:
        """The account of an access token or API key.

        Raises:
            Unauthorized: It stands for nobody, or not any more.
        """
        if credential.startswith(KEY_PREFIX):
            account, sign_in_id = await self.store.account_of_key(_digest(credential)), None
        else:
            claims = self._tokens.read(credential, "access")
            account, sign_in_id = await self.store.account_of_sign_in(claims.sub, claims.sid), claims.sid
        if account is None:
            raise Unauthorized("The key is not valid." if sign_in_id is None else "This sign-in has ended.")
        return Identity(account, sign_in_id)

    async def change_password(self, account: Account, change: PasswordChange, address: str) -> None:
        """Keep another password, and end every sign-in of the account; its API keys stay.

        Raises:
            Forbidden: The present password is wrong.
            RateLimited: Too many attempts.
        """
        await self._attempts.count(name_key(account.name), address)
        kept = await self.store.find(account.name)
        if kept is None or not await self._passwords.fits(change.password.get_secret_value(), kept.password_hash):
            raise Forbidden("The present password is wrong.")
        await self.store.change_password(account.id, await self._passwords.hash(change.new_password.get_secret_value()))

    async def make_key(self, account: Account, new: ApiKeyCreate) -> NewApiKey:
        """An API key; kept is only its digest, which suffices for what nobody can guess.

        Raises:
            Conflict: The account has as many as it may.
        """
        key = KEY_PREFIX + secrets.token_urlsafe(32)
        made = await self.store.add_key(account.id, new.name, _digest(key))
        return NewApiKey(**dict(made), key=key)

    def _pair(self, account_id: str, sign_in_id: str) -> tuple[TokenPair, str]:
        """Tokens of a sign-in, and the id of the one for refreshing."""
        lasts = timedelta(minutes=self._settings.access_token_minutes)
        access, _ = self._tokens.issue("access", account_id, sign_in_id, lasts)
        refresh, refresh_id = self._tokens.issue("refresh", account_id, sign_in_id, self._lasts)
        expires_in = int(lasts.total_seconds())
        return TokenPair(access_token=access, expires_in=expires_in, refresh_token=refresh), refresh_id


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _is_code(given: str | None, code: SecretStr | None) -> bool:
    """True for the code, compared in a time that tells nothing of it."""
    return code is not None and hmac.compare_digest((given or "").encode(), code.get_secret_value().encode())
