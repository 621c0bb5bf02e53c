"""Messages to frames over the real catalogue: single ones from a table, and whole dialogues."""

from __future__ import annotations

import time
from pathlib import Path
from random import Random

import pytest
from pydantic import JsonValue

from guide.dialogue import Dialogue, Done, Turn
from guide.reading import read
from language.classifier import Classifier, examples
from language.frame import Frame, Ref
from movies.linking import Linker
from movies.models import ListedMovie, MovieDetail, MovieList
from tests.movies.test_linking import make_linker
from tools.results import MovieResult, QueryResult, Questions, Rated

TABLE = Path(__file__).with_name("reading.txt")
SHOWN = [
    (593, "The Silence of the Lambs", 1991, ["Crime", "Horror"]),
    (2571, "The Matrix", 1999, ["Action", "Sci-Fi"]),
    (858, "The Godfather", 1972, ["Crime", "Drama"]),
    (1198, "Raiders of the Lost Ark", 1981, ["Action", "Adventure"]),
]
"""The list that every request for one is answered with here."""


@pytest.fixture(scope="module")
def linker(movielens_dir: Path) -> Linker:
    """The linker of ml-latest-small."""
    return make_linker(movielens_dir, [])


def _table() -> list[tuple[str, list[str]]]:
    found: list[tuple[str, list[str]]] = []
    for line in TABLE.read_text(encoding="utf-8").splitlines():
        if line.startswith("    "):
            found[-1][1].append(line.strip())
        elif not line.startswith("#"):
            found.append((line, []))
    return found


@pytest.mark.parametrize(("said", "frames"), _table())
def test_a_message_by_itself(linker: Linker, said: str, frames: list[str]) -> None:
    assert [brief(frame) for frame in read(said, Dialogue(), linker)] == frames


