"""Tool results into sentences. Every title and number said here is read from a result; nothing else is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from movie_schemas import (
    Affinity,
    Because,
    Comparison,
    Explanation,
    ListedMovie,
    Movie,
    MovieDetail,
    MovieList,
    MovieName,
    MovieStats,
    Prediction,
    Questions,
    Rated,
    RatingList,
    Resolved,
    TasteProfile,
    WindowStats,
)
from recall import Args, plain_title
from vocabulary import GENRE_PLURALS, WORDS_FOR_NUMBERS

MAX_NAME = 120
_WINDOW_DAYS = {"7d": "the last week", "30d": "the last 30 days", "365d": "the last year", "all": "all time"}


def clean(text: str) -> str:
    """Foreign text as it may be said: one line, no controls, no Markdown links, cut to a name's length."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.replace("](", "] (")[:MAX_NAME]


def named(movie: MovieName) -> str:
    """A movie's title with its year."""
    title = clean(movie.title)
    return f"{title} ({movie.year})" if movie.year else title


def joined(parts: Iterable[str], word: str = "and") -> str:
    """Parts as English lists them: "a, b and c"."""
    listed = list(parts)
    return f"{', '.join(listed[:-1])} {word} {listed[-1]}" if len(listed) > 1 else "".join(listed)


def counted(count: int, noun: str, plural: str = "") -> str:
    """A count with its noun: "1 rating", "1,204 ratings"."""
    return f"{count:,} {noun if count == 1 else plural or noun + 's'}"


def number_word(count: int) -> str:
    """Small numbers as words."""
    return WORDS_FOR_NUMBERS[count] if 0 <= count < len(WORDS_FOR_NUMBERS) else f"{count:,}"


def stars(value: float) -> str:
    """Stars without needless decimals: "4 stars", "4.5 stars", "1 star"."""
    return f"{value:g} star" if value == 1 else f"{value:g} stars"


def rating_of(movie: Movie) -> str:
    """The mean and on how many ratings it rests."""
    if movie.rating_mean is None or not movie.rating_count:
        return "no ratings yet"
    return f"\u2605 {movie.rating_mean:.1f} ({counted(movie.rating_count, 'rating')})"


def genres_of(movie: Movie) -> str:
    """The genres in a row."""
    return ", ".join(clean(genre) for genre in movie.genres)


def item(place: int, movie: Movie, reason: str = "") -> str:
    """One line of a numbered list."""
    parts = [named(movie), genres_of(movie), rating_of(movie)]
    return f"{place}. " + " \u2013 ".join(part for part in parts if part) + (f". {reason}" if reason else "")


def numbered(movies: Sequence[Movie], reasons: Sequence[str] = ()) -> str:
    """A numbered list of movies, with a reason for each where there is one."""
    given = [*reasons, *[""] * len(movies)]
    return "\n".join(item(place, movie, given[place - 1]) for place, movie in enumerate(movies, 1))


# Lists


def listing(heading: str, result: MovieList, owner: str = "you", after: str = "") -> str:
    """A list made for someone: heading, movies with reasons, what a careful answer mentions, and a way on."""
    reasons = [reason(movie, result, owner) for movie in result.movies]
    parts = [f"{heading}\n\n{numbered(result.movies, reasons)}", remarks(result.resolved, result.notes), after]
    return paragraphs(parts)


def paragraphs(parts: Iterable[str]) -> str:
    """Non-empty parts, a blank line between them."""
    return "\n\n".join(part for part in parts if part)


def remarks(resolved: Sequence[Resolved], notes: Sequence[str] = ()) -> str:
    """What a careful answer adds: how titles were understood, and the tools' own notes."""
    seen: dict[int, str] = {}
    for found in resolved:
        seen.setdefault(found.movie.movie_id, _understood(found))
    said = [*seen.values(), *(_sentence(clean_note(note)) for note in notes)]
    return " ".join(part for part in dict.fromkeys(said) if part)


def _understood(found: Resolved) -> str:
    """Which movie was taken for a title, if that is not plain to see."""
    given = clean(found.given)
    same = plain_title(re.sub(r"\(\d{4}\)", "", given)) == plain_title(found.movie.title)
    rivals = [other for other in found.others if plain_title(other.title) == plain_title(found.movie.title)]
    if rivals:
        return f"I took \u201c{given}\u201d as {named(found.movie)}; there is also {joined(map(named, rivals[:3]))}."
    if not same and not given.isdecimal():
        others = f" (or did you mean {joined(map(named, found.others[:2]), 'or')}?)" if found.others else ""
        return f"I took \u201c{given}\u201d as {named(found.movie)}{others}."
    return ""


