"""Markdown that is still being written, shown without flicker: what is finished scrolls away, the rest is drawn anew.

Blocks of Markdown (paragraphs, lists, code) depend on nothing that comes after them (CommonMark, appendix A), so each
is printed for good as soon as the next begins. Only the last one is drawn anew; where it is taller than the screen, its
upper lines are printed for good, too.
"""

from __future__ import annotations

from itertools import pairwise

from markdown_it import MarkdownIt
from rich.console import Console, ConsoleOptions, RenderResult
from rich.markdown import Markdown
from rich.segment import Segment

from text import printable

LEAST_WINDOW = 3
BELOW = 4  # lines of the screen that are left for what stands under the answer
CODE_THEME = "ansi_dark"
Lines = list[list[Segment]]

_PARSER = MarkdownIt(options_update={"html": False}).enable("strikethrough").enable("table")  # tags are text


class Document(Markdown):
    """rich's Markdown, in which HTML is text like any other, and a link shows where it leads."""

    def __init__(self, text: str) -> None:
        super().__init__("", code_theme=CODE_THEME, hyperlinks=False)
        self.markup = text
        self.parsed = _PARSER.parse(text)


class Growing:
    """An answer as far as it has come.

    `feed` takes text; `advance` prints what is finished; what is left is drawn by rich's Live, of which this is the
    renderable.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._text = ""  # of the last block
        self._lines: Lines = []  # that block, drawn
        self._printed = 0  # of its lines
        self._blocks = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _joined(self._lines[self._printed :])

    def feed(self, delta: str) -> None:
        """More text; what would steer the terminal is shown as an escape."""
        self._text += printable(delta.replace("\r", ""))

    def advance(self) -> None:
        """Print the part that will not change any more."""
        lines = self._text.split("\n")
        starts = [token.map[0] for token in _PARSER.parse(self._text) if token.level == 0 and token.map]
        for begin, end in pairwise(starts):
            self._print_block("\n".join(lines[begin:end]))
        if len(starts) > 1:
            self._text = "\n".join(lines[starts[-1] :])
        self._lines = self._drawn(self._text)
        window = max(LEAST_WINDOW, self._console.height - BELOW)
        self._print_lines(len(self._lines) - window)

    def finish(self) -> None:
        """Print all that is left."""
        self.advance()
        self._print_lines(len(self._lines))
        self._text, self._lines, self._printed = "", [], 0

    def _print_block(self, text: str) -> None:
        self._lines = self._drawn(text)
        self._print_lines(len(self._lines))
        self._printed, self._lines = 0, []
        self._blocks += 1

    def _print_lines(self, until: int) -> None:
        """Print the lines of the last block up to one, but for those that are printed."""
        if until > self._printed:
            drawn = _Drawn(self._lines[self._printed : until])
            self._printed = until  # first: rich draws the rest under what is printed
            self._console.print(drawn, end="")

    def _drawn(self, text: str) -> Lines:
        """A block's lines, after an empty one where a block stands before it."""
        lines = self._console.render_lines(Document(text), pad=False) if text.strip() else []
        while lines and _is_empty(lines[-1]):
            lines.pop()
        while lines and _is_empty(lines[0]):
            lines.pop(0)
        return [[Segment("")], *lines] if lines and self._blocks else lines


class _Drawn:
    """Lines as they were drawn."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _joined(self._lines)


def _joined(lines: Lines) -> RenderResult:
    for line in lines:
        yield from line
        yield Segment.line()


def _is_empty(line: list[Segment]) -> bool:
    return not any(segment.text.strip() for segment in line)
