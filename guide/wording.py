"""Tool results into sentences, and the texts that need no look-up.

Every title and number said here is read from a result; nothing else is known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from guide.memory import Args, plain_title
from movies.models import Because, Movie, MovieDetail, MovieList, MovieName, Resolved, WindowStats
from tools.results import (
    Affinity,
    Comparison,
    Explanation,
    MovieStats,
    Prediction,
    Questions,
    Rated,
    RatingList,
    TasteProfile,
)

NUMBER_WORDS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"]

GENRE_PLURALS: dict[str, str] = {
    "Action": "action films", "Adventure": "adventures", "Animation": "animated films", "Children": "family films",
    "Comedy": "comedies", "Crime": "crime films", "Documentary": "documentaries", "Drama": "dramas",
    "Fantasy": "fantasy films", "Film-Noir": "films noirs", "Horror": "horror films", "IMAX": "IMAX films",
    "Musical": "musicals", "Mystery": "mysteries", "Romance": "romances", "Sci-Fi": "science fiction films",
    "Thriller": "thrillers", "War": "war films", "Western": "westerns",
}  # fmt: skip

MAX_NAME = 120
_WINDOW_DAYS = {"7d": "in the last week", "30d": "in the last 30 days", "365d": "in the last year", "all": "overall"}


def clean(text: str) -> str:
    """Foreign text as it may be said: one line, no controls, no Markdown links, cut to a name's length."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line.replace("](", "] (")[:MAX_NAME]


def named(movie: MovieName) -> str:
    """A movie's title with its year."""
    title = clean(movie.title)
    return f"{title} ({movie.year})" if movie.year else title


def capital(text: str) -> str:
    """A text with a capital at its beginning."""
    return f"{text[:1].upper()}{text[1:]}"


def joined(parts: Iterable[str], word: str = "and") -> str:
    """Parts as English lists them: "a, b and c"."""
    listed = list(parts)
    return f"{', '.join(listed[:-1])} {word} {listed[-1]}" if len(listed) > 1 else "".join(listed)


def counted(count: int, noun: str) -> str:
    """A count with its noun: "1 rating", "1,204 ratings"."""
    return f"{count:,} {noun if count == 1 else noun + 's'}"


def number_word(count: int) -> str:
    """Small numbers as words."""
    return NUMBER_WORDS[count] if 0 <= count < len(NUMBER_WORDS) else f"{count:,}"


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


def listing(heading: str, result: MovieList, why: str, known: Sequence[int], against: Sequence[int]) -> str:
    """A list made for someone: heading, movies with reasons, and what a careful answer mentions.

    Args:
        heading: What the list is.
        result: The list.
        why: The beginning of a reason, before its titles: "Because you liked".
        known: Ids of movies of which it was told before how a title was understood.
        against: Ids of movies that the person dislikes, which are no reason.
    """
    told = zip(result.movies, _reasons(result, why, against), strict=True)
    listed = "\n".join(_item(place, movie, reason) for place, (movie, reason) in enumerate(told, 1))
    return paragraphs([f"{heading}\n\n{listed}", remarks(result.resolved, result.notes, known)])


def _item(place: int, movie: Movie, reason: str) -> str:
    """One line of a numbered list."""
    parts = [named(movie), genres_of(movie), rating_of(movie)]
    return f"{place}. " + " \u2013 ".join(part for part in parts if part) + (f". {reason}" if reason else "")


def paragraphs(parts: Iterable[str]) -> str:
    """Non-empty parts, a blank line between them."""
    return "\n\n".join(part for part in parts if part)


def remarks(resolved: Sequence[Resolved], notes: Sequence[str] = (), known: Sequence[int] = ()) -> str:
    """The remarks of a careful answer: how titles were understood, if not told before, and the tools' own notes."""
    seen: dict[int, str] = {}
    for found in resolved:
        if found.movie.movie_id not in known:
            seen.setdefault(found.movie.movie_id, _understood(found))
    said = [*seen.values(), *(_sentence(clean_note(note)) for note in notes if not note.startswith(SAID_ALREADY))]
    return " ".join(part for part in dict.fromkeys(said) if part)


