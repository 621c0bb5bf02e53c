"""The chat in a terminal: `python client.py`. With a person at the keyboard a conversation, else a message a line."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence
from contextlib import ExitStack

from pydantic import ValidationError

from client import Client, ClientError, Refused, Unreachable
from commands.terminal.chat import Chat
from commands.terminal.keyboard import Keyboard, typing_ahead
from commands.terminal.orders import ORDERS, WITH_TITLES, Orders, Quit, Wrong
from commands.terminal.own_server import NoServer, OwnServer
from commands.terminal.screen import FullScreen, Screen, working
from commands.terminal.sign_in import SignIn
from text import one_line

INTERRUPTED = 130
ATTEMPTS = 3  # to sign in, before the chat begins
BROKEN_PIPE = 141  # as shells have it: 128 and SIGPIPE
NO_ACCOUNT = "This service asks for an account: sign in at a terminal, or set MARQUEE_API_KEY."
EXAMPLES = """\
examples:
  python client.py                                   a chat, with a server of its own over DATA_DIR
  python client.py --url https://films.example.com   a chat at a service
  python client.py -c                                go on with the last session
  python client.py < questions.txt > answers.txt     a message a line, plain output
  echo '/rate Heat (1995) 5' | python client.py      commands work there, too

In the chat, /help lists the commands. A service with accounts asks for name and password once; the sign-in is kept in a
file of yours alone. A program has a key instead (POST /auth/keys), best in MARQUEE_API_KEY.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Chat until the end; the exit status is 0 where all that was said was answered."""
    options = _options(arguments)
    screen = FullScreen() if _is_a_person_there() else Screen()
    try:
        with asyncio.Runner() as runner, ExitStack() as stack:
            if screen.interactive:
                stack.enter_context(typing_ahead())
            client, sign_in = _client(options, screen, runner, stack)
            stack.callback(_close, runner, client)
            chat = Chat(client, screen, options.model, options.system, sign_in)
            return runner.run(_converse(chat, options)) if screen.interactive else _recite(chat, options, runner)
    except (ClientError, NoServer, Wrong) as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `| head -1` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's last flush would say so
        return BROKEN_PIPE


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python client.py",
        description="Chat about movies in the terminal. What is piped in is answered line by line.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--url", help="the service; one of its own is started where nothing answers, or none is given")
    parser.add_argument("-c", "--continue", dest="last", action="store_true", help="go on with the last session")
    parser.add_argument("--session", metavar="ID", help="go on with this session")
    parser.add_argument("-m", "--model", help="the model that is to answer")
    parser.add_argument("-s", "--system", metavar="TEXT", help="instructions for a new session, beside the service's")
    parser.add_argument("--api-key", metavar="KEY", help="an account's key; others on this machine can see it here")
    return parser.parse_args(arguments)


def _is_a_person_there() -> bool:
    """True at a terminal that can move its cursor."""
    return sys.stdin.isatty() and sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


# The service


def _client(
    options: argparse.Namespace, screen: Screen, runner: asyncio.Runner, stack: ExitStack
) -> tuple[Client, SignIn | None]:
    """A client of the service at the URL, or of a server of our own where nothing is there; and who signs in there."""
    url = options.url
    key = options.api_key or os.environ.get("MARQUEE_API_KEY")
    if url is not None:
        sign_in = None if key else SignIn(url)
        client = Client(url, token=key, auth=sign_in, on_wait=screen.lost)
        if runner.run(_answers(client, screen)):
            return client, sign_in
    server = stack.enter_context(OwnServer())
    with working(screen, "Starting a server of its own …"):
        server.wait_until_ready()
    screen.aside(f"A server of its own at {server.url}, for as long as this chat.")

    def lost(error: ClientError, seconds: float) -> None:
        screen.lost(error, seconds)
        if server.revive():
            screen.aside("The server ended; it is started again.")

    own = None if key else SignIn(server.url, "a server of its own")
    return Client(server.url, token=key, auth=own, on_wait=lost), own


async def _answers(client: Client, screen: Screen) -> bool:
    """True where a service is at the client's address; one that is none, or none of ours, is no reason to go on."""
    async with Client(str(client.url), patience=0) as once:
        try:
            await once.live()
        except Unreachable as error:
            await client.aclose()
            screen.aside(error.detail)
            return False
    return True


def _close(runner: asyncio.Runner, client: Client) -> None:
    runner.run(client.aclose())


