"""Parts of sentences: names, figures, conditions, lists. Every title and number in them is read from a result."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from guide.dialogue import Args
from movies.models import Because, Movie, MovieDetail, MovieList, MovieName

FEW_RATINGS = 5
MAX_NAME = 120
NUMBER_WORDS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


class Texts(BaseModel):
    """The fixed texts of `texts.toml`.

    Attributes:
        say: texts by kind, several to vary between; `{examples}` and others in braces are filled in.
        leads: the beginnings of lists, likewise.
        examples: requests to try, a line each.
        languages: the first sentence of an answer, by language of the message.
        genres: a genre's movies as a plural; `{plural}` is the catalogue's word for its items.
        topics: what one may ask about that the data lacks, in words.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    say: dict[str, list[str]]
    leads: dict[str, list[str]]
    examples: list[str]
    languages: dict[str, str]
    genres: dict[str, str]
    topics: dict[str, str]


@cache
def texts() -> Texts:
    """The fixed texts."""
    return Texts.model_validate(tomllib.loads(Path(__file__).with_name("texts.toml").read_text("utf-8")))


class Nouns(NamedTuple):
    """The items of the catalogue are called so."""

    one: str = "movie"
    many: str = "movies"


# Names and numbers


def clean(text: str, most: int = MAX_NAME) -> str:
    """Foreign text as it may be said: one line, no controls, no Markdown links, cut to a name's length."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.replace("](", "] (")[:most]


def named(movie: MovieName) -> str:
    """A movie's title with its year."""
    title = clean(movie.title)
    return f"{title} ({movie.year})" if movie.year else title


def marked(movie: MovieName) -> str:
    """The same as an answer's subject, its title in bold."""
    title = clean(movie.title)
    bold = title if "*" in title else f"**{title}**"
    return f"{bold} ({movie.year})" if movie.year else bold


def capital(text: str) -> str:
    """A text with a capital at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"


def sentence(text: str) -> str:
    """A text from elsewhere as a sentence: a tool's note or refusal."""
    line = clean(text, 300)
    return f"{capital(line)}{'' if line.endswith(('.', '!', '?')) else '.'}" if line else ""


def joined(parts: Iterable[str], word: str = "and") -> str:
    """Parts as English lists them: "a, b and c"."""
    listed = list(parts)
    return f"{', '.join(listed[:-1])} {word} {listed[-1]}" if len(listed) > 1 else "".join(listed)


def paragraphs(parts: Iterable[str]) -> str:
    """Non-empty parts, each once, a blank line between them."""
    return "\n\n".join(part for part in dict.fromkeys(parts) if part)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 rating", "1,204 ratings"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def number_word(count: int) -> str:
    """Small numbers as words."""
    return NUMBER_WORDS[count] if 0 <= count < len(NUMBER_WORDS) else f"{count:,}"


def stars(value: float) -> str:
    """Stars without needless decimals: "4 stars", "4.5 stars", "1 star"."""
    return f"{value:g} star" if value == 1 else f"{value:g} stars"


def average(mean: float | None, count: int) -> str:
    """A mean and on what it rests: "3.95 stars on average from 102 ratings"."""
    if mean is None or not count:
        return "no ratings"
    return (
        f"{mean:.2f} stars on average from {counted(count, 'rating')}" if count > 1 else f"{mean:.2f} stars, 1 rating"
    )


def rating_of(movie: Movie) -> str:
    """The mean and the count, in short."""
    if movie.rating_mean is None or not movie.rating_count:
        return "no ratings yet"
    return f"{movie.rating_mean:.2f} stars from {counted(movie.rating_count, 'rating')}"


def rating_words(movie: Movie) -> str:
    """A verdict on how a movie is liked, with the numbers.

    Example: "among the best liked: 4.16 stars on average from 329 ratings".
    """
    if movie.rating_mean is None or not movie.rating_count:
        return "not rated by anyone in my data"
    told = average(movie.rating_mean, movie.rating_count)
    if movie.rating_count < FEW_RATINGS:
        return f"rated by too few to say much: {told}"
    liked = movie.score if movie.score is not None else movie.rating_mean
    return f"{next(word for least, word in _VERDICTS if liked >= least)}: {told}"


_VERDICTS = (
    (4.0, "among the best liked"),
    (3.7, "very well liked"),
    (3.4, "well liked"),
    (3.0, "received with mixed feelings"),
    (2.5, "not much liked"),
    (0.0, "poorly liked"),
)


def genres_of(movie: Movie) -> str:
    """The genres in a row."""
    return ", ".join(clean(genre) for genre in movie.genres)


