"""Text of strangers, fit for a terminal or a log line: what would steer one is shown as an escape instead."""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # C0 without tab and newline, DEL, C1
_BREAKS = re.compile(r"[\t\n\u2028\u2029]")


def printable(text: str) -> str:
    r"""The text with its control characters as escapes; newlines and tabs stay: `"\x1b]52;…"` → `"\\x1b]52;…"`."""
    return _CONTROLS.sub(_escape, text)


def one_line(text: str) -> str:
    r"""The same with newlines and tabs as escapes, too: `"a\nb"` → `"a\\nb"`."""
    return _BREAKS.sub(_escape, printable(text))


def printable_json(document: str) -> str:
    r"""The same for JSON, which stays what it is: its strings may carry DEL and C1 as they are, or as `\u009b`."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