DIALOGUES = """
> give me five war films
find; War; count=5
> which of the first two do people rate highest
choose; The Silence of the Lambs (1991), The Matrix (1999); sort=rating
> and which came first
choose; The Silence of the Lambs (1991), The Matrix (1999); sort=oldest
> and only if it has at least 50 ratings
find; War; min_ratings=50; follows

> two comedies and one horror please
find; Horror; count=1
> the comedies should be from the 90s
find; Comedy; 1990-1999; count=2; follows

> do you have Jumanji
find; Jumanji (1995)
> and Braveheart?
fact.everything; Braveheart (1995)

> adventure films after 1970
find; Adventure; 1971-
> BEFORE 1970 I mean
find; Adventure; -1969; follows

> Got any dramas from the 60s?
find; Drama; 1960-1969
> Argh, thrillers. I meant thrillers.
find; Thriller; 1960-1969; follows

> what do people think of Contact?
fact.good; Contact (1997)
> and Solaris from 1972?
fact.good; Solaris (1972)
> which of those two came out first
choose; Contact (1997), Solaris (1972); sort=oldest

> Carrie, how is it rated
fact.rating; Carrie (1976)
> isn't there a newer one? what about that
fact.rating; Carrie (2013); follows

> list romance films of the 1950s
find; Romance; 1950-1959
> hang on, a decade earlier
find; Romance; 1940-1949; follows

> 3.5 stars for The Rock
rate; The Rock (1996); stars=3.5
> ok what else is there from 1996, action
find; without: The Rock (1996); Action; 1996-1996

> top 10 sci-fi of the 80s
find; Sci-Fi; 1980-1989; sort=rating; count=10
> what about the 70s?
find; Sci-Fi; 1970-1979; sort=rating; count=10; follows
> with robots
find; Sci-Fi; #robots; 1970-1979; sort=rating; count=10; follows
> how many ratings does the second have?
fact.count; The Matrix (1999)
> is it better than Blade Runner?
compare; The Matrix (1999), Blade Runner (1982)

> give me something funny
recommend; Comedy
> older
recommend; Comedy; -1971; follows
> more
recommend; Comedy; -1971; again; follows
> another one but with less romance
recommend; Comedy; -Romance; -1971; count=1; again; follows
> I've seen the first two
seen; The Silence of the Lambs (1991), The Matrix (1999)
> why the third?
why; The Godfather (1972)

> what's the average rating of Pulp Fiction
fact.rating; Pulp Fiction (1994)
> and Fargo?
fact.rating; Fargo (1996)
> and The Big Lebowski
fact.rating; The Big Lebowski (1998)
> which of the last two is better
choose; Fargo (1996), The Big Lebowski (1998); sort=rating

> recommend 3 movies for user 12
recommend; count=3; users=12
> for user 13 instead
recommend; count=3; users=13; follows
> sorry I meant user 14
recommend; count=3; users=14; follows
> and a comedy
recommend; Comedy; count=3; users=14; follows

> I loved Inception and Interstellar
opinion; liked: Inception (2010), Interstellar (2014)
> older ones
recommend; liked: Inception (2010), Interstellar (2014); -1971; follows
> I hated The Matrix
opinion; liked: Inception (2010), Interstellar (2014); disliked: The Matrix (1999); without: The Matrix (1999)

> rate Jaws 4
rate; Jaws (1975); stars=4
> make it 4.5
rate; Jaws (1975); stars=4.5
> no wait, 3
rate; Jaws (1975); stars=3
> delete it
rate; Jaws (1975)

> how many comedies came out in 1994
statistic; Comedy; 1994-1994; count of movies
> and dramas?
statistic; Drama; 1994-1994; count of movies
> 1995?
statistic; Drama; 1995-1995; count of movies
> which year had the most
statistic; count of movies by year
> and the least
statistic; count of movies by year ascending

> users 4 and 9. how many ratings, what average for each?
statistic; users=9; mean of ratings
> and if you only look at dramas?
statistic; Drama; users=9; mean of ratings

> how many movies have at least 100 ratings?
statistic; min_ratings=100; count of movies
> at least 200?
statistic; min_ratings=200; count of movies

> how many thrillers came out in 2007
statistic; Thriller; 2007-2007; count of movies
> one year earlier?
statistic; Thriller; 2006-2006; count of movies
> list them
find; Thriller; 2006-2006

> top three genres by total number of ratings
statistic; count=3; count of ratings by genre
> and by number of movies instead?
statistic; count=3; count of movies by genre

> a group pick for users 300, 318 and 606
recommend; users=300,318,606
> take 606 out and put in 474 instead
recommend; users=300,318,474; follows
> user 300 can't come, add user 20
recommend; users=318,474,20; follows

> movies like Psycho
like; Psycho (1960)
> no, the 1998 one
like; Psycho (1998); follows

> no horror please, something from the 70s
recommend; -Horror; 1970-1979
> recommend something else
recommend; -Horror; 1970-1979; again; follows
> best thrillers of 1995
find; Thriller; -Horror; 1995-1995; sort=rating

> what should I watch
recommend
> only comedies
recommend; Comedy; follows
> tell me about the second one
fact.everything; The Matrix (1999)
> who directed it?
outside.director; The Matrix (1999)
> I loved it
opinion; liked: The Matrix (1999)
"""


@pytest.mark.parametrize("dialogue", DIALOGUES.strip().split("\n\n"), ids=lambda text: text.splitlines()[0])
def test_a_dialogue(linker: Linker, dialogue: str) -> None:
    turns: tuple[Turn, ...] = ()
    said = ""
    for line in dialogue.splitlines():
        if line.startswith(">"):
            said = line[2:]
            continue
        frame = read(said, Dialogue(turns), linker)[-1]
        assert brief(frame) == line, said
        turns = (*turns, Turn(said, tuple(_answered(frame)), "ok"))


