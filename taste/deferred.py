"""Libraries that are loaded with their first use: scipy takes a fifth of a second, and not every process needs it.

A process that will need one of them has it loaded in a thread beforehand: whoever uses it first waits for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any


class _Deferred:
    """A module by its name.

    >>> _Deferred("math").sqrt(4)
    2.0
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, attribute: str) -> Any:
        found = getattr(import_module(self._name), attribute)
        setattr(self, attribute, found)
        return found


linalg: Any = _Deferred("scipy.linalg")
sparse: Any = _Deferred("scipy.sparse")
special: Any = _Deferred("scipy.special")
