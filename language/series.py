"""Series by the words for their parts: "Godfather 1 or 2", "all the Rockys"."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from movies.linking import Linker
from movies.links import Candidate, Link

_FIRST = re.compile(r"\s+(?:part )?(\d)\b")
_LARGE = re.compile(r"\s+(\d{2,4})\b")
_NEXT = re.compile(r"\s*(?:,? and|,? or|,|&|vs\.?|versus|with)\s+(?:part )?(\d)\b(?!\s*(?:stars?\b|/|\.\d|out of))")
_RATES = re.compile(r"\b(?:rate|rated|give|gave|giving|score)\b", re.IGNORECASE)
_STARS = re.compile(r"\s*(?:stars?\b|/|\.\d|out of|[★⭐])")
_OWN_PART = re.compile(r"\s(?:part )?(\d)$")
_APART = re.compile(r" (?!II)[A-Z][a-z]{2,}$")
_PLURAL = re.compile(r"\b(?:[Aa]ll|[Bb]oth|[Tt]he|[Ee]very|seen|no|any)\s(?:\w+ )??((?:[A-Z]\w+ ){0,3}[A-Z]\w+s)\b")


_REFUSED = re.compile(r"\b(?:no|without|nothing with|nothing from|any|not) ((?:[a-z]+ )?[a-z]{4,}s)\b")


def series_links(text: str, links: Sequence[Link], linker: Linker) -> list[Link]:
    """Links with one for each of several numbered parts, and for series in the plural."""
    found = [part for link in links if link.kind in ("movie", "series") for part in _numbered(text, link, linker)]
    found += _plurals(text, [*links, *found], linker)
    kept = [link for link in links if not any(link.start < new.end and link.end > new.start for new in found)]
    return sorted([*kept, *found], key=lambda link: link.start)


def _numbered(text: str, link: Link, linker: Linker) -> list[Link]:
    """As in "Toy Story 1, 2 and 3": a link for each part, where the series has them all."""
    own = _OWN_PART.search(link.text)
    if link.kind == "movie" and not own and (large := _LARGE.match(text, link.end)):  # "blade runer 2049"
        longer = _whole(f"{link.candidates[0].title} {large[1]}", linker)
        return [replace(each, start=link.start, end=large.end()) for each in longer if each.kind == "movie"]
    begun = own or _FIRST.match(text, link.end)
    if begun is None:
        return []
    end = link.end if own else begun.end()
    spans = [(begun[1], link.start, end)]
    while following := _NEXT.match(text, end):
        end = following.end()
        spans.append((following[1], following.start(1), end))
    name = link.text[: own.start()] if own else link.text
    if len(spans) < 2 and not _is_part(text, link, end):
        return []
    parts = [(part_of(name, int(number), linker), start, end) for number, start, end in spans]
    return [
        Link(start, end, text[start:end], "movie", 1.0, (part._replace(odds=1.0),), (part.movie_id,))
        for part, start, end in parts
        if part and all(other for other, _, _ in parts)
    ]


def _is_part(text: str, link: Link, end: int) -> bool:
    """True of the number behind a series of which no movie is called so, where it is no rating: "Harry Potter 3"."""
    rates = _RATES.search(text, 0, link.start) and not _FIRST.match(text, end)
    return (
        link.kind == "series"
        and not (rates or link.text[-1].isdigit() or _STARS.match(text, end))
        and not any(other.kind == "movie" for other in link.also)
    )


def part_of(name: str, number: int, linker: Linker) -> Candidate | None:
    """A part of a series by its number: as its title tells, else by year."""
    if number > 1 and (told := [link for link in _whole(f"{name} {number}", linker) if link.kind == "movie"]):
        return told[0].candidates[0]
    parts = members(name, linker)
    return parts[number - 1] if 1 <= number <= len(parts) else None


def members(name: str, linker: Linker) -> list[Candidate]:
    """The movies of a series, the oldest first, but for those that only begin alike: "Alien Nation"."""
    series = [one for link in _whole(name, linker) for one in (link, *link.also) if one.kind == "series"]
    movies = linker.movies(series[0].movie_ids) if series else []
    if not series:
        return linker.beginning(name)
    rest = {each.movie_id: each.title.removeprefix("The ")[len(name.removeprefix("The ")) :] for each in movies}
    return [each for each in movies if not _APART.fullmatch(rest[each.movie_id])]


def _plurals(text: str, links: Sequence[Link], linker: Linker) -> Iterator[Link]:
    for plural in (*_PLURAL.finditer(text), *_REFUSED.finditer(text)):
        start, end = plural.span(1)
        if any(
            link.start < end and link.end > start and not _is_plural(link)
            for link in links
            if link.movie_ids or plural[1].islower()
        ):
            continue
        singular = (link for cut in (1, 2) for link in _whole(plural[1][:-cut], linker))
        series = (one for link in singular for one in (link, *link.also) if one.kind == "series")
        yield from (replace(one, start=start, end=end, text=plural[1]) for one in list(series)[:1])


def _is_plural(link: Link) -> bool:
    """True for a title that only misses the s: "Back to the Futures"."""
    return link.kind == "movie" and link.text.endswith("s") and not link.candidates[0].title.endswith("s")


def _whole(name: str, linker: Linker) -> list[Link]:
    """The link of all of a name."""
    return [link for link in linker.link(name) if link.end - link.start == len(name) and link.movie_ids][:1]
