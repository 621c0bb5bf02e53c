"""Parts of sentences: names, figures, conditions, lists. Every title and number in them is read from a result."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from files import read_toml
from guide.dialogue import Args
from movies.models import Because, Movie, MovieDetail, MovieList, MovieName
from movies.people import role_of

FEW_RATINGS = 5
MAX_NAME = 120


class Texts(BaseModel):
    """The fixed texts of `texts.toml`; several in a list are varied from turn to turn."""

    model_config = ConfigDict(extra="forbid", frozen=True)
    say: dict[str, list[str]]
    facts: dict[str, str]
    languages: dict[str, str]
    genres: dict[str, str]
    topics: dict[str, str]
    orders: dict[str, str]
    dropped: dict[str, str]
    groups: dict[str, str]
    verdicts: dict[float, str]
    bounds: dict[str, str]


@cache
def texts() -> Texts:
    """The fixed texts."""
    return Texts.model_validate(read_toml(Path(__file__).with_name("texts.toml")))


# Names and numbers


def clean(text: str, most: int = MAX_NAME) -> str:
    """Foreign text as it may be said: one line, no controls, no Markdown links, cut to a name's length."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.replace("](", "] (")[:most]


def named(movie: MovieName, mark: str = "") -> str:
    """A movie's title with its year; `mark` is set around the title."""
    title = clean(movie.title)
    mark = "" if "*" in title else mark
    return f"{mark}{title}{mark} ({movie.year})" if movie.year else f"{mark}{title}{mark}"


def marked(movie: MovieName) -> str:
    """The same as an answer's subject, its title in bold."""
    return named(movie, "**")


def capital(text: str) -> str:
    """A text with a capital at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"


def sentence(text: str) -> str:
    """A text from elsewhere as a sentence: a tool's note or refusal."""
    line = clean(text, 300)
    return f"{capital(line)}{'' if line.endswith(('.', '!', '?')) else '.'}" if line else ""


def tidy(text: str) -> str:
    """A text whose gaps, left by what was empty, are closed."""
    return "\n".join(" ".join(line.split()) for line in text.strip().splitlines())


def spaced(parts: Iterable[str], by: str = " ") -> str:
    """Non-empty parts, one after another."""
    return by.join(part for part in parts if part)


def paragraphs(parts: Iterable[str]) -> str:
    """Non-empty parts, each once, a blank line between them."""
    return spaced(dict.fromkeys(parts), "\n\n")


def joined(parts: Iterable[str], word: str = "and") -> str:
    """Non-empty parts as English lists them: "a, b and c"."""
    listed = [part for part in parts if part]
    return f"{', '.join(listed[:-1])} {word} {listed[-1]}" if len(listed) > 1 else "".join(listed)


def counted(count: int, noun: str = "rating", plural: str = "") -> str:
    """A count with its noun: "1 rating", "1,204 ratings"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def stars(value: float) -> str:
    """Stars without needless decimals: "4 stars", "4.5 stars", "1 star"."""
    return f"{value:g} star" if value == 1 else f"{value:g} stars"


def average(mean: float | None, count: int) -> str:
    """A mean and on what it rests: "3.95 stars on average from 102 ratings"."""
    return "no ratings" if mean is None or not count else f"{mean:.2f} stars on average from {counted(count)}"


def verdict(movie: Movie) -> str:
    """A verdict with its figures, as in "among the best liked: 4.16 stars on average from 329 ratings"."""
    told = average(movie.rating_mean, movie.rating_count)
    if movie.rating_mean is None or movie.rating_count < FEW_RATINGS:
        return f"rated by too few to say much: {told}" if movie.rating_count else "not rated by anyone in my data"
    liked = movie.rating_mean if movie.score is None else movie.score
    return f"{next(word for least, word in texts().verdicts.items() if liked >= least)}: {told}"


def tags_of(movie: Movie, most: int = 5) -> list[str]:
    """The most telling tags of a movie, in small letters, so that none is taken for a title."""
    top = [found.tag for found in movie.top_tags] if isinstance(movie, MovieDetail) else []
    return list(dict.fromkeys(clean(tag).lower() for tag in (*movie.tags, *top)))[:most]


def spread(histogram: Mapping[str, int]) -> str:
    """The stars and how many gave them, most stars first: "5: 20, 4.5: 17"."""
    given = sorted(((float(value), count) for value, count in histogram.items() if count), reverse=True)
    return ", ".join(f"{value:g}: {count:,}" for value, count in given)


def facts_of(movie: Movie) -> dict[str, str]:
    """All that is known of a movie, as the texts about one have it in braces."""
    links = (("IMDb", movie.imdb_url), ("TMDB", movie.tmdb_url))
    tags, imdb = tags_of(movie, 10), "".join(filter(str.isdigit, movie.imdb_url or ""))
    return {
        "title": marked(movie),
        "year": str(movie.year or "a year that my data does not have"),
        "genres": ", ".join(map(clean, movie.genres)) or "no genre",
        "tags": joined(tags) or "nothing so far",
        "tagged": f"People tag it {joined(tags[:5])}." if tags else "",
        "links": " \u00b7 ".join(f"{name}: {url}" for name, url in links if url),
        "imdb": f"IMDb number {imdb} (tt{imdb})." if imdb else "",
        "average": average(movie.rating_mean, movie.rating_count),
        "verdict": verdict(movie),
        "spread": spread(movie.histogram) if isinstance(movie, MovieDetail) else "",
        "about": sentence(movie.description or "") if isinstance(movie, MovieDetail) else "",
    }


# Conditions


def kind(args: Args, plural: str) -> str:
    """A call's conditions as a noun phrase: "comedies from the 1980s without horror"."""
    out = (name.lower() for name in strings(args, "exclude_genres"))
    without = joined([*out, *strings(args, "exclude_tags"), *strings(args, "exclude")], "or")
    tags = joined(strings(args, "tags"))
    return spaced(
        [
            _noun(strings(args, "genres"), plural),
            f"tagged {tags}" if tags else "",
            _period(args.get("year_from"), args.get("year_to")),
            _bounds(args),
            runtime(args),
            joined(map(role, strings(args, "people"))),
            f"without {without}" if without else "",
        ]
    )