def clean_note(note: str) -> str:
    """A tool's note, at its full length."""
    return " ".join(note.split())[:300].replace("](", "] (")


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def reason(movie: ListedMovie, result: MovieList, owner: str) -> str:
    """Why a movie is in a list: the person's own movies that spoke for it, else its telling tags."""
    seeds = {found.movie.movie_id for found in result.resolved}
    because = _because(movie.because)
    if because and not (len(seeds) == 1 and all(each.movie_id in seeds for each in movie.because)):
        return f"Because {owner} liked {joined(because)}."
    return f"Tagged {', '.join(clean(tag) for tag in movie.tags[:3])}." if movie.tags else ""


def _because(because: Sequence[Because], most: int = 2) -> list[str]:
    best = sorted((each for each in because if each.share > 0), key=lambda each: -each.share)
    return [clean(each.title) for each in best[:most]]


def kind_of_films(args: Args) -> str:
    """What a call's filters ask for, as a noun phrase: "comedies from the 1980s without horror"."""
    genres, out = _strings(args.get("genres")), _strings(args.get("exclude_genres"))
    parts = [_noun(genres), period(args.get("year_from"), args.get("year_to"))]
    parts += [f"without {joined(genre.lower() for genre in out)}"] if out else []
    parts += [f"tagged {joined(_strings(args.get('tags')))}"] if args.get("tags") else []
    return " ".join(part for part in parts if part)


