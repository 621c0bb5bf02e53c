"""The judge of the conversation benchmark: what it computes from CSV files, what it reads in answers of any style."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.conversations.expectations import (
    CATEGORIES,
    Answer,
    Conversation,
    Expectation,
    Turn,
    figures,
    load,
    read,
)
from benchmarks.conversations.oracle import Malformed, Oracle
from benchmarks.conversations.player import Player
from benchmarks.conversations.reading import Reader, Reading
from benchmarks.conversations.report import wilson
from tests.support.serving import ROOT, Server

PARTS = {path.stem: path for path in (ROOT / "benchmarks" / "conversations").glob("*.toml")}
MOVIES = """\
movieId,title,genres
1,Heat (1995),Action|Crime|Thriller
2,"Matrix, The (1999)",Action|Sci-Fi|Thriller
3,Alien (1979),Horror|Sci-Fi
4,Aliens (1986),Action|Adventure|Horror|Sci-Fi
5,Seven (a.k.a. Se7en) (1995),Mystery|Thriller
6,Star Wars: Episode V - The Empire Strikes Back (1980),Action|Adventure|Sci-Fi
7,Star Wars: Episode IV - A New Hope (1977),Action|Adventure|Sci-Fi
8,"Amelie (Fabuleux destin d'Amélie Poulain, Le) (2001)",Comedy|Romance
9,It (1990),Horror|Mystery|Thriller
10,Nineteen Eighty-Four (1984),Drama|Sci-Fi
11,King Arthur (2004),Action|Adventure
12,"Heat, The (2013)",Action|Comedy|Crime
13,Up (2009),Adventure|Animation
14,Nameless Thing,(no genres listed)
15,"Godfather: Part II, The (1974)",Crime|Drama
16,Schindler's List (1993),Drama|War
17,Blade Runner (1982),Action|Sci-Fi|Thriller
18,Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964),Comedy|War
"""
RATINGS = """\
userId,movieId,rating,timestamp
1,1,4.0,1000000000
1,2,5.0,1000000100
2,1,3.0,1031536000
2,3,2.0,1457000000
2,4,4.5,1457000100
3,1,5.0,1457000200
"""
TAGS = "userId,movieId,tag,timestamp\n1,3,Space,1000000000\n2,4,space,1000000001\n2,2,time travel,1000000002\n"
LINKS = "movieId,imdbId,tmdbId\n1,0113277,949\n2,0133093,603\n"


@pytest.fixture(scope="module")
def oracle(tmp_path_factory: pytest.TempPathFactory) -> Oracle:
    folder = tmp_path_factory.mktemp("movielens")
    files = {"movies.csv": MOVIES, "ratings.csv": RATINGS, "tags.csv": TAGS, "links.csv": LINKS}
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return Oracle(folder)


@pytest.fixture(scope="module")
def reader(oracle: Oracle) -> Reader:
    return Reader(oracle)


def named(oracle: Oracle, places: list[int]) -> list[str]:
    return [oracle.films[place].label for place in places]


# The oracle


@pytest.mark.parametrize(
    ("pred", "ids"),
    [
        ("genre:Sci-Fi year:-1985", [3, 6, 7, 10, 17]),
        ("genre:Horror|Comedy !genre:Sci-Fi|War", [8, 9, 12]),
        ("tag:'SPACE'", [3, 4]),
        ("tag:'space'|genre:War", [3, 4, 16, 18]),
        ("movie:'The Matrix (1999)'|'Se7en (1995)'", [2, 5]),
        ("movie:'Schindler's List (1993)'", [16]),
        ("title:'star wars'", [6, 7]),
        ("ratings>=2", [1]),
        ("ratings>=1 mean<=4", [1, 3]),
        ("seen-by:2", [1, 3, 4]),
        ("shares-genre:'It (1990)' year:1990-1999", [1, 2, 5, 9]),
        ("year:1995", [1, 5]),
    ],
)
def test_a_predicate_is_a_mask_over_the_films(oracle: Oracle, pred: str, ids: list[int]) -> None:
    assert [film.movie_id for film, met in zip(oracle.films, oracle.mask(pred), strict=True) if met] == ids


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("count genre:Crime", 3),
        ("ratings movie:'Heat (1995)'", 3),
        ("mean movie:'Heat (1995)'", 4),
        ("mean genre:Thriller", 17 / 4),
        ("mean-of-means genre:Thriller", 4.5),
        ("user 2 count", 3),
        ("user 2 mean", 9.5 / 3),
        ("user 2 min genre:Sci-Fi", 2),
        ("user 2 count year-rated:2016", 2),
        ("user 2 max month-rated:2016-03", 4.5),
        ("year 'The Heat (2013)'", 2013),
        ("tagcount 'space'", 2),
        ("users", 3),
        ("users genre:Sci-Fi", 2),
        ("stars 5 'Heat (1995)'", 1),
        ("window 'Heat (1995)' 365d", 1),
    ],
)
def test_an_expression_is_a_number(oracle: Oracle, expression: str, value: float) -> None:
    assert oracle.value(expression) == pytest.approx(value)


def test_a_list_is_a_ranking(oracle: Oracle) -> None:
    assert [entry for entry, _ in oracle.ranking("movies by mean desc where genre:Action")] == [1, 3, 0]
    assert [entry for entry, _ in oracle.ranking("user 2 by stars asc where any")] == [2, 0, 3]
    assert oracle.ranking("genres by count")[0] == ("Action", 8)
    assert oracle.ranking("decades by ratings desc where genre:Sci-Fi")[0].figure == 1
    assert oracle.ranking("years by count desc")[0] == ("1995", 2)


@pytest.mark.parametrize(
    "expectation",
    [
        "all genre:Sciencefiction", "all genre:War genre:Horror", "all year:19x5", "has 'Heat (1996)'", "has Heat",
        "none tag:'dragons'", "all seen-by:99", "value mean movie:'Up (2009)'", "value user 2 median", "value",
        "names 3..1", "value count", "top movies by fame", "top movies by mean where genre:Action 9", "says", "",
        "rated 'Heat (1995)' = many", "likes 'Heat (1995)'", "asks what", "all movie:'Heat (1995)",
        "value window 'Heat (1995)' 3w",
    ],
)  # fmt: skip
def test_what_cannot_be_read_or_met_is_malformed(oracle: Oracle, expectation: str) -> None:
    with pytest.raises(Malformed):
        read(expectation, oracle)


def test_a_file_names_what_is_wrong_with_it(oracle: Oracle, tmp_path: Path) -> None:
    path = tmp_path / "some.toml"
    path.write_text(
        '[[conversation]]\nname = "a"\ncategory = "statistics"\nturns = [{ say = "hi", expect = ["names x"] }]\n'
        '[[conversation]]\nname = "b"\ncategory = "gossip"\nturns = [{ say = "hi", expect = ["names 1"] }]\n'
        '[[conversation]]\nname = "c"\ncategory = "narrowing"\n'
        'turns = [{ say = "ok", expect = ["all genre:War", "names 9"] }]\n'
        '[[conversation]]\nname = "d"\ncategory = "narrowing"\nturns = [{ say = "ok", expect = ["names 1.."] }]\n'
    )
    found, wrong = load(path, oracle)
    assert [(one.name, one.category, one.language) for one in found] == [("d", "narrowing and deltas", "en")]
    assert [line.split(":")[1].strip() for line in wrong] == ["“a”", "“b”", "“c”"]
    assert load(tmp_path / "none.toml", oracle)[1]


def test_a_part_can_be_met_by_the_real_data(movielens_dir: Path) -> None:
    """Two of the parts: whoever plays one has it checked, and all of them take a while."""
    oracle = Oracle(movielens_dir)
    for name in ("everyone", "later"):
        found, wrong = load(PARTS[name], oracle)
        assert wrong == []
        covered = {one.category for one in found}
        assert covered == set(CATEGORIES) if name == "everyone" else covered <= set(CATEGORIES), name


# Reading answers


EMPIRE = "Star Wars: Episode V - The Empire Strikes Back (1980)"
STRANGELOVE = "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb (1964)"
GUIDE = """\
Three films close to Alien (1979):