def strings(args: Args, name: str) -> list[str]:
    """The texts of a list among the arguments, as they may be said."""
    value = args.get(name)
    return [clean(each) for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _noun(genres: Sequence[str], plural: str) -> str:
    """As in "comedies", "romantic comedies", "action and crime movies"."""
    known = texts().genres.get(" ".join(sorted(genres)))
    if known or not genres:
        return (known or "{plural}").format(plural=plural)
    return f"{joined(genre if genre in ('Sci-Fi', 'IMAX') else genre.lower() for genre in genres)} {plural}"


def _period(first: object, last: object) -> str:
    """A range of years: "from the 1980s", "from 1999", "from before 1970"."""
    if not isinstance(first, int):
        return f"from before {last + 1}" if isinstance(last, int) else ""
    if not isinstance(last, int):
        return f"from {first} on"
    decade = first % 10 == 0 and last == first + 9
    return f"from the {first}s" if decade else f"from {first}" if first == last else f"from {first} to {last}"


def _bounds(args: Args) -> str:
    said = joined(text.format(args[name]) for name, text in texts().bounds.items() if args.get(name))
    return f"with {said}" if said else ""


def runtime(args: Args) -> str:
    """The bounds of running times: "of at most 120 minutes"."""
    least, most = args.get("runtime_from"), args.get("runtime_to")
    if least and most:
        return f"of {least} to {most} minutes"
    if least or most:
        return f"of at {'least' if least else 'most'} {least or most} minutes"
    return ""


def role(person: str) -> str:
    """A person among the conditions: "directed by Clint Eastwood"; without a role "by or with Clint Eastwood"."""
    return person if role_of(person)[0] != "any" else f"by or with {person}"


# Lists


def item(place: int, movie: MovieName, reason: str = "") -> str:
    """One line of a numbered list."""
    if not isinstance(movie, Movie):
        return f"{place}. {marked(movie)}"
    rated = average(movie.rating_mean, movie.rating_count).replace(" on average", "")
    return f"{place}. {marked(movie)}: {spaced([rated, ', '.join(map(clean, movie.genres)), reason], '; ')}."


def numbered(movies: Iterable[MovieName]) -> str:
    """Movies as a numbered list."""
    return "\n".join(item(place, movie) for place, movie in enumerate(movies, 1))


def listing(found: MovieList, because: str, against: Sequence[object] = ()) -> str:
    """A list made for someone: each movie with the own ones that spoke for it, else with its telling tags.

    Args:
        found: The list.
        because: The beginning of a reason, before its titles: "because you liked".
        against: Ids of movies that the person dislikes, which are no reason.
    """
    causes = [_titles(each for each in movie.causes if each.movie_id not in against) for movie in found.movies]
    if len({tuple(sorted(titles)) for titles in causes}) == 1:  # the same reason everywhere says nothing
        causes = [[] for _ in found.movies]
    lines = []
    for place, (titles, movie) in enumerate(zip(causes, found.movies, strict=True), 1):
        tagged = f"tagged {', '.join(tags_of(movie, 3))}" if movie.tags else ""
        lines.append(item(place, movie, f"{because} {joined(titles)}" if titles else tagged))
    return "\n".join(lines)


def _titles(because: Iterable[Because]) -> list[str]:
    best = sorted((each for each in because if each.share > 0), key=lambda each: -each.share)
    return list(dict.fromkeys(clean(each.title) for each in best))[:2]
