"""Passwords as argon2id hashes, computed beside the event loop."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

MOST_AT_ONCE = 2  # hashes computed at the same time: each takes 64 MiB and four threads for a tenth of a second
NICE = 10  # their priority: who guesses passwords takes no time from the answers of those who are let in


class Passwords:
    """Makes and checks hashes, with the parameters of RFC 9106, section 4, second choice."""

    def __init__(self) -> None:
        self._hash = PasswordHash((Argon2Hasher(),))
        self._threads = ThreadPoolExecutor(MOST_AT_ONCE, "passwords", initializer=_step_back)
        self._nobody: str | None = None

    async def hash(self, password: str) -> str:
        """The hash to be kept of a password, with its salt and parameters."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._hash.hash, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """True where a password is that of the hash. None, for a name that nobody has, takes as long."""
        if self._nobody is None:
            self._nobody = await self.hash("nobody's")
        loop, compared = asyncio.get_running_loop(), kept or self._nobody
        found = await loop.run_in_executor(self._threads, self._hash.verify, password, compared)
        return found and kept is not None


def _step_back() -> None:
    """Lower the priority of this thread, which those that argon2 starts inherit; only Linux has one for a thread."""
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), NICE)