def test_figures_of_several_turns_are_compared(linker: Linker) -> None:
    turns: tuple[Turn, ...] = ()
    for said in ("average rating of horror movies", "and sci-fi?"):
        turns = (*turns, Turn(said, tuple(_answered(read(said, Dialogue(turns), linker)[-1])), "ok"))
    frames = read("which of these has more movies", Dialogue(turns), linker)
    assert [brief(frame) for frame in frames] == [
        "statistic; Horror; count of movies",
        "statistic; Sci-Fi; count of movies",
    ]


def test_the_answer_to_the_question_for_tastes(linker: Linker) -> None:
    asked = Dialogue((Turn("recommend something", (Done("next_question", {}, Questions(movies=_listed())),)),))
    for said, liked, disliked in (
        ("the first and third", ["The Silence of the Lambs", "The Godfather"], []),
        ("loved the first, hated the second", ["The Silence of the Lambs"], ["The Matrix"]),
        ("The Matrix", ["The Matrix"], []),
    ):
        frame = read(said, asked, linker)[0]
        assert frame.act == "opinion"
        assert [ref.title for ref in frame.liked] == liked
        assert [ref.title for ref in frame.disliked] == disliked
    assert read("none of them", asked, linker)[0].act == "recommend"


@pytest.mark.parametrize("said", ["", " ", "?", "\x00", "😀" * 50, "a" * 5_000, "Heat " * 500, "no " * 300, "1" * 400])
def test_anything_is_read(linker: Linker, said: str) -> None:
    assert read(said, Dialogue(), linker)


def test_any_mixture_is_read(linker: Linker) -> None:
    lines, random = [said for said, _ in _table()], Random(0)
    for _ in range(100):
        turns: tuple[Turn, ...] = ()
        for _ in range(3):
            said = " ".join(random.choices(lines, k=random.randint(1, 5)))
            frames = read(said, Dialogue(turns), linker)
            assert 1 <= len(frames) <= 12
            turns = (*turns, Turn(said, tuple(_answered(frames[0])), "ok"))


def test_an_ordinary_message_takes_milliseconds(linker: Linker) -> None:
    said = "can you recommend five thrillers from the 90s like Heat but without too much violence?"
    read(said, Dialogue(), linker)
    begun = time.process_time()
    for _ in range(20):
        read(said, Dialogue(), linker)
    assert (time.process_time() - begun) / 20 < 0.02


def test_the_examples_teach_their_labels() -> None:
    pairs = [(sentence, label) for label, sentences in examples().items() for sentence in sentences]
    assert len(pairs) >= 400
    classifier = Classifier.of_examples()
    right = sum(classifier.odds(sentence)[0][0] == label for sentence, label in pairs)
    assert right / len(pairs) > 0.9


def test_what_was_learned_is_kept_and_learned_anew_where_it_is_of_others_or_damaged(tmp_path: Path) -> None:
    learned = Classifier.learned(["what is MOVIE about", "movies like MOVIE"], ["find.plot", "like"])
    path = tmp_path / "kept" / "classifier.npz"
    learned.save(path, "a digest")
    kept = Classifier.load(path, "a digest")
    assert kept is not None
    assert kept.odds("and what is MOVIE about") == learned.odds("and what is MOVIE about")
    assert Classifier.load(path, "another") is None
    path.write_bytes(path.read_bytes()[:1000])
    assert Classifier.load(path, "a digest") is None


# Frames in a line


def brief(frame: Frame) -> str:
    """A frame as the table has it."""
    parts = [f"{frame.act}.{frame.aspect}" if frame.aspect else frame.act, _names(frame.movies)]
    parts += [f"{name}: {_names(refs)}" for name in ("liked", "disliked") if (refs := getattr(frame, name))]
    parts += ["not: " + ", ".join(frame.exclude_series)] if frame.exclude_series else []
    parts += ["without: " + _names(refs)] if (refs := tuple(ref for ref in frame.exclude if ref.year)) else []
    parts += [*_filters(frame), *_plain(frame)]
    parts += [f"users={','.join(map(str, frame.users))}"] if frame.users else []
    parts += ["own"] if frame.own and frame.act in ("recommend", "statistic", "ratings", "taste") else []
    parts += [_figure(frame), *(name for name in ("again", "follows") if getattr(frame, name))]
    parts += ["unmet: " + ", ".join(frame.unmet)] if frame.unmet else []
    return "; ".join(part for part in [*parts, frame.language if frame.language != "en" else ""] if part)