1. Aliens (1986) – Action, Adventure – ★ 4.0 (126 ratings). Tagged space, King Arthur.
2. Star Wars: Episode V - The Empire Strikes Back (1980) – Sci-Fi – ★ 4.2 (211 ratings). Goes with Blade Runner.

Say “more”, “I loved Heat”, or “Heat or Seven?”."""
CHAT = """\
Great taste! Since you enjoyed Alien, I'd recommend:

- **The Matrix** (1999) – mind-bending
- *Seven*, 1995: bleak
- "Blade Runner" — rain and neon
- **[Aliens](https://example.com/x)** (1986)

If you like slow burns, Heat (1995) works too."""
TABLE = (
    "| # | Title | Year |\n|---|---|---|\n| 1 | The Matrix | 1999 |\n| 2 | Se7en | 1995 |\n| 3 | Star Wars | 1977 |\n"
)


@pytest.mark.parametrize(
    ("text", "said", "names"),
    [
        (GUIDE, "movies like alien", ["Aliens (1986)", EMPIRE]),
        (
            CHAT,
            "ALIEN was great",
            ["The Matrix (1999)", "Seven (1995)", "Blade Runner (1982)", "Aliens (1986)", "Heat (1995)"],
        ),
        (TABLE, "three", ["The Matrix (1999)", "Seven (1995)", "Star Wars: Episode IV - A New Hope (1977)"]),
        ("I took “heat” as Heat (1995); there is also The Heat (2013).", "heat?", []),
        ("You might like The Godfather Part 2.", "x", ["The Godfather: Part II (1974)"]),
        (
            "Try Le Fabuleux Destin d'Amélie Poulain (2001) or Dr. Strangelove (1964).",
            "x",
            ["Amelie (2001)", STRANGELOVE],
        ),
        ("It is up to you. Heat the oven first! Matrix algebra is fun, seven times.", "x", []),
        ("**It** (1990) and **Up** are different.", "x", ["It (1990)", "Up (2009)"]),
        (
            "Star Wars: The Empire Strikes Back (1980), then Schindler’s List (1993)",
            "x",
            [EMPIRE, "Schindler's List (1993)"],
        ),
        ("No movie called 'loved Alien' is there. Try “three films like Heat” or “is Alien any good?”.", "x", []),
    ],
)
def test_the_movies_that_an_answer_names(
    oracle: Oracle, reader: Reader, text: str, said: str, names: list[str]
) -> None:
    reading = reader.read(text, said=said)
    assert named(oracle, reading.named) == names
    assert reading.invented == []


def test_what_a_tool_result_carries_is_read_without_marks(oracle: Oracle, reader: Reader) -> None:
    text = "Heat is a thriller from 1995. It has three ratings, and Heat again."
    assert reader.read(text, said="x").named == []
    assert named(oracle, reader.read(text, said="x", cards=[0]).named) == ["Heat (1995)"]


def test_a_misspelt_title_was_said_but_another_title_was_not(oracle: Oracle, reader: Reader) -> None:
    assert reader.read("The Matrix (1999) is rated 5.0.", said="teh matrxi?").named == []
    assert named(oracle, reader.read("Aliens (1986)", said="like alien").named) == ["Aliens (1986)"]
    assert named(oracle, reader.read("Up (2009)", said="please cheer me up today").named) == ["Up (2009)"]


def test_movies_of_earlier_turns_count_in_lists_alone(oracle: Oracle, reader: Reader) -> None:
    text = "More like Alien (1979), and Alien has company:\n\n1. Aliens (1986)\n2. Blade Runner (1982)"
    reading = reader.read(text, said="funny ones", before="like Alien")
    assert named(oracle, reading.named) == ["Aliens (1986)", "Blade Runner (1982)"]
    assert named(oracle, reader.read("That was Alien (1979).", said="which?", before="Alien").named) == ["Alien (1979)"]


def test_a_title_that_does_not_exist_is_invented(reader: Reader) -> None:
    text = "- **Xenomorph Rising** (2015)\n- The Matrix (2003)\n- Amelie (2001), from the films of March (2005)"
    assert reader.read(text, said="x").invented == ["Xenomorph Rising (2015)", "The Matrix (2003)"]
    assert reader.read("I know no Xenomorph Rising (2015).", said="xenomorph rising 2015?").invented == []


def test_figures_beside_a_movie_are_checked(reader: Reader) -> None:
    def wrong(text: str, told: list[float]) -> list[str]:
        return reader.false_figures(text, reader.read(text, said="x").mentions, told)

    assert wrong("Heat (1995) – ★ 4.0 (3 ratings)", []) == []
    assert wrong("Heat (1995): 4.1 stars, 900 ratings", []) == ["Heat (1995): 4.1 stars", "Heat (1995): 900 ratings"]
    assert wrong("Heat (1995): 4.1 stars, 900 ratings", [4.12, 900]) == []
    assert wrong("Heat (1995), 0.5 stars better than Alien (1979)", []) == []


def test_figures_in_digits_and_words() -> None:
    assert figures("1,234 films, 3.9 stars; twenty-one; 3,5 im Schnitt") == [1234, 3.9, 3.5, 21]
    assert 9742 in figures("9.742 Filme")
    assert 1990 in figures("in the 1990s")


# Judging


def answer(reading: Reading, **fields: object) -> Answer:
    return Answer(
        text=reading.plain, plain=reading.plain, bare=reading.bare, named=reading.named, mentioned=reading.mentioned,
        affirmed=reading.affirmed, mentions=reading.mentions, listed_though_said=reading.listed_though_said, **fields,  # type: ignore[arg-type]
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said", "met", "missed"),
    [
        (
            GUIDE,
            "like alien",
            ["names 2", "all genre:Sci-Fi", "first 'Aliens (1986)'", "has 'Alien (1979)'", "none year:1979"],
            ["names 3..", "asks"],
        ),
        (
            "1. Alien (1979)\n2. Aliens (1986)",
            "like alien",
            ["names 1"],
            ["none movie:'Alien (1979)'", "some genre:War"],
        ),
        (
            "Heat has 3 ratings, 4.0 on average.",
            "heat",
            ["value ratings movie:'Heat (1995)'", "value mean movie:'Heat (1995)'"],
            ["value count genre:War"],
        ),
        (
            "1. Heat (1995) – 4.0\n2. Alien (1979) – 2.0",
            "x",
            ["value mean movie:'Alien (1979)'"],
            ["value count genre:War", "value mean movie:'Aliens (1986)'", "value users genre:Sci-Fi"],
        ),
        (
            "Heat is from 1995. I took “heat” as Heat (1995); there is also The Heat (2013).",
            "heat",
            ["value year 'Heat (1995)'", "has 'The Heat (2013)'"],
            ["value year 'The Heat (2013)'"],
        ),
        ("There are none.", "x", ["value stars 1 'Heat (1995)'"], ["value users"]),
        ("Seven (1995)", "x", [], ["value count title:'star' ±4.5"]),
        (
            "**Aliens**, then **The Matrix** (1999), then Heat (1995)",
            "x",
            ["top movies by mean desc where genre:Action|War"],
            ["top movies by mean desc 3"],
        ),
        (
            "Mostly science fiction, after action.",
            "x",
            ["top genres by count where genre:Horror|Sci-Fi"],
            ["top genres by count where genre:War"],
        ),
        (
            "The nineties did, with 1995 first.",
            "x",
            ["top decades by ratings", "top years by count"],
            ["top decades by ratings 3"],
        ),
        ("I can’t tell running times.", "x", ["says can't|cannot", "notsays no film"], ["says runtime"]),
        ("Leaving out Alien (1979). What else?", "no alien", ["hasnt 'Alien (1979)'", "asks"], ["names 1.."]),
    ],
)
def test_expectations_are_judged(
    oracle: Oracle, reader: Reader, text: str, said: str, met: list[str], missed: list[str]
) -> None:
    given = answer(reader.read(text, said=said, cards=[0]))
    assert [read(expectation, oracle)(given) for expectation in met] == [None] * len(met)
    assert None not in [read(expectation, oracle)(given) for expectation in missed]


def test_ratings_and_cards_are_judged(oracle: Oracle, reader: Reader) -> None:
    given = answer(reader.read("Noted.", said="x"), ratings={1: 4.5}, cards=frozenset({3}))
    met = ["rated 'Heat (1995)' = 4.5", "unrated 'Alien (1979)'", "ratings 1", "card 'Alien (1979)'"]
    missed = ["rated 'Heat (1995)' = 4", "unrated 'Heat (1995)'", "ratings 2..", "card 'Heat (1995)'"]
    assert [read(expectation, oracle)(given) for expectation in met] == [None] * 4
    assert None not in [read(expectation, oracle)(given) for expectation in missed]


# Playing


def test_conversations_are_played_against_a_service(server: Server) -> None:
    oracle = Oracle(ROOT / "data" / "sample")
    label = oracle.films[oracle.ranking("movies by count desc")[0].entry].label  # type: ignore[index]
    texts = [f"rated '{label}' = 4", "ratings 1"]
    rates = Turn(f"I give {label} 4 stars", tuple(_expectation(text, oracle) for text in texts))
    lost = Turn("hello", (_expectation("value users", oracle),))
    conversations = [
        Conversation("rates", "ratings told", "en", (rates,)),
        Conversation("misses", "statistics", "en", (Turn("hi", ()), lost)),
    ]
    with Player(server.url, oracle) as player:
        player.check(forget_ratings=False)
        for jobs in (1, 2):
            first, second = player.play(conversations, jobs)
            assert first.succeeded, first.turns[0]
            assert first.turns[0].calls >= 1
            assert not second.succeeded
            assert second.turns[1].text
    with server.client() as client:
        assert client.get("/ratings").json()["data"] == []
        assert client.get("/sessions").json()["data"] == []


def test_wilson_interval() -> None:
    assert [round(bound, 3) for bound in wilson(9, 10)] == [0.596, 0.982]
    assert wilson(0, 0) == (0, 1)


def _expectation(text: str, oracle: Oracle) -> Expectation:
    return Expectation(text, read(text, oracle))
