"""The recording of the terminal: a player shows what the text beside it says. `python -m docs.record` makes both."""

from __future__ import annotations

import json

import pyte

from docs.record import FOLDER, SAID


def test_the_recording_plays_as_the_text_says() -> None:
    header, *entries = map(json.loads, (FOLDER / "terminal.cast").read_text().splitlines())
    text = (FOLDER / "terminal.txt").read_text()
    assert header["version"] == 2
    times = [at for at, _, _ in entries]
    assert times == sorted(times)
    screen = pyte.Screen(header["width"], 500)
    pyte.Stream(screen).feed("".join(output for _, kind, output in entries if kind == "o"))
    shown = "\n".join(row.rstrip() for row in screen.display).rstrip().removesuffix("›").rstrip()
    assert shown + "\n" == text
    assert [line.removeprefix("› ") for line in text.splitlines() if line.startswith("› ")] == SAID
