"""Passwords as argon2id hashes, computed beside the event loop."""

from __future__ import annotations

import asyncio

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MOST_AT_ONCE = 2  # hashes computed at the same time: each takes 64 MiB and four threads for a tenth of a second


class Passwords:
    """Makes and checks hashes, with the parameters of RFC 9106, section 4, second choice."""

    def __init__(self) -> None:
        self._hash = PasswordHash((Argon2Hasher(),))
        self._turn = asyncio.Semaphore(MOST_AT_ONCE)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to be kept of a password, with its salt and parameters."""
        async with self._turn:
            return await asyncio.to_thread(self._hash.hash, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """True where a password is that of the hash. None, for a name that nobody has, takes as long."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody's")
        async with self._turn:
            found = await asyncio.to_thread(self._hash.verify, password, kept or self._nobody)
        return found and kept is not None
