"""The guide in a terminal: `python llm.py prompt`. Streams the answer, shows tool calls dimly, keeps the session.

What the model and the data say is shown without control characters, which would steer the terminal.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import select
import stat
import sys
from contextlib import aclosing
from pathlib import Path

from loguru import logger
from pydantic import ValidationError
from rich.console import Console

from errors import CatalogueError, Invalid, MarqueeError
from logs import harmless
from runs.live_run import Caller
from schemas import (
    ActionCallEvent,
    Event,
    MessageCreate,
    ReasoningDeltaEvent,
    ResponseFormat,
    Run,
    RunEnded,
    Session,
    SessionCreate,
    SessionPatch,
    TextDeltaEvent,
    ToolCallEvent,
    ToolResultEvent,
)
from service import Marquee, open_marquee
from settings import Settings, slips
from storage.records import LOCAL, Frame
from text import printable, printable_json

INTERRUPTED = 130
BROKEN_PIPE = 141  # as shells have it: 128 and SIGPIPE
EXAMPLES = """\
examples:
  python llm.py recommend me three films like Heat
  python llm.py -c why the second one               go on with the last session
  cat review.txt | python llm.py sum this up        what is piped in stands under the prompt
  python llm.py -m qwen3 -s "Answer in verse." -u is Heat any good
  python llm.py --schema '{"type": "object", "properties": {"title": {"type": "string"}}}' the best western
  python llm.py --schema film.json --json the best western | tail -1
  python llm.py chat                                a conversation; python client.py has more of it
"""
STDIN_SECONDS = 3.0  # that a pipe beside a prompt is waited for: it may be one that nobody writes to


class _Console(Console):
    """rich's, which would exit by itself on a broken pipe, with status 1 and the run still going."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


class Printer:
    """Writes events for a person: the answer to standard output, everything else dimly to standard error."""

    def __init__(self) -> None:
        self._aside = _Console(stderr=True, highlight=False, soft_wrap=True)
        self._mid_line = False

    def show(self, event: Event) -> None:
        match event:
            case TextDeltaEvent():
                _write(_shown(event.delta))
                self._mid_line = not event.delta.endswith("\n")
            case ReasoningDeltaEvent():
                self._aside.print(_shown(event.delta), style="dim italic", end="", markup=False)
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
        self._aside.print(_shown(text), style="dim", markup=False)

    def end_line(self) -> None:
        """Begin a new line if the answer stands in the middle of one."""
        if self._mid_line:
            _write("\n")
            self._mid_line = False


def main() -> int:
    """Answer one prompt; the exit status is 0 only where the answer is whole."""
    gc.freeze()  # modules stay to the end: collections need not look through them
    options = _options()
    logger.remove()
    logger.configure(patcher=harmless)
    logger.add(sys.stderr, level="ERROR", format="{message}")
    try:
        if options.prompt == ["chat"]:
            return _chat(options)
        body = MessageCreate(
            content=_prompt(options.prompt), model=options.model, response_format=_response_format(options.schema)
        )
        return asyncio.run(_answer(body, options))
    except (MarqueeError, CatalogueError) as error:
        return _fail(error.detail if isinstance(error, MarqueeError) else str(error))
    except ValidationError as error:
        [first, *_] = error.errors()
        return _fail(f"{'.'.join(map(str, first['loc']))}: {first['msg']}")
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # `| head -1` has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python's last flush would say so
        return BROKEN_PIPE


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python llm.py",
        usage="%(prog)s [options] PROMPT …  |  %(prog)s chat [options]",
        description="Ask the movie guide. What is piped in joins the prompt, or is the prompt where none is given. "
        "The word `chat` alone starts the chat that is `python client.py`.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("prompt", nargs="*", help="what to say; quotes are not needed")
    parser.add_argument("-c", "--continue", dest="last", action="store_true", help="go on with the last session")
    parser.add_argument("--session", metavar="ID", help="go on with this session (its id is shown after each answer)")
    parser.add_argument("-m", "--model", help="another model than OPENAI_MODEL")
    parser.add_argument("-s", "--system", metavar="TEXT", help="instructions for the session, beside the service's own")
    parser.add_argument("--schema", metavar="FILE|JSON", help="answer with JSON that is valid by this JSON Schema")
    parser.add_argument("-u", "--usage", action="store_true", help="tokens, steps and seconds, on standard error")
    parser.add_argument("--json", action="store_true", help="print the run's events, one line of JSON each")
    return parser.parse_intermixed_args()


def _chat(options: argparse.Namespace) -> int:
    """The chat in the terminal, with those of the options that it has."""
    if options.schema or options.json or options.usage:
        raise Invalid("chat takes none of --schema, --json and --usage.")
    from commands.client import main as chat  # noqa: PLC0415  one shot does without its screens

    named = {"--session": options.session, "--model": options.model, "--system": options.system}
    given = [part for name, value in named.items() if value is not None for part in (name, value)]
    return chat([*given, *(["--continue"] if options.last else [])])