def tags_of(movie: Movie, most: int = 5) -> list[str]:
    """The most telling tags of a movie."""
    top = [found.tag for found in movie.top_tags] if isinstance(movie, MovieDetail) else []
    return [clean(tag) for tag in dict.fromkeys([*movie.tags, *top])][:most]


def links(movie: Movie) -> str:
    """The links that the data has."""
    found = [f"{name}: {url}" for name, url in (("IMDb", movie.imdb_url), ("TMDB", movie.tmdb_url)) if url]
    return " \u00b7 ".join(found)


def spread(histogram: Mapping[str, int]) -> str:
    """How many gave how many stars, most stars first: "5 stars: 20, 4.5 stars: 17"."""
    given = sorted(((float(value), count) for value, count in histogram.items() if count), reverse=True)
    return ", ".join(f"{stars(value)}: {count:,}" for value, count in given)


# Conditions


def kind(args: Args, nouns: Nouns) -> str:
    """A call's conditions as a noun phrase: "comedies from the 1980s without horror"."""
    genres, out = strings(args.get("genres")), strings(args.get("exclude_genres"))
    without = [*(genre.lower() for genre in out), *strings(args.get("exclude_tags")), *strings(args.get("exclude"))]
    parts = [
        _noun(genres, nouns),
        f"tagged {joined(strings(args.get('tags')))}" if args.get("tags") else "",
        _period(args.get("year_from"), args.get("year_to")),
        _bounds(args),
        f"without {joined(without, 'or')}" if without else "",
    ]
    return " ".join(part for part in parts if part)


def strings(value: object) -> list[str]:
    """The texts of a list of arguments, as they may be said."""
    return [clean(each) for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _noun(genres: Sequence[str], nouns: Nouns) -> str:
    """As in "comedies", "romantic comedies", "action and crime movies"."""
    if not genres:
        return nouns.many
    plurals = texts().genres
    both = " ".join(sorted(genres))
    default = f"{joined(genre if genre in ('Sci-Fi', 'IMAX') else genre.lower() for genre in genres)} {{plural}}"
    return plurals.get(both, default).format(plural=nouns.many)


def _period(first: object, last: object) -> str:
    """A range of years: "from the 1980s", "from 1999", "from before 1970"."""
    if not isinstance(first, int):
        return f"from before {last + 1}" if isinstance(last, int) else ""
    if not isinstance(last, int):
        return f"from {first} on"
    if first == last:
        return f"from {first}"
    return f"from the {first}s" if first % 10 == 0 and last == first + 9 else f"from {first} to {last}"


def _bounds(args: Args) -> str:
    least, most, low, high = (args.get(name) for name in ("min_ratings", "max_ratings", "min_mean", "max_mean"))
    parts = [
        f"at least {least:,} ratings" if isinstance(least, int) and least else "",
        f"at most {most:,} ratings" if isinstance(most, int) else "",
        f"a mean of at least {low:g} stars" if isinstance(low, int | float) else "",
        f"a mean of at most {high:g} stars" if isinstance(high, int | float) else "",
    ]
    said = joined(part for part in parts if part)
    return f"with {said}" if said else ""


# Lists


def listing(found: MovieList, because: str, against: Sequence[int] = ()) -> str:
    """The movies of a list, numbered, each with the reasons that the result has for it.

    Args:
        found: The list.
        because: The beginning of a reason, before its titles: "because you liked".
        against: Ids of movies that the person dislikes, which are no reason.
    """
    told = zip(found.movies, _reasons(found, because, against), strict=True)
    return "\n".join(item(place, movie, reason) for place, (movie, reason) in enumerate(told, 1))


def item(place: int, movie: Movie, reason: str = "") -> str:
    """One line of a numbered list."""
    parts = [rating_of(movie), genres_of(movie), reason]
    return f"{place}. {marked(movie)}: {'; '.join(part for part in parts if part)}."


def _reasons(found: MovieList, because: str, against: Sequence[int]) -> list[str]:
    """The reason for each movie: the person's own movies that spoke for it, else its telling tags.

    One that would be the same for every movie says nothing, so then the tags do.
    """
    causes = [_titles([each for each in movie.because if each.movie_id not in against]) for movie in found.movies]
    if len({tuple(sorted(titles)) for titles in causes}) == 1:
        causes = [[] for _ in found.movies]
    return [
        f"{because} {joined(titles)}" if titles else _tagged(movie)
        for titles, movie in zip(causes, found.movies, strict=True)
    ]


def _tagged(movie: Movie) -> str:
    return f"tagged {', '.join(tags_of(movie, 3))}" if movie.tags else ""


def _titles(because: Sequence[Because]) -> list[str]:
    best = sorted((each for each in because if each.share > 0), key=lambda each: -each.share)
    return list(dict.fromkeys(clean(each.title) for each in best))[:2]
