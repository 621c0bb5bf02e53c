"""What docs/architecture.md says of the code: files, tests, lines of the order, the way of a message."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from docs.draw import BEGIN, END, LINES, ORDER, ROOT, box, sources, table
from settings import Settings
from tests.support.scripted import Upstream, text
from tests.support.serving import serving
from tests.support.wire import check_whole, new_session, send

DOCUMENT = (ROOT / "docs/architecture.md").read_text()
WAY = DOCUMENT.split("## The way of a message")[1].split("## Three walks")[0]
UNNAMED = {"guide", "ingest", "taste", "training", "commands", "terminal"}  # a row has several of their modules
MOST_FILES, MOST_LINES = 26, 5_250  # 230 of them are there that a token be cheap
ELSEWHERE = {  # the document says why
    "main", "providers.base", "providers.prompts", "providers.tool_calls", "providers.text_calls", "providers.digest"
}  # fmt: skip
NOW_AND_THEN = {"runs.settling", "runs.leases"}  # looks after other runs every few seconds


def test_every_file_that_is_named_is_there() -> None:
    room = ""
    for line in DOCUMENT.splitlines():
        if found := re.match(r"\| `(\w+(?:/\w+)*)/`", line):
            room = found[1]
        for name in re.findall(r"`([\w/]+\.(?:py|md))`", line):
            assert any((ROOT / folder / name).is_file() for folder in ("", room, "guide")), line


def test_every_module_is_named() -> None:
    for name, path in sources().items():
        if path.name != "__init__.py" and path.parent.name not in UNNAMED:
            assert f"`{path.name}`" in DOCUMENT or f"`{path.relative_to(ROOT)}`" in DOCUMENT, name


def test_every_test_that_is_named_is_there() -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))
    for name in set(re.findall(r"`(test_\w+)`", DOCUMENT)):
        assert f"def {name}(" in tests, name


def test_the_order_is_that_of_the_drawing() -> None:
    listed = re.findall(r"^\d\. ((?:`[\w.]+` ?)+)$", DOCUMENT, re.MULTILINE)
    assert [set(re.findall(r"`([\w.]+)`", line)) for line in listed] == [set(names) for names in ORDER]


def test_the_table_of_imports_is_that_of_the_code() -> None:
    """`python -m docs.draw` makes it anew."""
    assert DOCUMENT.partition(BEGIN)[2].partition(END)[0] == table()


@contextmanager
def followed() -> Iterator[set[str]]:
    """The files of the service in which a function was called, in threads that start meanwhile."""
    files: set[str] = set()

    def note(frame: FrameType, event: str, _: Any) -> None:
        if event == "call" and frame.f_code.co_name != "<module>":
            files.add(frame.f_code.co_filename)

    threading.setprofile(note)
    try:
        yield files
    finally:
        threading.setprofile(None)


def test_the_way_of_a_message(upstream: Upstream, llm_settings: Settings) -> None:
    """From the request to the last frame: the files that the document lists, and no more lines than they should be."""
    with followed() as files, serving(llm_settings) as server, server.client() as client:
        session = new_session(client)
        upstream.queue(text("Hello there."))
        files.clear()
        check_whole(send(client, session))
        passed = files.copy()
    modules = {name for name, path in sources().items() if str(path) in passed}
    way = {name for name in modules if LINES[box(name)] > 1 and name not in ELSEWHERE | NOW_AND_THEN}
    behind = {name for name in way if box(name) in ("movies", "tools")}  # what the model is told of them
    listed = re.findall(r"^\| `([\w/]+\.py)`", WAY, re.MULTILINE)
    assert sorted(listed) == sorted(str(sources()[name].relative_to(ROOT)) for name in way - behind)
    assert len(listed) <= MOST_FILES
    assert sum(len((ROOT / name).read_text().splitlines()) for name in listed) <= MOST_LINES