# The conversation


async def _begin(chat: Chat, options: argparse.Namespace, orders: Orders) -> None:
    """Say who is there, and take up the session that is asked for."""
    await _let_in(chat, orders)
    if chat.screen.interactive:
        health = await chat.client.health()
        chat.screen.aside(f"Marquee. {health.catalogue.in_words}")
        if health.provider.base_url is None:
            chat.screen.aside("No language model is configured: the built-in offline guide answers.")
        asked = ", ".join(f"“{question}”" for question in health.catalogue.examples[:2]) or "“films like Heat”"
        chat.screen.aside(f"Ask away: {asked}. /help lists the commands, Ctrl-D leaves.")
    if options.session is not None:
        await chat.take_up(await chat.client.read_session(options.session))
    elif options.last:
        sessions = (await chat.client.list_sessions(limit=1)).data
        if sessions:
            await chat.take_up(sessions[0])
        else:
            chat.screen.aside("There is no session to go on with; here is a new one.")


async def _let_in(chat: Chat, orders: Orders) -> None:
    """Have the person sign in where the service asks for an account."""
    try:
        account = await chat.client.read_account()
    except Refused as error:
        if error.code == "not_found":  # it has no accounts
            return
        if error.code != "unauthorized" or chat.sign_in is None:
            raise
        if not chat.screen.interactive:
            raise Wrong(NO_ACCOUNT) from None
        chat.screen.aside("This service asks for an account.")
        await _sign_in(orders)
    else:
        chat.screen.aside(f"Signed in as {account.name}.")


async def _sign_in(orders: Orders) -> None:
    """Ask for name and password, and again where they are wrong."""
    for left in reversed(range(ATTEMPTS)):
        try:
            return await orders.sign_in("")
        except Refused as error:
            if not left:
                raise
            orders.chat.screen.problem(error.detail)
    return None


async def _converse(chat: Chat, options: argparse.Namespace) -> int:
    """Answer a person until they leave."""
    keyboard = Keyboard(chat.client, {order.name: order.does for order in ORDERS}, WITH_TITLES, lambda: _status(chat))
    orders = Orders(chat, keyboard.answer, keyboard.line, keyboard.secret)
    await _begin(chat, options, orders)
    while True:
        try:
            await _heed(chat, orders, await keyboard.line())
        except KeyboardInterrupt:
            chat.screen.aside("Ctrl-D or /quit leaves.")
        except (EOFError, Quit):
            return 0


def _status(chat: Chat) -> str:
    title = chat.session.title if chat.session is not None else None
    model = (chat.session.model if chat.session is not None else None) or chat.model
    return " · ".join(part for part in (title or "new session", model, "/help") if part)


def _recite(chat: Chat, options: argparse.Namespace, runner: asyncio.Runner) -> int:
    """Answer what is piped in, a message a line."""
    orders = Orders(chat, _consent, _consent)
    runner.run(_begin(chat, options, orders))
    whole, first = True, True
    for number, raw in enumerate(sys.stdin.buffer, 1):
        try:
            line = raw.decode().strip()
        except UnicodeDecodeError:
            return _fail(f"Line {number} is not text in UTF-8.")
        if not line:
            continue
        if not first:
            chat.screen.say("")
        first = False
        try:
            whole = runner.run(_heed(chat, orders, line)) and whole
        except Quit:
            break
        if chat.stopped:
            return INTERRUPTED
    return 0 if whole else 1


async def _consent(question: str) -> str:
    """The answer of a script, which knows what it does, and cannot choose."""
    return "y" if question.endswith("(y/N)") else ""


async def _heed(chat: Chat, orders: Orders, line: str) -> bool:
    """Do what a line says; True where that was done."""
    line = line.strip()
    chat.failed = False
    try:
        if line.startswith("/"):
            await chat.interrupts.run(orders.carry_out(line))
        elif line:
            await chat.say(line)
    except (Wrong, ClientError) as error:
        chat.screen.problem(str(error))
        if isinstance(error, Refused) and error.code == "unauthorized" and not line.startswith("/signin"):
            chat.screen.aside("/signin signs in.")
        return False
    except ValidationError as error:
        chat.screen.problem("; ".join(found["msg"] for found in error.errors()))
        return False
    return not chat.failed


def _fail(reason: str) -> int:
    sys.stderr.write(f"client.py: {one_line(reason)}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