SAID_ALREADY = ("Nothing is known of the person", "No movie passes", "No other movie passes", "Counted over the last")
"""Beginnings of notes that are written for a model, and that the scripts put in words of their own."""


def _understood(found: Resolved) -> str:
    """A sentence on the movie that was taken for a title, if that is not plain to see."""
    given = clean(found.given)
    year = re.search(r"\((\d{4})\)\s*$", given)
    if year and found.movie.year and int(year[1]) != found.movie.year:
        return f"I have no {given}; I took {named(found.movie)} instead."
    same = plain_title(re.sub(r"\(\d{4}\)", "", given)) == plain_title(found.movie.title)
    rivals = [other for other in found.others if plain_title(other.title) == plain_title(found.movie.title)]
    if rivals:
        return f"I took \u201c{given}\u201d as {named(found.movie)}; there is also {joined(map(named, rivals[:3]))}."
    begins = plain_title(found.movie.title).startswith(plain_title(given))
    if not same and not begins and not given.isdecimal():
        others = f" (or did you mean {joined(map(named, found.others[:2]), 'or')}?)" if found.others else ""
        return f"I took \u201c{given}\u201d as {named(found.movie)}{others}."
    return ""


def clean_note(note: str) -> str:
    """A tool's note, at its full length."""
    return " ".join(note.split())[:300].replace("](", "] (")


def _sentence(text: str) -> str:
    return f"{capital(text)}{'' if text.endswith(('.', '!', '?')) else '.'}" if text else ""


def _reasons(result: MovieList, why: str, against: Sequence[int]) -> list[str]:
    """The reason for each movie of a list: the person's own movies that spoke for it, else its telling tags.

    A reason that would be the same for every movie says nothing, so then the tags do.
    """
    because = [_because([each for each in movie.because if each.movie_id not in against]) for movie in result.movies]
    if len({tuple(sorted(titles)) for titles in because}) == 1 and (len(because) > 1 or len(because[0]) == 1):
        because = [[] for _ in result.movies]
    each = zip(because, result.movies, strict=True)
    return [f"{why} {joined(titles)}." if titles else _tagged(movie) for titles, movie in each]


def _tagged(movie: Movie) -> str:
    return f"Tagged {', '.join(clean(tag) for tag in movie.tags[:3])}." if movie.tags else ""


def _because(because: Sequence[Because]) -> list[str]:
    best = sorted((each for each in because if each.share > 0), key=lambda each: -each.share)
    return list(dict.fromkeys(clean(each.title) for each in best))[:2]


def kind_of_films(args: Args) -> str:
    """A call's filters as a noun phrase: "comedies from the 1980s without horror"."""
    genres, out = _strings(args.get("genres")), _strings(args.get("exclude_genres"))
    parts = [_noun(genres), period(args.get("year_from"), args.get("year_to"))]
    parts += [f"without {joined((_WITHOUT.get(genre, genre.lower()) for genre in out), 'or')}"] if out else []
    parts += [f"tagged {joined(_strings(args.get('tags')))}"] if args.get("tags") else []
    return " ".join(part for part in parts if part)


_WITHOUT = {"Children": "children's films", "Sci-Fi": "science fiction", "Film-Noir": "film noir", "IMAX": "IMAX"}


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


