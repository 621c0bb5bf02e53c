"""The service for one MCP client: `python main.py mcp`. The protocol alone is written to standard output.

It works on DATA_DIR, also while a server does. The log goes to standard error.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys

from loguru import logger
from pydantic import ValidationError

from errors import CatalogueError, MarqueeError, Unauthorized
from logs import set_up
from service import Marquee, open_marquee
from settings import Settings
from storage.records import LOCAL

KEY = "MARQUEE_API_KEY"


def main() -> int:
    """Serve until standard input ends; the exit status is 1 where the service cannot be opened."""
    _read_options()
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a thread waits for standard input, and no exception would end that
    try:
        settings = Settings()
        set_up(settings)
        asyncio.run(_serve(settings))
    except (MarqueeError, CatalogueError) as error:
        return _fail(str(error))
    except ValidationError as error:
        return _fail("; ".join(f"{'.'.join(map(str, item['loc'])).upper()}: {item['msg']}" for item in error.errors()))
    return 0


def _read_options() -> None:
    """Refuse what is no way to start; there is one."""
    parser = argparse.ArgumentParser(
        prog="python main.py",
        description="`uvicorn main:app` serves HTTP, with MCP at /mcp. `python main.py mcp` serves one MCP client over "
        "standard input and output, on the same data.",
        epilog=f"Where AUTH=on, {KEY} has an API key of the account that the client acts for.",
    )
    parser.add_argument("front", choices=["mcp"])
    parser.parse_args()


async def _serve(settings: Settings) -> None:
    from mcp.server.stdio import stdio_server  # noqa: PLC0415  after the options: help is shown without it

    from api.faces.mcp_server import make_server  # noqa: PLC0415

    async with open_marquee(settings) as service:
        caller = _Caller(service)
        await caller()
        server = make_server(service, caller)
        try:
            async with stdio_server() as (read, write):
                await server.run(read, write, server.create_initialization_options())
        except* BrokenPipeError:
            logger.info("The client reads no more")


class _Caller:
    """The account that the client acts for, found anew for each request: a key may be revoked meanwhile."""

    def __init__(self, service: Marquee) -> None:
        self._accounts, self._key = service.accounts, os.environ.get(KEY, "")

    async def __call__(self) -> str:
        if self._accounts is None:
            return LOCAL
        if not self._key:
            raise Unauthorized(f"This service asks for an account: set {KEY}.")
        return (await self._accounts.identify(self._key)).account.id


def _fail(reason: str) -> int:
    print(f"Marquee cannot start. {reason}", file=sys.stderr)  # noqa: T201
    return 1


if __name__ == "__main__":
    sys.exit(main())
