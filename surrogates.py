"""Text as JSON may carry it and UTF-8 may not: UTF-16 surrogates that come apart, or alone."""

from __future__ import annotations


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
    """The text with surrogate pairs as the characters they mean and lone ones replaced, so that it has a UTF-8 form."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
