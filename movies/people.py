"""Finds the people of a catalogue by name: the very name, then a surname, then one with a slip of the pen."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Literal, NamedTuple

from rapidfuzz.distance import OSA

from movies.file import Row, RunQuery
from movies.title_match import any_of, trigrams
from movies.titles import plain

Role = Literal["any", "directed", "by", "acted", "without"]
SAID: dict[Role, str] = {"any": "", "directed": "directed by ", "by": "by ", "acted": "with ", "without": "without "}
CANDIDATES = 60  # names looked at letter by letter
LONGEST = 100
ALIKE = 0.8  # of letters
SURNAME, SLIP = 0.9, 0.85  # quality of a match, of 1 for the very name

_ROLES = {
    "directed": r"directed by|director:?",
    "by": "by",
    "without": r"without|not(?: with| by)?",
    "acted": "with|starring",
}
_ROLE = re.compile(f"(?:{'|'.join(f'(?P<{role}>{words})' for role, words in _ROLES.items())})\\s+", re.IGNORECASE)


class KnownPerson(NamedTuple):
    """A person of the catalogue and how well the name fits, 0 to 1; `fame`: the ratings of all their movies."""

    name: str
    fame: int
    quality: float


def role_of(text: str) -> tuple[Role, str]:
    """The role that is asked for, and the name.

    >>> role_of("directed by Clint Eastwood"), role_of("Clint Eastwood")
    (('directed', 'Clint Eastwood'), ('any', 'Clint Eastwood'))
    """
    found = _ROLE.match(text.strip())
    if found is None:
        return "any", text.strip()
    roles: tuple[Role, ...] = ("directed", "by", "without", "acted")
    return next(role for role in roles if found[role]), text.strip()[found.end() :]


async def find_people(run: RunQuery, text: str, limit: int = 5) -> list[KnownPerson]:
    """The people whom a name could mean, most likely first, the better known first among equals."""
    wanted = plain(text[:LONGEST])
    rows: Sequence[Row] = await run(
        "SELECT name, plain, fame FROM people WHERE plain = ? ORDER BY number LIMIT ?", (wanted, limit)
    )
    found = [KnownPerson(name, fame, 1.0) for name, _, fame in rows]
    if not found:
        rows = await _searched(run, f'" {wanted}$"', "rowid")
        found = [KnownPerson(name, fame, SURNAME) for name, _, fame in rows]
    if not found and (parts := trigrams(wanted)):
        rows = await _searched(run, any_of(parts), "rank")
        near = [KnownPerson(name, fame, SLIP * _likeness(wanted, form)) for name, form, fame in rows]
        found = [person for person in near if person.quality >= SLIP * ALIKE]
    found.sort(key=lambda person: (-round(person.quality, 1), -person.fame, person.name))
    return found[:limit]


async def _searched(run: RunQuery, match: str, order: Literal["rowid", "rank"]) -> Sequence[Row]:
    sql = {
        "rowid": """
            SELECT name, plain, fame FROM people WHERE number IN (
                SELECT rowid FROM people_parts WHERE people_parts MATCH ? ORDER BY rowid LIMIT ?
            )
        """,
        "rank": """
            SELECT name, plain, fame FROM people WHERE number IN (
                SELECT rowid FROM people_parts WHERE people_parts MATCH ? ORDER BY rank LIMIT ?
            )
        """,
    }
    return await run(sql[order], (match, CANDIDATES))


def _likeness(wanted: str, form: str) -> float:
    """The likeness in letters of a name, or of as many of its last words, which must begin alike."""
    ending = " ".join(form.split()[-wanted.count(" ") - 1 :])
    endings = [form, ending] if ending[:1] == wanted[:1] else [form]
    return max(OSA.normalized_similarity(wanted, said) for said in endings)