def _names(refs: tuple[Ref, ...]) -> str:
    return ", ".join(f"{ref.title} ({ref.year})" if ref.year else ref.title for ref in refs)


def _filters(frame: Frame) -> list[str]:
    filters = frame.filters
    years = f"{filters.year_from or ''}-{filters.year_to or ''}"
    numbers = ("min_ratings", "max_ratings", "min_mean", "max_mean", "runtime_from", "runtime_to")
    bounds = [f"{n}={v:g}" for n in numbers if (v := getattr(filters, n))]
    return [
        "+".join(filters.genres),
        "".join(f"-{genre}" for genre in filters.exclude_genres),
        " ".join(f"#{tag.replace('-', ' ')}" for tag in filters.tags),
        " ".join(f"-#{tag.replace('-', ' ')}" for tag in filters.exclude_tags),
        years if years != "-" else "",
        *bounds,
        ", ".join(filters.people),
    ]


def _plain(frame: Frame) -> list[str]:
    names = ("text", "sort", "count", "novelty", "diversity", "window_days", "order", "stars")
    values = [(name, getattr(frame, name)) for name in names]
    return [f"{n}={v:g}" if isinstance(v, float) else f"{n}={v}" for n, v in values if v is not None]


def _figure(frame: Frame) -> str:
    asked = frame.aggregate
    if asked is None:
        return ""
    by = f" by {asked.by}" if asked.by != "none" else ""
    when = f" {asked.since}..{asked.until}" if asked.since or asked.until else ""
    return f"{asked.measure} of {asked.of}{by}{' ascending' if asked.ascending else ''}{when}"


# What came of them


def _listed() -> list[ListedMovie]:
    return [ListedMovie(movie_id=i, title=title, year=year, genres=genres) for i, title, year, genres in SHOWN]


def _answered(frame: Frame) -> list[Done]:
    """The call that the guide makes for a frame, with a list or a movie as its result."""
    args = frame.filters.model_dump(mode="json", exclude_defaults=True)
    args |= {"limit": frame.count or 5, "sort": frame.sort}
    ids = [ref.movie_id for ref in frame.movies]
    movies = MovieList(basis="popular", movies=_listed())
    details = [MovieDetail(movie_id=r.movie_id, title=r.title, year=r.year, source_title=r.title) for r in frame.movies]
    lists = {"find": "search_movies", "like": "similar_movies", "recommend": "recommend", "opinion": "recommend"}
    if frame.act in lists:
        known = {"movies": ids} if frame.act == "like" else {"liked": [ref.movie_id for ref in frame.liked]}
        if len(frame.users) > 1:
            members: list[JsonValue] = [{"user_id": user} for user in frame.users]
            return [Done("recommend_for_group", args | {"members": members}, movies)]
        whose = {"user_id": frame.users[0]} if frame.users else {}
        return [Done(lists[frame.act], args | known | whose, movies)]
    if frame.act == "fact":
        return [Done("get_movie", {"movie": each.movie_id}, MovieResult(movie=each)) for each in details]
    if frame.act == "rate" and frame.stars is not None and details:
        return [Done("rate_movie", {"movie": ids[0], "stars": frame.stars}, Rated(stored=True, movie=details[0]))]
    if frame.aggregate:
        figure = frame.aggregate.model_dump(exclude_defaults=True)
        result = QueryResult(of=frame.aggregate.of, measure=frame.aggregate.measure, by=frame.aggregate.by, total=3)
        return [Done("query_catalogue", figure | args, result)]
    return []