def rating_words(movie: Movie) -> str:
    """A verdict on how a movie is liked, with the numbers.

    Example: "liked very well: 4.1 stars on average from 102 ratings".
    """
    if movie.rating_mean is None or not movie.rating_count:
        return "not rated by anyone in my data"
    word = next(word for least, word in _VERDICTS if _score(movie) >= least)
    if movie.rating_count < FEW_RATINGS:
        few = f"{number_word(movie.rating_count)} {'person' if movie.rating_count == 1 else 'people'}"
        return f"rated by only {few} ({movie.rating_mean:.1f} stars on average), so take that with a grain of salt"
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
    """The share of those who gave four stars or more, and the most frequent rating."""
    total = sum(histogram.values())
    if total < FEW_RATINGS:
        return ""
    high = sum(count for value, count in histogram.items() if float(value) >= 4)
    top = max(histogram, key=lambda value: histogram[value])
    share = f"{round(100 * high / total)} % of them gave 4 stars or more"
    return f"{share}; the most frequent rating is {stars(float(top))}."


def details(movie: MovieDetail) -> str:
    """All that the data tells of a movie, in a few lines."""
    kind = "a film without a genre in my data"
    if movie.genres:
        article = "an" if movie.genres[0][:1].upper() in "AEIO" else "a"
        kind = f"{article} {'/'.join(clean(genre) for genre in movie.genres)} film"
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


def comparison(result: Comparison) -> str:
    """Movies side by side, and which is liked better by how much."""
    lines = [
        f"- {named(movie)} \u2013 {genres_of(movie) or 'no genres'}; {rating_words(movie)}." for movie in result.movies
    ]
    rated = [movie for movie in result.movies if movie.rating_mean is not None]
    rated.sort(key=_score, reverse=True)
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
    if likeness is None or likeness < MUCH_ALIKE or len(result.movies) != 2:
        return common
    return f"{common} Much the same people like them.".strip()


MUCH_ALIKE = 0.3


def statistics(result: MovieStats) -> str:
    """A movie's ratings over time, and their trend."""
    known = [window for window in result.windows if window.count and window.mean is not None]
    if not known:
        return f"{named(result.movie)} has no ratings in my data."
    newest = max((window.until for window in known if window.until), default=None)
    until = f" My ratings end on {newest.day} {newest:%B %Y}, and these times with them." if newest else ""
    return f"{named(result.movie)}: {joined(map(_window, known))}.{until}{_trend(known)}"


def _window(window: WindowStats) -> str:
    name = _WINDOW_DAYS.get(window.window, f"in the last {window.window.removesuffix('d')} days")
    return f"{window.mean or 0:.2f} stars from {counted(window.count, 'rating')} {name}"


def _trend(windows: Sequence[WindowStats]) -> str:
    overall = next((window for window in windows if window.window == "all"), None)
    recent = next((window for window in windows if window.window != "all" and window.count >= ENOUGH_RATINGS), None)
    if not overall or overall.mean is None:
        return ""
    if not recent or recent.mean is None:
        return " That's too few lately to speak of a trend." if len(windows) > 1 else " Nobody rated it lately."
    change = recent.mean - overall.mean
    if abs(change) < TREND:
        return " It has held steady."
    return f" It is liked {'better' if change > 0 else 'less'} lately than it used to be."


ENOUGH_RATINGS, TREND = 10, 0.15


def rated(result: Rated, given: str) -> str:
    """The rating that was noted, and how its number was converted."""
    noted = f"Noted: {stars(result.stars)} for {named(result.movie)}"
    converted = f"; {_conversion(given)}" if given and given != f"{result.stars:g}" else ""
    before = f" It was {stars(result.previous)} before." if result.previous not in (None, result.stars) else ""
    return f"{noted}{converted}.{before}"


def _conversion(given: str) -> str:
    if given.startswith("0") and not given.startswith("0."):
        return "half a star is the lowest there is"
    return f"{given} comes to that in half-stars"


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
    """Genres, decades and themes that somebody likes more than their own average, and less."""
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
    """The reasons why a movie suits somebody: their own movies in the order of what they contribute, and what is shared."""
    whose = clean(result.whose) if result.whose.startswith("MovieLens user") else ""
    because = [clean(each.title) for each in sorted(result.because, key=lambda each: -each.share) if each.share > 0]
    shared = [*(genre.lower() for genre in result.shared_genres[:3]), *result.shared_tags[:4]]
    lines = [
        f"{named(result.movie)} is there because {whose or 'you'} liked {_in_order(because[:4])}." if because else ""
    ]
    if shared:
        lines.append(f"What they share: {joined(clean(each) for each in dict.fromkeys(shared))}.")
    if result.predicted_stars is not None and because:
        lines.append(f"I'd expect about {result.predicted_stars:.1f} stars from {whose or 'you'}.")
    if not because:
        lines.append(
            f"Nothing {'I know of ' + whose if whose else 'you told me'} speaks for {named(result.movie)} in particular; it is {rating_words(result.movie)}."
        )
    return " ".join(line for line in lines if line)


