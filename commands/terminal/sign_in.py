"""The sign-in of a person at a service: its tokens in a file of theirs alone, renewed by themselves."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncGenerator
from contextlib import suppress

import httpx
from pydantic import ValidationError

from commands.terminal.keyboard import state_folder
from files import new_file
from schemas import TokenPair


class SignIn(httpx.Auth):
    """Tokens for every request, where there are any; one that is refused is renewed and the request sent again.

    Args:
        url: The service's address.
        place: What its file is for, where the address is another one each time.
    """

    def __init__(self, url: str, place: str | None = None) -> None:
        self._refresh = f"{url.rstrip('/')}/auth/refresh"
        place = place or url.rstrip("/")
        self._file = state_folder() / "sign-ins" / f"{hashlib.sha256(place.encode()).hexdigest()[:16]}.json"
        self._tokens = self._read()
        self._renewing = asyncio.Lock()

    @property
    def is_there(self) -> bool:
        """True where there are tokens."""
        return self._tokens is not None

    def keep(self, tokens: TokenPair) -> None:
        """Use these from now on, and the next time.

        Raises:
            OSError: They can be used now, and not be kept.
        """
        self._tokens = tokens
        self._file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with new_file(self._file) as part:
            part.touch(mode=0o600)
            part.write_text(tokens.model_dump_json())

    def forget(self) -> None:
        """Have no tokens any more."""
        self._tokens = None
        self._file.unlink(missing_ok=True)

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The request with a token, and again with a newer one where that has ended. See httpx.Auth."""
        used = self._tokens
        if used is None or request.url.path.endswith("/auth/token"):
            yield request
            return
        request.headers["Authorization"] = f"Bearer {used.access_token}"
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        async with self._renewing:
            if self._tokens is used:
                self._tokens = self._read()  # another chat of the same person may have renewed them
            if self._tokens == used:
                answer = yield httpx.Request("POST", self._refresh, json={"refresh_token": used.refresh_token})
                await answer.aread()
                self._take(answer)
        if self._tokens is not None:
            request.headers["Authorization"] = f"Bearer {self._tokens.access_token}"
            yield request

    def _take(self, answer: httpx.Response) -> None:
        """Keep the tokens of an answer; forget the old ones where it refuses them."""
        if answer.is_success:
            with suppress(OSError):  # a sign-in that cannot be kept is good for as long as the chat is
                self.keep(TokenPair.model_validate_json(answer.content))
        elif answer.status_code == httpx.codes.UNAUTHORIZED:
            self.forget()

    def _read(self) -> TokenPair | None:
        try:
            return TokenPair.model_validate_json(self._file.read_bytes())
        except (OSError, ValidationError):
            return None