def _strings(value: object) -> list[str]:
    return [clean(each) for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _noun(genres: list[str]) -> str:
    if len(genres) == 1:
        return GENRE_PLURALS.get(genres[0], f"{genres[0]} films")
    if "Comedy" in genres and len(genres) == 2:
        other = next(genre for genre in genres if genre != "Comedy")
        return {"Romance": "romantic comedies"}.get(other, f"{other.lower() if other != 'Sci-Fi' else other} comedies")
    return f"{joined(genre.lower() if genre != 'Sci-Fi' else genre for genre in genres)} films" if genres else "films"


def period(first: object, last: object) -> str:
    """A range of years: "from the 1980s", "from 1999", "from before 1970"."""
    if not isinstance(first, int):
        return f"from before {last + 1}" if isinstance(last, int) else ""
    if not isinstance(last, int):
        return f"from {first} on"
    if first == last:
        return f"from {first}"
    return f"from the {first}s" if first % 10 == 0 and last == first + 9 else f"from {first} to {last}"


# One movie


def rating_words(movie: Movie) -> str:
    """How a movie is liked, with the numbers.

    Example: "liked very well: 4.1 stars on average from 102 ratings".
    """
    if movie.rating_mean is None or not movie.rating_count:
        return "not rated by anyone in my data"
    judged = movie.score if movie.score is not None else movie.rating_mean
    word = next(word for least, word in _VERDICTS if judged >= least)
    if movie.rating_count < FEW_RATINGS:
        word = "rated by very few people, so take it with a grain of salt"
    return f"{word}: {movie.rating_mean:.2f} stars on average from {counted(movie.rating_count, 'rating')}"


FEW_RATINGS = 5
_VERDICTS = (
    (4.0, "among the best liked"),
    (3.7, "very well liked"),
    (3.4, "well liked"),
    (3.0, "received with mixed feelings"),
    (2.5, "not much liked"),
    (0.0, "poorly liked"),
)


def spread(histogram: dict[str, int]) -> str:
    """Which rating is most frequent, and how many gave four stars or more."""
    total = sum(histogram.values())
    if total < FEW_RATINGS:
        return ""
    high = sum(count for value, count in histogram.items() if float(value) >= 4)
    top = max(histogram, key=lambda value: histogram[value])
    return (
        f"{round(100 * high / total)} % of them gave 4 stars or more; the most frequent rating is {stars(float(top))}."
    )


def details(movie: MovieDetail) -> str:
    """All that the data tells of a movie, in a few lines."""
    kind = (
        f"{_article(movie.genres[0])} {'/'.join(clean(genre) for genre in movie.genres)} film"
        if movie.genres
        else "a film without a genre in my data"
    )
    year = f" from {movie.year}" if movie.year else ""
    lines = [f"{clean(movie.title)} is {kind}{year}, {rating_words(movie)}.", spread(movie.histogram)]
    if tags := tags_of(movie):
        lines.append(f"People tag it {joined(tags)}.")
    if movie.description:
        lines.append(clean_note(movie.description))
    return " ".join(line for line in lines if line) + links(movie)


def links(movie: Movie) -> str:
    """The links that the data has, on a line of their own."""
    found = [f"{name}: {url}" for name, url in (("IMDb", movie.imdb_url), ("TMDB", movie.tmdb_url)) if url]
    return "\n" + " \u00b7 ".join(found) if found else ""


def tags_of(movie: Movie, most: int = 5) -> list[str]:
    """The most telling tags of a movie."""
    top = [found.tag for found in movie.top_tags] if isinstance(movie, MovieDetail) else []
    return [clean(tag) for tag in dict.fromkeys([*movie.tags, *top])][:most]


def _article(word: str) -> str:
    return "an" if word[:1].upper() in "AEIO" else "a"


def comparison(result: Comparison) -> str:
    """Movies side by side, and which is liked better by how much."""
    lines = [
        f"- {named(movie)} \u2013 {genres_of(movie) or 'no genres'}; {rating_words(movie)}." for movie in result.movies
    ]
    rated = sorted(
        (movie for movie in result.movies if movie.rating_mean is not None), key=lambda movie: -_score(movie)
    )
    return paragraphs(["\n".join(lines), " ".join(part for part in (_winner(rated), _common(result)) if part)])


def _score(movie: Movie) -> float:
    return movie.score if movie.score is not None else movie.rating_mean or 0


def _winner(ranked: Sequence[Movie]) -> str:
    if len(ranked) < 2:
        return ""
    ahead = _score(ranked[0]) - _score(ranked[1])
    if ahead < CLOSE_CALL:
        return f"By the ratings it is a tie between {clean(ranked[0].title)} and {clean(ranked[1].title)}."
    degree = "clearly" if ahead >= CLEAR_LEAD else "a little"
    return f"By the ratings, {clean(ranked[0].title)} is {degree} better liked."


CLOSE_CALL, CLEAR_LEAD = 0.05, 0.4


def _common(result: Comparison) -> str:
    shared = [*map(str.lower, result.genres_in_common[:3]), *result.tags_in_common[:3]]
    both = "Both" if len(result.movies) == 2 else "All of them"
    common = f"{both} have {joined(clean(each) for each in dict.fromkeys(shared))} in common." if shared else ""
    likeness = result.taste_likeness
    if likeness is None or len(result.movies) != 2:
        return common
    crowd = (
        "largely the same people"
        if likeness >= 0.4
        else "partly the same people"
        if likeness >= 0.15
        else "rather different people"
    )
    return f"{common} They are liked by {crowd}.".strip()


def statistics(result: MovieStats) -> str:
    """How a movie was rated over time."""
    known = [window for window in result.windows if window.count]
    if not known:
        return f"{named(result.movie)} has no ratings in my data."
    newest = max((window.until for window in known if window.until), default=None)
    until = f" My ratings end on {newest:%d %B %Y}, so that is where \u201clately\u201d ends, too." if newest else ""
    return f"{named(result.movie)}: {joined(map(_window, result.windows), 'and')}.{until}{_trend(result.windows)}"


def _window(window: WindowStats) -> str:
    name = _WINDOW_DAYS.get(window.window, f"the last {window.window.removesuffix('d')} days")
    if not window.count or window.mean is None:
        return f"no ratings in {name}"
    return f"{window.mean:.2f} stars from {counted(window.count, 'rating')} in {name}"


def _trend(windows: Sequence[WindowStats]) -> str:
    overall = next((window for window in windows if window.window == "all" and window.mean), None)
    recent = next(
        (window for window in windows if window.window != "all" and window.count >= FEW_RATINGS and window.mean), None
    )
    if not overall or not recent or overall.mean is None or recent.mean is None:
        return ""
    change = recent.mean - overall.mean
    return (
        " It has held steady."
        if abs(change) < 0.15
        else f" It is liked {'better' if change > 0 else 'less'} lately than it used to be."
    )


# One person


def rated(result: Rated, given: str) -> str:
    """What was noted, and how the number was converted."""
    noted = f"Noted: {stars(result.stars)} for {named(result.movie)}"
    converted = (
        f" ({given} comes to {stars(result.stars)} on the half-star scale)"
        if given and given != f"{result.stars:g}"
        else ""
    )
    before = f" It was {stars(result.previous)} before." if result.previous not in (None, result.stars) else ""
    return f"{noted}{converted}.{before}"


def ratings(result: RatingList, order: str) -> str:
    """Somebody's ratings, with the mean."""
    you = result.whose == "you"
    who = "You have" if you else f"{clean(result.whose)} has"
    if not result.ratings:
        return f"{who} not rated anything{' yet' if you else ''}."
    mean = f", {result.mean:.2f} stars on average" if result.mean is not None and result.count > 1 else ""
    which = {"newest": "The latest", "highest": "The highest", "lowest": "The lowest"}[order]
    shown = "" if len(result.ratings) >= result.count else f" {which} {number_word(len(result.ratings))}:"
    lines = [f"{place}. {named(each.movie)} \u2013 {stars(each.stars)}" for place, each in enumerate(result.ratings, 1)]
    return f"{who} rated {counted(result.count, 'film')}{mean}.{shown}\n\n" + "\n".join(lines)


def taste(result: TasteProfile) -> str:
    """What somebody likes more than their own average, and what less."""
    you = result.whose == "you"
    who, whose = ("You", "your") if you else (clean(result.whose), "their")
    if not result.ratings:
        return f"{who} {'have' if you else 'has'} not rated anything, so there is no taste to tell of."
    mean = f", {result.mean:.1f} stars on average" if result.mean is not None else ""
    lines = [f"{who} rated {counted(result.ratings, 'film')}{mean}."]
    groups = ((result.genres, "Genres"), (result.decades, "Decades"), (result.tags, "Themes"))
    lines += [line for line in (_affinities(group, name, whose) for group, name in groups) if line]
    if result.favourites:
        lines.append(f"Favourites: {joined(named(movie) for movie in result.favourites[:5])}.")
    return "\n".join([lines[0], *(f"- {line}" for line in lines[1:])])


def _affinities(group: Sequence[Affinity], name: str, whose: str) -> str:
    up = [f"{clean(each.name)} (+{each.lift:.1f})" for each in group if each.lift >= 0.05][:4]
    down = [
        f"{clean(each.name)} ({each.lift:.1f})".replace("-", "\u2212")
        for each in sorted(group, key=lambda each: each.lift)
        if each.lift <= -0.1
    ][:2]
    parts = [f"above {whose} average: {', '.join(up)}" if up else "", f"below: {', '.join(down)}" if down else ""]
    said = "; ".join(part for part in parts if part)
    return f"{name} {said}." if said else ""


def prediction(result: Prediction) -> str:
    """An expected rating, its range, and on what it rests."""
    you = result.whose == "you"
    who = "You" if you else clean(result.whose)
    if result.stars is None:
        return f"I know too little of {'your' if you else 'their'} taste to say. In general, {clean(result.movie.title)} is {rating_words(result.movie)}."
    between = (
        f", most likely between {result.low:.1f} and {result.high:.1f}"
        if result.low is not None and result.high is not None
        else ""
    )
    rests = f" That rests on {counted(result.support, 'rating')}{' of yours' if you else ''}." if result.support else ""
    verdict = next(word for least, word in _CHANCES if result.stars >= least)
    return f"{verdict}: {who.lower() if you else who} would give {named(result.movie)} about {result.stars:.1f} stars{between}.{rests}"


_CHANCES = ((4.2, "Very likely, yes"), (3.7, "Probably"), (3.2, "Perhaps"), (2.5, "Rather not"), (0.0, "I doubt it"))


def explanation(result: Explanation) -> str:
    """Why a movie suits somebody."""
    you = result.whose == "you"
    because = [
        f"{clean(each.title)} ({round(100 * each.share)} %)"
        for each in sorted(result.because, key=lambda each: -each.share)
        if each.share > 0
    ][:4]
    owner = "you liked" if you else f"{clean(result.whose)} liked"
    lines = [
        f"{named(result.movie)}: mostly because {owner} {joined(because)}; the percentages are their share in the score."
        if because
        else ""
    ]
    shared = [*(genre.lower() for genre in result.shared_genres[:3]), *result.shared_tags[:4]]
    if shared:
        with_them = " with them" if because else " with what was liked"
        lines.append(f"It shares {joined(clean(each) for each in dict.fromkeys(shared))}{with_them}.")
    if result.predicted_stars is not None:
        lines.append(
            f"I would expect about {result.predicted_stars:.1f} stars from {'you' if you else clean(result.whose)}."
        )
    if not because and not shared:
        lines.append(
            f"Nothing {'you' if you else 'they'} told me speaks for {named(result.movie)} in particular; it is {rating_words(result.movie)}."
        )
    return " ".join(line for line in lines if line)


def questions(result: Questions) -> str:
    """The movies to ask about, numbered."""
    return "\n".join(
        f"{place}. {named(movie)} \u2013 {genres_of(movie)}" for place, movie in enumerate(result.movies, 1)
    )