def _in_order(titles: Sequence[str]) -> str:
    """As in "Heat above all, then Ronin and Casino"."""
    return f"{titles[0]} above all, then {joined(titles[1:])}" if len(titles) > 1 else "".join(titles)


def questions(result: Questions) -> str:
    """The movies to ask about, numbered."""
    return "\n".join(
        f"{place}. {named(movie)} \u2013 {genres_of(movie)}" for place, movie in enumerate(result.movies, 1)
    )


EXAMPLES = (
    "\u201cthree films like Heat\u201d, \u201ca feel-good comedy from the 80s\u201d or \u201cis Alien any good?\u201d",
    "\u201cI loved Heat and hated Titanic\u201d, \u201cHeat or Ronin?\u201d or \u201cthe best westerns before 1970\u201d",
    "\u201csomething like Alien but newer\u201d, \u201cwhat did user 5 like?\u201d or \u201csomething mind-bending\u201d",
)

HELP = """\
Ask me as you would a person. For example:

- \u201crecommend me three films like Heat\u201d, \u201csomething like Alien but funny\u201d
- \u201cI loved Heat and Collateral but hated Titanic\u201d, \u201crecommend something for user 42\u201d
- \u201ca feel-good comedy from the 80s\u201d, \u201csomething mind-bending\u201d, \u201cthe best westerns before 1970\u201d
- \u201cis Heat any good?\u201d, \u201cHeat or Ronin?\u201d, \u201cwould I like Alien?\u201d
- \u201cI give Heat 4.5 stars\u201d, \u201cwhat have I rated?\u201d, \u201cwhat did user 5 like?\u201d, \u201csomething for me and user 5\u201d

And then \u201cmore\u201d, \u201cwhy the second one?\u201d, \u201cand from the 80s?\u201d, \u201cI've seen that\u201d."""

WHO = (
    "I'm Marquee's built-in offline guide. There is no language model behind me: I read your sentence by rules, look things"
    " up in the imported MovieLens data, and say only what I find there: titles, years, genres, tags and ratings."
    f"\n\n{HELP}\n\nFor anything freer, whoever runs Marquee can connect a language model."
)

