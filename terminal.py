"""The guide in a terminal: `python llm.py "prompt"`. Streams the answer, shows tool calls dimly, keeps the session."""

from __future__ import annotations

import argparse
import asyncio
import sys
from contextlib import aclosing

from loguru import logger
from pydantic import ValidationError
from rich.console import Console

from db import Frame
from errors import CatalogueError, Invalid, MarqueeError
from marquee import ACCOUNT, Marquee, open_marquee
from runs import Caller
from schemas import (
    EVENT,
    ActionCallEvent,
    Event,
    MessageCreate,
    ReasoningDeltaEvent,
    Run,
    RunEnded,
    Session,
    SessionCreate,
    TextDeltaEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from settings import Settings

INTERRUPTED = 130


class Printer:
    """Writes events for a person: the answer to standard output, everything else dimly to standard error."""

    def __init__(self) -> None:
        self._aside = Console(stderr=True, highlight=False, soft_wrap=True)
        self._mid_line = False

    def show(self, event: Event) -> None:
        match event:
            case TextDeltaEvent():
                sys.stdout.write(event.delta)
                sys.stdout.flush()
                self._mid_line = not event.delta.endswith("\n")
            case ReasoningDeltaEvent():
                self._aside.print(event.delta, style="dim italic", end="", markup=False)
            case ToolCallEvent() | ActionCallEvent():
                given = ", ".join(f"{name}={value!r}" for name, value in (event.arguments or {}).items())
                self.aside(f"→ {event.name}({given})")
            case ToolResultEvent() if not event.ok:
                self.aside(f"  {event.error}")
            case _:
                pass

    def aside(self, text: str) -> None:
        """A dim line beside the answer."""
        self.end_line()
        self._aside.print(text, style="dim", markup=False)

    def end_line(self) -> None:
        """Begin a new line if the answer stands in the middle of one."""
        if self._mid_line:
            sys.stdout.write("\n")
            sys.stdout.flush()
            self._mid_line = False


def main() -> int:
    """Answer one prompt; the exit status is 0 only where the answer is whole."""
    options = _options()
    logger.remove()
    logger.add(sys.stderr, level="ERROR", format="{message}")
    try:
        prompt = _prompt(options.prompt)
        return asyncio.run(_answer(prompt, options))
    except (MarqueeError, CatalogueError) as error:
        return _fail(error.detail if isinstance(error, MarqueeError) else str(error))
    except ValidationError as error:
        [first, *_] = error.errors()
        return _fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except KeyboardInterrupt:
        return INTERRUPTED


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python llm.py", description="Ask the movie guide. Without a prompt it is read from standard input."
    )
    parser.add_argument("prompt", nargs="?", help="what to say")
    parser.add_argument("--model", help="another model than OPENAI_MODEL")
    parser.add_argument("--session", metavar="ID", help="continue this session (the id is shown after each answer)")
    parser.add_argument("--json", action="store_true", help="print the run's events, one line of JSON each")
    return parser.parse_args()


def _prompt(given: str | None) -> str:
    if given is None and sys.stdin.isatty():
        sys.stderr.write("Say something, then Ctrl-D:\n")
    text = (sys.stdin.read() if given is None else given).strip()
    if not text:
        raise Invalid("There is no prompt.")
    return text


async def _answer(prompt: str, options: argparse.Namespace) -> int:
    async with open_marquee(Settings()) as marquee:
        session = await _session(marquee, options.session)
        body = MessageCreate(content=prompt, model=options.model)
        printer = Printer()
        if not options.json:
            _introduce(marquee, printer)
        run = await marquee.runs.send(Caller(ACCOUNT, session), body)
        try:
            last = await _follow(marquee, run, printer, as_json=options.json)
        except asyncio.CancelledError:  # Ctrl-C
            await marquee.runs.cancel(run)
            raise
        printer.end_line()
        return _close(last, session, printer, as_json=options.json)


async def _follow(marquee: Marquee, run: Run, printer: Printer, *, as_json: bool) -> Event | None:
    """Show the run's events to its end; the last one."""
    last = None
    async with aclosing(marquee.runs.follow(run.id)) as batches:
        async for batch in batches:
            for frame in batch:
                last = _show(frame, printer, as_json=as_json)
    return last


async def _session(marquee: Marquee, session_id: str | None) -> Session:
    if session_id is None:
        return await marquee.store.create_session(ACCOUNT, SessionCreate())
    return await marquee.store.load_session(ACCOUNT, session_id)


def _introduce(marquee: Marquee, printer: Printer) -> None:
    if marquee.settings.offline:
        printer.aside("No OPENAI_API_KEY and no OPENAI_BASE_URL: the built-in offline guide answers.")


def _show(frame: Frame, printer: Printer, *, as_json: bool) -> Event:
    data = frame.data.split(b"\ndata: ", 1)[1].rstrip(b"\n")
    event = EVENT.validate_json(data)
    if as_json:
        sys.stdout.write(data.decode() + "\n")
        sys.stdout.flush()
    else:
        printer.show(event)
    return event


def _close(last: Event | None, session: Session, printer: Printer, *, as_json: bool) -> int:
    """The exit status; a failure in one clear line."""
    if not as_json:
        printer.aside(f"session {session.id}")
    if isinstance(last, RunEnded) and last.type in ("run.completed", "run.requires_action"):
        return 0
    return _fail(last.error.detail if isinstance(last, RunEnded) and last.error else "The answer was interrupted.")


def _fail(reason: str) -> int:
    sys.stderr.write(f"llm.py: {reason}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
