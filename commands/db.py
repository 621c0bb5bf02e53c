"""The operator's work on the chat database: `python db.py accounts|backup|check|migrate|restore`.

All but `restore` may run beside a server: what it changes holds from the next request on.
"""

from __future__ import annotations

import argparse
import asyncio
import getpass
import secrets
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from accounts.passwords import Passwords
from errors import Conflict, MarqueeError, NotFound, StorageUnavailable
from runs.leases import Lease
from schemas import Account, Registration
from settings import Settings
from storage.accounts import AccountStore
from storage.backup import back_up, check, restore
from storage.migrations import MIGRATIONS
from storage.opening import one_opener, open_database
from storage.records import LOCAL, utc_now
from text import printable


def main() -> int:
    """Run the command; the exit status is 0 where it did what was asked."""
    options = _parser().parse_args()
    try:
        return asyncio.run(_COMMANDS[options.command](options)) or 0
    except MarqueeError as error:
        return _refuse(error.detail)
    except ValidationError as error:
        return _refuse("; ".join(": ".join([*map(str, item["loc"][-1:]), item["msg"]]) for item in error.errors()))


async def _add(options: argparse.Namespace) -> None:
    async with _accounts() as accounts:
        password = _password(options)
        new = Registration(username=options.name, password=password)
        account = await accounts.add(new.username, await Passwords().hash(new.password.get_secret_value()))
        _say(f"Added {account.name}.")
        if options.adopt:
            _say(f"{account.name} has the {await accounts.hand_over(LOCAL, account.id)} sessions from before now.")


async def _list(_: argparse.Namespace) -> None:
    async with _accounts() as accounts:
        table = Table("name", "id", "since", "")
        for account in await accounts.all():
            since = f"{account.created_at:%Y-%m-%d}"
            table.add_row(printable(account.name), account.id, since, "disabled" if account.disabled else "")
        Console().print(table)


async def _disable(options: argparse.Namespace) -> None:
    disabled = options.command == "disable"
    async with _accounts() as accounts:
        account = await _named(accounts, options.name)
        await accounts.disable(account.id, disabled=disabled)
        _say(f"{account.name} is {'disabled: every sign-in and key of it is refused' if disabled else 'enabled'}.")


async def _change_password(options: argparse.Namespace) -> None:
    async with _accounts() as accounts:
        account = await _named(accounts, options.name)
        new = Registration(username=account.name, password=_password(options))
        await accounts.change_password(account.id, await Passwords().hash(new.password.get_secret_value()))
        _say(f"{account.name} has a new password; every sign-in has ended.")


async def _link(options: argparse.Namespace) -> None:
    issuer = Settings().issuer
    if not issuer:
        raise Conflict("No provider is set (OIDC_ISSUER).")
    async with _accounts() as accounts:
        account = await _named(accounts, options.name)
        await accounts.link(account.id, issuer, options.subject)
        _say(f"{printable(options.subject)} of {issuer} signs in to {account.name}.")


async def _back_up(options: argparse.Namespace) -> None:
    settings = Settings()
    now = utc_now()
    target: Path = options.file / f"chat-{now:%Y%m%dT%H%M%SZ}.db" if options.file.is_dir() else options.file
    size = await asyncio.to_thread(back_up, settings.chat_path, target)
    _say(f"{printable(str(target))}: {size / 1e6:.1f} MB, whole as of {now:%Y-%m-%d %H:%M:%S} UTC.")


async def _check(options: argparse.Namespace) -> int:
    path: Path = options.file or Settings().chat_path
    flaws = await asyncio.to_thread(check, path)
    for flaw in flaws:
        _say(f"{printable(path.name)}: {printable(flaw)}")
    if not flaws:
        _say(f"{printable(path.name)} is sound.")
    return 1 if flaws else 0


async def _migrate(_: argparse.Namespace) -> None:
    settings = Settings()
    if flaws := await asyncio.to_thread(check, settings.chat_path):
        raise StorageUnavailable(f"The database is not touched: {flaws[0]}")
    database = await open_database(settings.chat_path, settings.sqlite_synchronous)
    await database.close()
    _say(f"{settings.chat_path.name} is of version {len(MIGRATIONS)}, the newest.")


async def _restore(options: argparse.Namespace) -> None:
    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with one_opener(settings.chat_path):  # a server that starts meanwhile waits
        with Lease(settings.data_dir / "leases") as lease:
            if lease.others():
                raise Conflict("A server is running on this data directory: stop it first.")
        earlier = await asyncio.to_thread(restore, options.file, settings.chat_path, utc_now())
    _say(f"Restored {printable(str(options.file))}.")
    if earlier is not None:
        _say(f"The database from before is {printable(str(earlier))}; delete it when you are sure.")


_COMMANDS: dict[str, Callable[[argparse.Namespace], Coroutine[None, None, int | None]]] = {
    "backup": _back_up,
    "check": _check,
    "migrate": _migrate,
    "restore": _restore,
    "add": _add,
    "list": _list,
    "disable": _disable,
    "enable": _disable,
    "password": _change_password,
    "link": _link,
}


@asynccontextmanager
async def _accounts() -> AsyncIterator[AccountStore]:
    settings = Settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    database = await open_database(settings.chat_path, settings.sqlite_synchronous)
    try:
        yield AccountStore(database, utc_now)
    finally:
        await database.close()


async def _named(accounts: AccountStore, name: str) -> Account:
    kept = await accounts.find(name)
    if kept is None:
        raise NotFound(f"There is no account called {printable(name)!r}.")
    return kept.account


def _password(options: argparse.Namespace) -> str:
    """From the terminal, unseen; the first line of standard input where it is none; or one that is made up."""
    if options.generate:
        password = secrets.token_urlsafe(12)
        _say(f"Password: {password}")
        return password
    if sys.stdin.isatty():
        return getpass.getpass("Password (8 characters or more): ")
    return sys.stdin.readline().rstrip("\r\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="db.py", description=__doc__)
    groups = parser.add_subparsers(dest="command", required=True)
    backup = groups.add_parser("backup", help="copy the database while it is in use")
    backup.add_argument("file", type=Path, help="where to; in a folder, a name with the time is made up")
    checked = groups.add_parser("check", help="look for damage")
    checked.add_argument("file", type=Path, nargs="?", help="a backup; the database itself where none is named")
    restored = groups.add_parser("restore", help="put a backup in the database's place; the server must not run")
    restored.add_argument("file", type=Path)
    groups.add_parser("migrate", help="bring the database to this program's version, as the server does when it starts")
    accounts = groups.add_parser("accounts", help="who may sign in where AUTH=on")
    commands = accounts.add_subparsers(dest="command", required=True)
    add = commands.add_parser("add", help="make an account; the password is asked for, or read from standard input")
    add.add_argument(
        "--adopt", action="store_true", help="give it the sessions and ratings from before there were accounts"
    )
    password = commands.add_parser("password", help="set a password, which ends every sign-in of the account")
    for asking in (add, password):
        asking.add_argument("--generate", action="store_true", help="make a password up and print it")
    commands.add_parser("list", help="all accounts")
    disable = commands.add_parser("disable", help="refuse every sign-in and key of an account; what it has stays")
    enable = commands.add_parser("enable", help="let it sign in again")
    link = commands.add_parser("link", help="let somebody whom the provider (OIDC_ISSUER) knows sign in to an account")
    for named in (add, password, disable, enable, link):
        named.add_argument("name")
    link.add_argument("subject", help="as the provider names them in its ID tokens, and a refused sign-in on the page")
    return parser


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _refuse(why: str) -> int:
    sys.stderr.write(f"db.py: {printable(why)}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