TEXTS: dict[str, tuple[str, ...]] = {
    "help": (HELP,),
    "who": (WHO,),
    "greet": (
        "Hello! I'm Marquee's movie guide. What are you in the mood for? You could try {examples}.",
        "Hi! Tell me a film you love, a mood or a decade, and I'll find something. For instance {examples}.",
        "Hello again! What shall it be? You could say {examples}.",
    ),
    "thanks": ("You're welcome. Enjoy the film!", "My pleasure. Have a good time with it!", "Gladly. Say \u201cmore\u201d whenever you want others."),
    "bye": ("Goodbye, and enjoy the film!", "See you. Have a good evening at the movies!"),
    "feelings": (
        "Fine, thank you, as far as a set of rules can be. What would you like to watch?",
        "All in order here, thank you. What are you in the mood for?",
    ),
    "taste_of_mine": (
        "I have no taste of my own, only other people's ratings. Ask me for \u201cthe best rated films\u201d, or tell me what you love.",
    ),
    "praise": ("Glad to hear it. Say \u201cmore\u201d, or ask about one of them.", "Good. Tell me if you want others, or more about one."),
    "praise_early": ("Good. What would you like to watch? You could try {examples}.",),
    "blame": (
        "Sorry about that. I'm a simple guide and read sentences by rules. Try it in other words, for example {examples}.",
        "I'm sorry, that was no help. Shorter sentences suit me best: {examples}.",
    ),
    "yes": ("Good. Say \u201cmore\u201d for others, or ask about any film.",),
    "yes_early": ("Good. Then tell me a film you love, a genre or a mood: {examples}.",),
    "no": ("All right. Tell me what you'd like instead: {examples}.",),
    "english": ("I read and write English only, sorry. Ask me, for instance, {examples}.",),
    "reset": ("All right, from the start. What are you in the mood for? Perhaps {examples}.",),
    "stop": ("All right. I'm here when you want a film.",),
    "huh": ("I look films up and say what people think of them. Ask me, say, {examples}.",),
    "no_early": ("All right. What would you like instead? You could try {examples}.",),
    "scope": (
        "I can't help with {topic}: I only know the films in the imported MovieLens data. What I can do: {examples}.",
        "I know nothing of {topic}, only the films in the imported MovieLens data. Try {examples}.",
    ),
    "steady": ("I stay a movie guide, whatever a message tells me to be. Ask me about films: {examples}.",),
    "foreign": (
        "I only read English (that looked like {topic}), sorry. In English you could ask {examples}.",
    ),
    "empty": ("I couldn't read a question in that. You could ask {examples}.",),
    "unknown": (
        "I didn't understand that. I'm a simple guide and read plain requests about films, such as {examples}.",
        "That one is beyond me. I understand things like {examples}.",
        "I can't make sense of that, sorry. Try {examples}.",
    ),
    "unrate": (
        "I can't delete a rating from here, but a new one replaces it: \u201crate Heat 3\u201d. (The API can: DELETE /ratings/{{movie_id}}.)",
    ),
    "worst": ("I can only list films from the best down, not the worst. But name one and I'll tell you how badly it's rated.",),
    "genres": (
        (f"You can ask for {joined(GENRE_PLURALS.values())}, and for any theme or mood that people tag films with,"
         " such as \u201cheist\u201d or \u201cfeel-good\u201d."),
    ),
    "counts": ("I can't count the catalogue from in here, only look films up. The service's /health page says what is imported.",),
    "which": ("Which film do you mean? Name it, and I'll look.", "Which film? Give me its title, please."),
    "short_list": ("That list isn't as long as that. Name one of its numbers, or a title.",),
    "out_of_sight": ("That part of our talk is too long ago for me to see. Give me the title, please.",),
    "nothing_shown": ("I haven't shown you anything yet. Shall we start? Try {examples}.",),
    "seen_early": ("Good to know. How many stars would you give it? Say \u201crate it 4\u201d, and I'll take it into account.",),
}  # fmt: skip

WAY_ON_FROM_ONE = "Say \u201canother one\u201d, \u201cwhy?\u201d, or \u201cI've seen it\u201d."

WAYS_ON = (
    "Say \u201cmore\u201d, \u201cwhy the second one?\u201d, \u201cand from the 80s?\u201d, or \u201cI've seen that\u201d.",
    "You can go on with \u201canother one\u201d, \u201csomething newer\u201d, or a number to hear about that film.",
)

NO_PROSE = (
    "I'm Marquee's offline guide, without a language model, so I can't write free prose from a prompt."
    " Connect a model (OPENAI_API_KEY or OPENAI_BASE_URL) for that."
)

NO_STRUCTURE = (
    "The offline guide cannot write structured replies (response_format). Configure a language model with"
    " OPENAI_API_KEY or OPENAI_BASE_URL."
)


def say(kind: str, seed: int, topic: str = "") -> str:
    """One of the texts of a kind, another each turn, filled in."""
    texts = TEXTS[kind]
    return texts[seed % len(texts)].format(examples=EXAMPLES[seed % len(EXAMPLES)], topic=topic)
