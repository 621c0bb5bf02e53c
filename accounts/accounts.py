"""Accounts in use: registration, sign-in, tokens, keys; credentials become the account that they stand for."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pydantic import SecretStr

from accounts.attempts import Attempts
from accounts.passwords import Passwords
from accounts.tokens import Claims, Tokens
from errors import Conflict, Forbidden, NotFound, Unauthorized
from schemas import Account, ApiKeyCreate, NewApiKey, PasswordChange, Registration, TokenPair
from settings import Settings
from storage.accounts import AccountStore, name_key
from storage.records import Clock, new_id

if TYPE_CHECKING:
    from accounts.oidc import IdentityProvider

KEY_PREFIX = "mq_"
LONGEST_NAME = 100  # characters of what is given as a name that are remembered of an attempt
RETURN_LASTS = timedelta(minutes=10)
CODE_LASTS = timedelta(seconds=60)
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
        self.provider = _identity_provider(settings, clock)

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
        await self._attempts.count(name_key(name)[:LONGEST_NAME], address)
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
        return await self._renewed(self._tokens.read(token, "refresh"), self._clock() - GRACE)

    async def redeem(self, code: str) -> TokenPair:
        """Tokens for the code of a sign-in with the provider; a code that is used again ends that sign-in.

        Raises:
            Unauthorized: It is not valid, or used up.
        """
        return await self._renewed(self._tokens.read(code, "code"), self._clock() + GRACE)

    async def _renewed(self, claims: Claims, since: datetime) -> TokenPair:
        """New tokens for an old one, which counts once more after `since`."""
        if await self.store.account_of_sign_in(claims.sub, claims.sid) is None:
            raise Unauthorized("This sign-in has ended.")
        pair, refresh_id = self._pair(claims.sub, claims.sid)
        now = self._clock()
        if not await self.store.renew_sign_in(
            claims.sid, claims.jti, refresh_id, since=since, expires_at=now + self._lasts
        ):
            raise Unauthorized("This sign-in has ended: its token was used before.")
        return pair

    async def leave(self, redirect_uri: str, code: str | None, address: str) -> tuple[str, str]:
        """The provider's address to send a browser to, and what the browser keeps until it comes back.

        Args:
            redirect_uri: where it comes back to.
            code: for registration, where one was given.
            address: of the one who asks.

        Raises:
            NotFound: No provider is set.
            Forbidden: The code is wrong.
            RateLimited: Too many attempts.
            SignInUnavailable: The provider cannot be asked.
        """
        registers = self._settings.registration == "open"
        if self._settings.registration == "code" and code is not None:
            await self._attempts.count(None, address)
            if not _is_code(code, self._settings.registration_code):
                raise Forbidden("This is not the code for registration.")
            registers = True
        target, begun = await self._with_provider().begin(redirect_uri, registers=registers)
        return target, self._tokens.seal(begun, RETURN_LASTS)

    async def come_back(self, kept: str, state: str, code: str, address: str) -> str:
        """A code to be redeemed, for a browser that comes back from the provider with what it kept.

        Raises:
            Unauthorized: It did not begin here, the provider vouches for nobody, or the account is disabled.
            Forbidden: There is no account, and none may be made.
            RateLimited: Too many attempts.
            SignInUnavailable: The provider cannot be asked.
        """
        await self._attempts.count(None, address)
        begun = self._tokens.unseal(kept)
        if not hmac.compare_digest(begun.state.encode(), state.encode()):
            raise Unauthorized("This is the end of another sign-in than was begun last; begin it again.")
        someone = await self._with_provider().finish(begun, code)
        account = await self.store.of_identity(someone.issuer, someone.subject)
        if account is None and not begun.registers:
            raise Forbidden(_not_registered(self._settings.registration, someone.subject))
        account = account or await self.store.add_identity(someone.issuer, someone.subject, someone.name)
        if account.disabled:
            raise Unauthorized("This account is disabled.")
        sign_in_id = new_id("sin")
        handed, code_id = self._tokens.issue("code", account.id, sign_in_id, CODE_LASTS)
        await self.store.open_sign_in(account.id, sign_in_id, code_id, self._clock() + CODE_LASTS)
        return handed

    def _with_provider(self) -> IdentityProvider:
        if self.provider is None:
            raise NotFound("This service has no provider to sign in with (OIDC_ISSUER).")
        return self.provider

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


def _identity_provider(settings: Settings, clock: Clock) -> IdentityProvider | None:
    """The provider of the settings, if any; what it needs is imported for it alone."""
    if settings.oidc_issuer is None:
        return None
    from accounts.oidc import IdentityProvider  # noqa: PLC0415  authlib takes half a second to import

    return IdentityProvider(settings, clock)


def _not_registered(registration: str, subject: str) -> str:
    """The reason why somebody whom the provider knows gets no account."""
    if registration == "code":
        return "You have no account here yet: enter the code for registration before you sign in."
    return (
        "You have no account here, and the operator makes them: "
        f"python db.py accounts link NAME {subject} lets you sign in to one."
    )


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _is_code(given: str | None, code: SecretStr | None) -> bool:
    """True for the code, compared in a time that tells nothing of it."""
    return code is not None and hmac.compare_digest((given or "").encode(), code.get_secret_value().encode())
