"""Genres, tags and series as people name them, brought to the names that the catalogue has."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import TypeVar

from errors import NoFacts, Unknown
from movies.links import Link
from movies.models import Count, Filters
from movies.people import SAID, SLIP, role_of
from movies.reader import genre_form
from movies.titles import plain, split_bare_year, split_year, title_words
from tools.context import Context

TAGS_SEARCHED = 200
CALLED_SO = 0.82 * SLIP  # quality of a match from which a person is meant
NO_FACTS = (
    "The catalogue has no running times, directors or casts yet. "
    "`python movielens.py enrich download` adds them from IMDb's non-commercial files."
)
SURE = 0.5  # confidence of the linker from which a name is that of a series

_KIND = re.compile(r"\b(?:movies?|films?|series|franchise|saga|trilogy|part of|any|all|anything|from)\b", re.IGNORECASE)

AnyFilters = TypeVar("AnyFilters", bound=Filters)


async def spelled(ctx: Context, filters: AnyFilters) -> AnyFilters:
    """The filters with names as the catalogue has them: `scifi` is `Sci-Fi`, a genre may be given as a tag.

    Raises:
        Unknown: There is no such genre, tag or person, and which ones are near.
        NoFacts: The catalogue has neither running times nor people.
    """
    if filters.people or filters.runtime_from is not None or filters.runtime_to is not None:
        if ctx.snapshot.info.facts is None:
            raise NoFacts(NO_FACTS)
        people = [await person_called(ctx, given) for given in filters.people]
        filters = filters.model_copy(update={"people": list(dict.fromkeys(people))})
    if not (filters.genres or filters.exclude_genres or filters.tags or filters.exclude_tags):
        return filters
    spelling = _Spelling(ctx, await ctx.snapshot.catalogue.genres())
    genres, tags = await spelling.read(filters.genres, filters.tags)
    no_genres, no_tags = await spelling.read(filters.exclude_genres, filters.exclude_tags, narrow=True)
    return filters.model_copy(
        update={"genres": genres, "tags": tags, "exclude_genres": no_genres, "exclude_tags": no_tags}
    )


async def series(ctx: Context, name: str) -> list[int]:
    """The ids of all movies of a series, by its name or that of its first movie; none of a title with a year."""
    bare = " ".join(_KIND.sub(" ", name).split()) or name
    if split_year(bare)[1] or split_bare_year(bare)[1]:
        return []
    found = await ctx.snapshot.catalogue.sequels(title_words(bare))
    for link in (await ctx.snapshot.linker()).link(bare):
        whole = link.start == 0 and link.end == len(bare) and link.confidence >= SURE
        for reading in (link, *link.also):
            if whole and reading.kind == "series":
                found += reading.movie_ids
    return list(dict.fromkeys(found))


class _Spelling:
    """Reads the names of genres and tags against those of one catalogue."""

    def __init__(self, ctx: Context, genres: list[Count]) -> None:
        self._ctx, self._counts = ctx, {count.name: count.movies for count in genres}
        self._genres = {genre_form(count.name): count.name for count in genres}

    async def read(self, genres: list[str], tags: list[str], *, narrow: bool = False) -> tuple[list[str], list[str]]:
        """Genres and tags; where one name means several genres, of these the rarest alone if `narrow`."""
        read: dict[str, list[str]] = {"genre": [], "tag": []}
        for given in genres:
            kind, names = await self._genre(given)
            rarest = [min(names, key=lambda name: self._counts.get(name, 0))]
            read[kind] += rarest if narrow else names
        for given in tags:
            kind, names = await self._tag(given)
            read[kind] += names
        return list(dict.fromkeys(read["genre"])), list(dict.fromkeys(read["tag"]))

    async def _genre(self, given: str) -> tuple[str, list[str]]:
        """A genre, or several in one name before a tag of that name, before what only a part of it says."""
        if name := self._genres.get(genre_form(given)):
            return "genre", [name]
        links = [link for link in (await self._ctx.snapshot.linker()).link(given) if link.kind == "genre"]
        names = [name for link in links for name in link.name.split("|") if name in self._counts]
        rest = _KIND.sub("", _without(given, links))
        if names and not plain(rest):
            return "genre", names
        if tag := await _known_tag(self._ctx, given):
            return "tag", [tag]
        if names:
            return "genre", names
        raise Unknown(f"There is no genre {given!r}. There are: {', '.join(self._counts)}.")

    async def _tag(self, given: str) -> tuple[str, list[str]]:
        try:
            return "tag", [await tag_called(self._ctx, given)]
        except Unknown:
            if name := self._genres.get(genre_form(given)):
                return "genre", [name]
            raise


async def tag_called(ctx: Context, given: str) -> str:
    """The tag that a name means.

    Raises:
        Unknown: No movie has it, and which ones are near.
    """
    if tag := await _known_tag(ctx, given):
        return tag
    found = [count.name for count in await ctx.snapshot.catalogue.tags(given, limit=TAGS_SEARCHED)]
    near = list(dict.fromkeys([*found[:3], *await ctx.snapshot.catalogue.near_tags(given)]))
    for tag in near:
        if _joined(tag) == _joined(given):
            return tag
    raise Unknown(f"No movie has the tag {given!r}." + (f" Near it: {', '.join(near)}." if near else ""))


async def person_called(ctx: Context, given: str) -> str:
    """The person whom a name means, with the role as it is written: `by kurosawa` is `directed by Akira Kurosawa`.

    Raises:
        Unknown: Nobody is called so, and who is called nearly so.
    """
    role, name = role_of(given)
    found = await ctx.snapshot.catalogue.find_people(name)
    if found and found[0].quality >= CALLED_SO:
        return f"{SAID[role]}{found[0].name}"
    near = f" Near it: {', '.join(person.name for person in found)}." if found else ""
    raise Unknown(f"Nobody called {name!r} directed or plays in a movie of the catalogue.{near}")


def _joined(name: str) -> str:
    """`time travel` and `timetravel` alike."""
    return plain(name).replace(" ", "")


async def _known_tag(ctx: Context, given: str) -> str | None:
    """The tag of that name, in the singular or in the plural."""
    form = plain(given)
    for other in (form, form.removesuffix("s"), f"{form}s"):
        if found := await ctx.snapshot.catalogue.tag(other):
            return found
    return None


def _without(text: str, links: Iterable[Link]) -> str:
    """The rest of a text."""
    for link in links:
        text = text.replace(link.text, " ")
    return text