def _response_format(given: str | None) -> ResponseFormat | None:
    """The form of the answer: a JSON Schema, or the file that has one.

    Raises:
        Invalid: It is none of both.
    """
    if given is None:
        return None
    try:
        text = given if given.lstrip().startswith("{") else Path(given).expanduser().read_text(encoding="utf-8")
        schema = json.loads(text)
    except OSError as error:
        raise Invalid(f"--schema: {given} cannot be read: {error.strerror}.") from None
    except ValueError as error:
        raise Invalid(f"--schema: that is no JSON: {error}.") from None
    form = {"type": "json_schema", "json_schema": {"name": "answer", "schema": schema}}
    return ResponseFormat.model_validate(form)


def _prompt(words: list[str]) -> str:
    """The words, and under them what is piped in."""
    given = " ".join(words).strip()
    if not given and sys.stdin and sys.stdin.isatty():
        sys.stderr.write("Say something, then Ctrl-D:\n")
    piped = _standard_input() if not given or _is_piped() else ""
    text = "\n\n".join(part for part in (given, piped.strip()) if part)
    if not text:
        raise Invalid("There is no prompt.")
    return text


def _is_piped() -> bool:
    """True where standard input was given for this prompt: a file, or a pipe in which something comes soon."""
    if not sys.stdin:
        return False
    mode = os.fstat(sys.stdin.fileno()).st_mode
    if not stat.S_ISFIFO(mode) and not stat.S_ISSOCK(mode):
        return stat.S_ISREG(mode)
    ready, _, _ = select.select([sys.stdin], [], [], STDIN_SECONDS)
    if not ready:
        sys.stderr.write("Nothing comes from standard input; it is left out.\n")
    return bool(ready)


def _standard_input() -> str:
    try:
        return sys.stdin.buffer.read().decode() if sys.stdin else ""
    except UnicodeDecodeError:
        raise Invalid("Standard input is not text in UTF-8.") from None


async def _answer(body: MessageCreate, options: argparse.Namespace) -> int:
    async with open_marquee(Settings(), ahead=False) as marquee:
        session = await _session(marquee, options)
        printer = Printer()
        if not options.json:
            _introduce(marquee, printer)
        run = await marquee.runs.send(Caller(LOCAL, session), body)
        try:
            last = await _follow(marquee, run, printer, as_json=options.json)
            printer.end_line()
        except (asyncio.CancelledError, BrokenPipeError):  # Ctrl-C, or nobody reads on
            await marquee.runs.cancel(run)
            raise
        if options.usage and isinstance(last, RunEnded):
            printer.aside(_usage(last.run))
        return _close(last, session, printer, as_json=options.json)


async def _follow(marquee: Marquee, run: Run, printer: Printer, *, as_json: bool) -> Event | None:
    """Show the run's events to its end; the last one."""
    last = None
    async with aclosing(marquee.runs.follow(run.id)) as batches:
        async for batch in batches:
            for frame in batch:
                last = _show(frame, printer, as_json=as_json)
    return last


async def _session(marquee: Marquee, options: argparse.Namespace) -> Session:
    """The session that is asked for, with the instructions that are."""
    session_id = options.session or (await _last_session(marquee) if options.last else None)
    if session_id is None:
        session, _ = await marquee.sessions.open(LOCAL, SessionCreate(instructions=options.system))
        return session
    if options.system is not None:
        await marquee.sessions.update(LOCAL, session_id, SessionPatch(instructions=options.system))
    return await marquee.store.load_session(LOCAL, session_id)


async def _last_session(marquee: Marquee) -> str | None:
    """The session that was used last, if there is any."""
    page = await marquee.sessions.list(LOCAL, limit=1)
    return page.data[0].id if page.data else None


def _introduce(marquee: Marquee, printer: Printer) -> None:
    for slip in slips():
        printer.aside(slip)
    if marquee.settings.offline:
        printer.aside("No OPENAI_API_KEY and no OPENAI_BASE_URL: the built-in offline guide answers.")


def _show(frame: Frame, printer: Printer, *, as_json: bool) -> Event:
    event = frame.event
    if as_json:
        _write(printable_json(frame.json.decode()) + "\n")
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


def _usage(run: Run) -> str:
    """The cost of an answer in a line."""
    spent = run.usage
    tokens = f"{spent.input_tokens:,} tokens in, {spent.output_tokens:,} out" if spent else "tokens unknown"
    estimated = " (estimated)" if spent and spent.estimated else ""
    steps = f"{run.steps} step{'s' if run.steps != 1 else ''}"
    return f"{run.model}: {tokens}{estimated}; {steps}; {(run.timings.total_ms or 0) / 1000:.1f} s"


def _fail(reason: str) -> int:
    sys.stderr.write(f"llm.py: {printable(reason)}\n")
    return 1


def _shown(text: str) -> str:
    """The text without what steers a terminal; the returns of CRLF are left out."""
    return printable(text.replace("\r", ""))


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
