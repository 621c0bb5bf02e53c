"""Attempts to sign in, counted per name and per address, so that nobody tries passwords at leisure."""

from __future__ import annotations

from accounts.windows import Window

OF_NAME, OF_ADDRESS, MINUTES = 10, 30, 5  # attempts in so many minutes
TOO_MANY = "Too many attempts to sign in; try again later."


class Attempts:
    """The attempts of everybody."""

    def __init__(self) -> None:
        self._by_name = Window("sign-ins-by-name", OF_NAME, MINUTES)
        self._by_address = Window("sign-ins-by-address", OF_ADDRESS, MINUTES)

    async def count(self, name: str | None, address: str) -> None:
        """Count an attempt; `name`: as accounts compare it, None where none is given.

        Raises:
            RateLimited: There were too many.
        """
        await self._by_address.take(address, TOO_MANY)
        if name is not None:
            await self._by_name.take(name, TOO_MANY)
