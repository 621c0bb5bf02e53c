"""A rating as one number: its half-stars in the lowest four bits, above them a key by which such numbers are sorted.

The key is a movie, a time, or both: then the time has the lower 32 bits, and the movie the 27 that an int64 has left.
SQL writes the same in place, `key << 4 | half_stars`.

>>> packed = pack(296 << TIME_BITS | 978_300_760, half_stars=9)
>>> packed >> 36, packed >> 4 & LAST_SECOND, packed & 15
(296, 978300760, 9)
>>> unpack(packed) == (296 << TIME_BITS | 978_300_760, 9)
True
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy.typing as npt

Numbers = TypeVar("Numbers", int, npt.NDArray[Any])

TIME_BITS = 32
LAST_SECOND = 2**TIME_BITS - 1  # February 2106; milliseconds are beyond it
MOST_MOVIES = 2**27  # beside time and stars in an int64
STARS_VALUES = 16  # in four bits


def pack(key: Numbers, half_stars: Numbers) -> Numbers:
    packed: Numbers = key << 4 | half_stars
    return packed


def unpack(packed: Numbers) -> tuple[Numbers, Numbers]:
    """The key and the half-stars."""
    return packed >> 4, packed & 15
