"""The recording of the terminal chat: `python -m docs.record` plays it over the sample catalogue and the guide.

It writes docs/terminal.cast, which `asciinema play` shows (asciicast v2), and docs/terminal.txt, the same as text. What
is recorded is what stood on the screen after each line, at a pace of its own: the same code gives the same bytes.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support.processes import environment, process, wait_for
from tests.support.terminal import Terminal, terminal

FOLDER = Path(__file__).parent
ROOT = FOLDER.parent
COLUMNS, LINES = 100, 32
COMMAND = "python client.py"
SAID = [
    "recommend me three films like Heat",
    "/why #2",
    "/rate #1 5",
    "/rate Heat (1995) 4.5",
    "/rate Matilda 2",
    "what should I watch next?",
    "/taste",
]
PROMPT = "› "
ANSWER_SECONDS = 60.0
KEY_SECONDS, LINE_SECONDS, READING_SECONDS = 0.05, 0.08, 1.5
COLOURS = {"red": 31, "green": 32, "brown": 33, "blue": 34, "magenta": 35, "cyan": 36, "brightblack": 90}


@dataclass(frozen=True)
class Exchange:
    """A line that was typed, and what came of it, as it looked and as text."""

    typed: str
    drawn: list[str]
    text: list[str]


def record() -> list[Exchange]:
    """Play the conversation; the screen after each line."""
    with tempfile.TemporaryDirectory() as folder:
        env = environment(Path(folder) / "data")
        for made in (["movielens.py", "import", "data/sample"], ["recommend.py", "fit"]):
            subprocess.run([sys.executable, *made], cwd=ROOT, env=env, stdout=subprocess.DEVNULL, check=True)  # noqa: S603
        size = {"columns": COLUMNS, "lines": LINES}
        with (
            process(env) as server,
            terminal(env, "client.py", "--url", server.url, state=Path(folder), **size) as shown,
        ):
            exchanges = [_exchange(shown, COMMAND, 0)]
            for line in SAID:
                begin = _prompt_at(shown)
                shown.say(line)
                exchanges.append(_exchange(shown, line, begin + 1))
    return exchanges


def cast(exchanges: list[Exchange]) -> str:
    """The recording in asciicast's second version: a header, then `[seconds, "o", output]` a line."""
    header = {"version": 2, "width": COLUMNS, "height": LINES, "title": "Marquee in a terminal"}
    return "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in (header, *_played(exchanges)))


def excerpt(exchanges: list[Exchange]) -> str:
    """The same to be read."""
    first, *rest = exchanges
    parts = [[f"$ {first.typed}", *first.text], *([PROMPT + each.typed, *each.text] for each in rest)]
    return "\n".join(line for part in parts for line in part).rstrip() + "\n"


def _played(exchanges: list[Exchange]) -> Iterator[tuple[float, str, str]]:
    at = 0.5
    for number, exchange in enumerate(exchanges):
        yield round(at, 2), "o", f"\x1b[1;36m{PROMPT}\x1b[0m" if number else "$ "
        for key in exchange.typed:
            at += KEY_SECONDS
            yield round(at, 2), "o", key
        for line in ("", *exchange.drawn):
            yield round(at, 2), "o", f"{line}\r\n"
            at += LINE_SECONDS
        at += READING_SECONDS
    yield round(at, 2), "o", f"\x1b[1;36m{PROMPT}\x1b[0m"


def _exchange(shown: Terminal, typed: str, begin: int) -> Exchange:
    wait_for(lambda: _prompt_at(shown) >= begin, ANSWER_SECONDS)
    end = _prompt_at(shown)
    return Exchange(typed, [_coloured(row) for row in shown.styled[begin:end]], shown.scrolled[begin:end])


def _prompt_at(shown: Terminal) -> int:
    """The number of the line on which an empty prompt stands; -1 while there is none."""
    lines = shown.scrolled
    return max((number for number, line in enumerate(lines) if line == PROMPT.strip()), default=-1)


def _coloured(row: list[tuple[str, str, bool]]) -> str:
    """A row of characters with their colour and boldness as text that a terminal shows so."""
    parts, now = [], ""
    for character, colour, bold in row:
        codes = [*(["1"] if bold else []), *([str(COLOURS[colour])] if colour in COLOURS else [])]
        style = f"\x1b[{';'.join(codes)}m" if codes else ""
        if style != now:
            parts.append(f"\x1b[0m{style}" if now else style)
            now = style
        parts.append(character)
    return "".join(parts).rstrip() + ("\x1b[0m" if now else "")


def main() -> int:
    """Record, and write both files."""
    exchanges = record()
    (FOLDER / "terminal.cast").write_text(cast(exchanges))
    (FOLDER / "terminal.txt").write_text(excerpt(exchanges))
    return 0


if __name__ == "__main__":
    sys.exit(main())
