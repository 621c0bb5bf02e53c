"""Text of strangers made fit to be shown and stored: nothing that steers a terminal, no half characters.

Control characters become escapes. UTF-16 surrogates, which JSON may carry and UTF-8 may not, become the characters that
they mean, or are replaced.
"""

from __future__ import annotations

import re

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")  # C0 without tab and newline, DEL, C1
_BREAKS = re.compile(r"[\t\n\u2028\u2029]")


def printable(text: str) -> str:
    r"""The text with its control characters as escapes; newlines and tabs stay.

    >>> print(printable("\x1b]52;c;cm0gLXJm\x07"))
    \x1b]52;c;cm0gLXJm\x07
    """
    return _CONTROLS.sub(_escape, text)


def one_line(text: str) -> str:
    r"""The same with newlines and tabs as escapes, too.

    >>> print(one_line("a\nb"))
    a\nb
    """
    return _BREAKS.sub(_escape, printable(text))


def printable_json(document: str) -> str:
    r"""The same for JSON, which stays what it is: its strings may carry DEL and C1 as they are, or as `\u009b`."""
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", document)


class Characters:
    """Text whose UTF-16 surrogates may come apart: half an emoji's escape in one chunk, half in the next."""

    def __init__(self) -> None:
        self._half = ""

    def whole(self, text: str) -> str:
        """The text as far as its characters are whole."""
        if not self._half and text.isascii():
            return text
        text = self._half + text
        self._half = text[-1:] if "\ud800" <= text[-1:] <= "\udbff" else ""
        return scalars(text[:-1] if self._half else text)


def scalars(text: str) -> str:
    r"""The text with surrogate pairs as the characters they mean and lone ones replaced, so that it has a UTF-8 form.

    >>> print(scalars("\ud83c\udfac \ud83c"))
    🎬 �
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
