"""The answering half of the guide: frames made by hand, played over the real tools, and put into words."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import pytest

from errors import ToolError
from guide.answering import script
from guide.dialogue import Dialogue, Done, Turn
from guide.scripts import Call, Scene
from guide.wording import texts
from language.frame import Act, Aggregate, Frame, Ref
from movies.models import Filters, MovieName
from tools.registry import TOOLS, Toolbox
from tools.results import RatingList

CRIME_90S = Filters(genres=["Crime"], year_from=1990, year_to=1999)


class Talk:
    """A conversation in frames, of somebody who has rated nothing yet."""

    def __init__(self, tools: Toolbox) -> None:
        self.tools = tools
        self.dialogue = Dialogue()
        self.done: tuple[Done, ...] = ()

    async def ref(self, title: str, **more: Any) -> Ref:
        """A movie of the catalogue by its title and year."""
        [(movie, _), *_] = await self.tools.snapshot.catalogue.find_title(title, 1)
        assert movie.called == title
        return Ref(movie_id=movie.movie_id, title=movie.title, year=movie.year, **more)

    async def say(self, act: Act, *, beside: tuple[Act, ...] = (), **frame: Any) -> str:
        """Play the script of a frame, as the provider and the loop of calls do together."""
        playing = script(Scene(Frame(act=act, **frame), self.dialogue, beside, self.tools.snapshot.info))
        self.done = ()
        try:
            calls = next(playing)
            while True:
                dones = tuple([await self._made(call) for call in calls])
                self.done += dones
                calls = playing.send(dones)
        except StopIteration as ended:
            self.dialogue = Dialogue((*self.dialogue.turns, Turn("", self.done, ended.value)))
            return str(ended.value)

    async def _made(self, call: Call) -> Done:
        args = TOOLS[call.name].check(json.loads(json.dumps(call.args)))
        assert args.model_dump(mode="json", exclude_unset=True) == call.args
        try:
            result, _ = await self.tools.run(call.name, args)
        except ToolError as error:
            return Done(call.name, call.args, error=str(error))
        return Done(call.name, call.args, TOOLS[call.name].result.model_validate(result))

    @property
    def movies(self) -> list[MovieName]:
        """The movies that the last answer's last call put before the person."""
        return self.done[-1].movies


@pytest.fixture
def talk(tools: Toolbox) -> Talk:
    return Talk(tools)


def names(text: str) -> list[str]:
    """The movies of a numbered list."""
    return re.findall(r"^\d+\. \**(.+?)\** \(\d{4}\)", text, re.MULTILINE)


# Lists


async def test_nothing_known_asks_once_and_then_shows_what_most_like(talk: Talk) -> None:
    asked = await talk.say("recommend")
    assert "Which of these did you like?" in asked
    assert len(names(asked)) == 4
    shown = await talk.say("recommend")
    assert "your taste yet" in shown
    assert len(names(shown)) == 5


async def test_movies_like_one_say_the_conditions_in_force(talk: Talk) -> None:
    heat = await talk.ref("Heat (1995)")
    assert "ovies like Heat (1995)" in await talk.say("like", movies=(heat,), count=3)
    assert len(talk.movies) == 3
    narrowed = await talk.say("like", movies=(heat,), filters=CRIME_90S, follows=True)
    assert "crime movies from the 1990s like Heat (1995):" in narrowed
    assert "so now" in narrowed or "hen " in narrowed or "ll right" in narrowed


async def test_likes_and_dislikes_are_taken_up_at_once(talk: Talk) -> None:
    heat, titanic = await talk.ref("Heat (1995)"), await talk.ref("Titanic (1997)")
    said = await talk.say("opinion", liked=(heat,), disliked=(titanic,))
    assert "because you liked Heat (1995) but not Titanic (1997)" in said
    assert talk.done[0].args["disliked"] == [titanic.movie_id]
    assert await talk.say("opinion", liked=(heat,), beside=("recommend",)) == ""
    assert await talk.say("opinion")


async def test_a_mean_is_a_mean_where_fewest_ratings_are_named(talk: Talk) -> None:
    said = await talk.say("find", filters=Filters(genres=["Crime"], min_ratings=50), sort="rating")
    assert "rime movies with at least 50 ratings, highest mean first" in said
    means = [float(mean) for mean in re.findall(r": (\d\.\d\d) stars", said)]
    assert means == sorted(means, reverse=True)
    assert "best rated first" in await talk.say("find", filters=CRIME_90S, sort="rating")
    assert "at least 20 ratings" in await talk.say("find", sort="worst")


async def test_more_leaves_out_what_was_shown(talk: Talk) -> None:
    first = names(await talk.say("find", filters=CRIME_90S, sort="popularity"))
    second = names(await talk.say("find", filters=CRIME_90S, sort="popularity", again=True))
    assert len(first) == len(second) == 5
    assert not set(first) & set(second)


async def test_seen_is_left_out_and_the_list_goes_on(talk: Talk) -> None:
    first = names(await talk.say("find", filters=CRIME_90S, sort="popularity"))
    said = await talk.say("seen", movies=(await talk.ref(f"{talk.movies[0].called}"),))
    assert first[0] in said.splitlines()[0]
    assert len(names(said)) == len(first)
    assert not set(names(said)) & set(first)
    third = await talk.say("seen", movies=())
    assert names(third)


async def test_seen_before_any_list_invites_to_rate(talk: Talk) -> None:
    assert "How many stars" in await talk.say("seen", movies=(await talk.ref("Heat (1995)"),))


async def test_what_nothing_passes_is_loosened_and_said(talk: Talk) -> None:
    impossible = Filters(genres=["Documentary"], year_from=1940, year_to=1949, min_ratings=5)
    said = await talk.say("find", filters=impossible)
    assert "Nothing passes all of that: documentaries from the 1940s with at least 5 ratings." in said
    assert names(said)
    assert 2 <= len(talk.done) <= 4


async def test_what_nothing_passes_at_all_is_said(talk: Talk) -> None:
    said = await talk.say("find", filters=Filters(year_from=1801, year_to=1802))
    assert "movies from 1801 to 1802" in said
    assert not names(said)


async def test_what_was_not_understood_of_the_conditions_is_said(talk: Talk) -> None:
    said = await talk.say("find", filters=CRIME_90S, unmet=("under 90 minutes", "with Al Pacino"))
    assert "“under 90 minutes” or “with Al Pacino”" in said
    assert names(said)


async def test_excluded_series_and_movies(talk: Talk) -> None:
    heat = await talk.ref("Heat (1995)")
    said = await talk.say("find", filters=Filters(genres=["Sci-Fi"]), exclude=(heat,), exclude_series=("Star Wars",))
    assert "without Star Wars" in said
    assert talk.done[0].args["exclude"] == ["Star Wars", heat.movie_id]
    assert not any("Star Wars" in name for name in names(said))


async def test_users_and_groups(talk: Talk) -> None:
    assert "for MovieLens user 5, going by their ratings" in await talk.say("recommend", users=(5,))
    assert "for MovieLens user 5 and MovieLens user 6 together" in await talk.say("recommend", users=(5, 6))
    assert "for you and MovieLens user 5 together" in await talk.say("recommend", users=(5,), own=True)
    liked = (await talk.ref("Heat (1995)"),)
    await talk.say("recommend", users=(5,), own=True, liked=liked)
    assert talk.done[0].args["members"] == [{"liked": [liked[0].movie_id]}, {"user_id": 5}]
    assert "The data has no user 99999999." in await talk.say("recommend", users=(99999999,))


async def test_words_and_titles(talk: Talk) -> None:
    assert "about “space travel”" in await talk.say("recommend", text="space travel")
    assert "Heat** (1995): Action, Crime, Thriller" in await talk.say("find", movies=(await talk.ref("Heat (1995)"),))


async def test_fewer_than_asked_for_is_said(talk: Talk) -> None:
    said = await talk.say("find", filters=Filters(genres=["Film-Noir"], year_to=1945), count=50)
    assert "That is all that fits" in said


# Facts and figures


@pytest.mark.parametrize(
    ("aspect", "says"),
    [
        ("", "Action, Crime, Thriller; "),
        ("everything", "tt0113277"),
        ("year", "is from 1995."),
        ("genres", "is filed under Action, Crime, Thriller."),
        ("rating", " stars on average from "),
        ("count", " ratings."),
        ("good", "gave it 4 stars or more"),
        ("histogram", "By stars given, 5: "),
        ("tags", "People tag **Heat** (1995)"),
        ("links", "IMDb: https://www.imdb.com/title/tt0113277/"),
        ("lately", "of all time; my data ends in"),
        ("own", "You have not rated it yet."),
        ("stars", "ratings of **Heat** (1995) are 5 stars"),
        ("trait", "Yes, it counts as crime: **Heat** (1995)"),
    ],
)
async def test_facts(talk: Talk, aspect: str, says: str) -> None:
    heat = await talk.ref("Heat (1995)")
    said = await talk.say("fact", movies=(heat,), aspect=aspect, filters=Filters(genres=["Crime"]))
    assert says in said
    assert "**Heat** (1995)" in said


async def test_an_ambiguous_title_is_said_once(talk: Talk) -> None:
    heat, ronin = await talk.ref("Heat (1995)"), await talk.ref("Ronin (1998)")
    heat = heat.model_copy(update={"others": (ronin.movie_id,), "certainty": 0.5})
    remark = "I took Heat (1995); there is also Ronin (1998)."
    assert remark in await talk.say("fact", movies=(heat,), aspect="year")
    assert remark not in await talk.say("fact", movies=(heat,), aspect="year")


async def test_comparisons_say_by_how_much(talk: Talk) -> None:
    heat, titanic = await talk.ref("Heat (1995)"), await talk.ref("Titanic (1997)")
    said = await talk.say("compare", movies=(heat, titanic))
    first, second = (round(movie.rating_mean, 2) for movie in talk.done[-1].result.movies)  # type: ignore[union-attr]
    assert f"Heat (1995) is rated {first - second:.2f} stars higher than Titanic (1997)" in said
    assert "Which two" in await talk.say("compare")
    assert "**Heat** (1995)" in await talk.say("compare", movies=(heat,))


@pytest.mark.parametrize(
    ("aggregate", "frame", "pattern"),
    [
        (Aggregate(), {"filters": CRIME_90S}, r"^Of the [\d,]+ movies, \d+ \(.+\) are crime movies from the 1990s\.$"),
        (Aggregate(), {}, r"^My data has [\d,]+ movies and [\d,]+ ratings by \d+ users: on average \d+ a user and"),
        (
            Aggregate(of="ratings"),
            {"users": (5,)},
            r"^The number of ratings by MovieLens user 5: \d+, \d\.\d\d stars on average\.$",
        ),
        (
            Aggregate(of="ratings", measure="mean"),
            {"filters": CRIME_90S},
            r"\d\.\d\d stars: the mean of ratings of cri",
        ),
        (
            Aggregate(by="genre"),
            {"count": 3},
            r"^Movies, by genres, most first \(of \d+ genres\):\n\n1\. \w+: \d+ movies",
        ),
        (
            Aggregate(of="ratings", measure="mean", by="decade", sort_by="mean", at_least=100),
            {},
            r"highest mean first, of decades with at least 100.*:\n\n1\. \d{4}s: \d\.\d\d stars on average from [\d,]+",
        ),
        (Aggregate(), {"filters": Filters(year_from=1801, year_to=1802)}, r"^There are no movies from 1801 to 1802"),
    ],
)
async def test_statistics(talk: Talk, aggregate: Aggregate, frame: dict[str, Any], pattern: str) -> None:
    said = await talk.say("statistic", aggregate=aggregate, **frame)
    assert re.search(pattern, said), said


# The person


async def test_ratings_are_stored_changed_listed_and_removed(talk: Talk) -> None:
    heat, ronin = await talk.ref("Heat (1995)"), await talk.ref("Ronin (1998)")
    assert await talk.say("rate", movies=(heat, ronin), stars=4) == (
        "Noted: 4 stars for **Heat** (1995).\nNoted: 4 stars for **Ronin** (1998)."
    )
    changed = await talk.say("rate", movies=(heat,), stars=3.7)
    assert changed.startswith("Noted: 3.5 stars for **Heat** (1995). It was 4 stars before.")
    assert "in halves" in changed
    assert "You have rated 2 movies, 3.75 stars on average." in await talk.say("ratings", own=True)
    assert "You gave it 3.5 stars" in await talk.say("fact", movies=(heat,), aspect="own")
    assert "is gone; it was 3.5 stars" in await talk.say("rate", movies=(heat,))
    assert "nothing to remove" in await talk.say("rate", movies=(heat,))
    assert "go from half a star to five" in await talk.say("rate", movies=(heat,), stars=11)


async def test_nothing_is_stored_on_a_guess(talk: Talk) -> None:
    heat, ronin = await talk.ref("Heat (1995)"), await talk.ref("Ronin (1998)")
    doubtful = heat.model_copy(update={"others": (ronin.movie_id,), "certainty": 0.4})
    said = await talk.say("rate", movies=(doubtful,), stars=4)
    assert "Heat (1995) or Ronin (1998)" in said
    assert said.count("?") == 1 or "until I know" in said
    assert {done.name for done in talk.done} == {"get_movie"}
    assert "Which movie" in await talk.say("rate", stars=4)


async def test_ratings_of_others(talk: Talk) -> None:
    said = await talk.say("ratings", users=(5,), order="highest", count=3)
    assert re.search(
        r"^MovieLens user 5 has rated \d+ movies, \d\.\d\d stars on average\. Best rated first:\n\n1\. ", said
    )
    assert "rated no" in await talk.say("ratings", own=True)


async def test_taste(talk: Talk) -> None:
    said = await talk.say("taste", users=(5,))
    assert "above their average: " in said
    assert "- Favourites: **" in said
    assert "no taste to tell of" in await talk.say("taste", own=True)


async def test_predictions_say_their_range_and_ground(talk: Talk) -> None:
    heat = await talk.ref("Heat (1995)")
    assert "I know nothing of your taste yet" in await talk.say("predict", movies=(heat,), own=True)
    said = await talk.say("predict", movies=(heat,), users=(5,))
    assert re.search(
        r"(about \d\.\d stars, most likely \d\.\d to \d\.\d\. That rests on \d+ ratings|gave \*\*Heat)", said
    )


async def test_reasons(talk: Talk) -> None:
    assert "haven't shown you anything" in await talk.say("why")
    await talk.say("find", filters=CRIME_90S)
    assert "fits what you asked for: " in await talk.say("why")
    heat = await talk.ref("Heat (1995)")
    await talk.say("like", movies=(heat,))
    assert "is close to Heat" in await talk.say("why")
    liked = (heat, await talk.ref("Ronin (1998)"), await talk.ref("Fargo (1996)"))
    await talk.say("recommend", liked=liked)
    said = await talk.say("why", movies=(await talk.ref(talk.movies[1].called),))
    assert "because you liked " in said
    assert talk.done[0].args["liked"] == [ref.movie_id for ref in liked]


# The talk itself


async def test_what_was_shown_is_recalled_and_chosen_from(talk: Talk) -> None:
    assert "haven't shown you anything" in await talk.say("recall")
    first = names(await talk.say("find", filters=CRIME_90S))
    second = names(await talk.say("find", filters=Filters(genres=["Comedy"])))
    assert names(await talk.say("recall", aspect="first")) == first
    assert names(await talk.say("recall")) == second
    assert first[0] in await talk.say("recall", movies=(await talk.ref(talk.dialogue.done[0].movies[0].called),))
    chosen = await talk.say("choose")
    assert "the best liked of them" in chosen
    assert sum(name in chosen for name in second) == 1
    assert "the newest of them" in await talk.say("choose", sort="newest")
    assert "none of them is" in await talk.say("choose", filters=Filters(year_from=1900, year_to=1901))
    assert talk.done == ()


async def test_choosing_from_nothing_gives_one(talk: Talk) -> None:
    assert len(names(await talk.say("choose"))) == 1


@pytest.mark.parametrize(
    "aspect", ["greet", "thanks", "bye", "help", "who", "praise", "feelings", "insult", "reset", "stop"]
)
async def test_small_talk_needs_no_look_up(talk: Talk, aspect: str) -> None:
    assert await talk.say("small_talk", aspect=aspect)
    assert talk.done == ()


async def test_what_two_people_have_both_rated_is_found_however_much_they_rated(talk: Talk) -> None:
    said = await talk.say("ratings", users=[586, 561])
    assert "User 586 and user 561 have both rated" in said
    assert all(isinstance(done.result, RatingList) for done in talk.done)


async def test_the_last_answer_is_repeated(talk: Talk) -> None:
    said = await talk.say("find", filters=CRIME_90S)
    assert await talk.say("small_talk", aspect="repeat") == said


async def test_limits_are_honest_and_lead_on(talk: Talk) -> None:
    for aspect in texts().topics:
        assert "my data has no information" in await talk.say("outside", aspect=aspect)
    about_one = await talk.say("outside", aspect="cast", movies=(await talk.ref("Heat (1995)"),))
    assert "My data has no casts" in about_one
    assert "What I do know of **Heat** (1995): Action, Crime, Thriller" in about_one
    assert "years, genres, tags and ratings" in await talk.say("outside", aspect="nonsense")


async def test_one_question_where_it_is_unclear(talk: Talk) -> None:
    assert "movies like Up or facts about Up?" in await talk.say(
        "unclear", ambiguous=("movies like Up", "facts about Up")
    )
    assert "Heat (1995)" in await talk.say("unclear", movies=(await talk.ref("Heat (1995)"),))
    assert (await talk.say("unclear")).count("?") == 1


# All answers


@dataclass(frozen=True)
class Figures:
    """A way in which figures are told, with how it follows from an object of a result."""

    pattern: str
    template: str


FIGURES = (
    Figures(r"\d\.\d\d stars from [\d,]+ ratings?", "{rating_mean:.2f} stars from {rating_count:,} ratings"),
    Figures(
        r"\d\.\d\d stars on average from \d+ ratings?",
        "{rating_mean:.2f} stars on average from {rating_count:,} ratings",
    ),
)


async def test_every_name_and_figure_is_one_that_a_tool_returned(talk: Talk) -> None:
    heat, ronin = await talk.ref("Heat (1995)"), await talk.ref("Ronin (1998)")
    frames: tuple[dict[str, Any], ...] = (
        {"act": "like", "movies": (heat,)},
        {"act": "find", "filters": CRIME_90S, "sort": "rating"},
        {"act": "recommend", "users": (5,)},
        {"act": "recommend", "liked": (heat, ronin), "count": 10},
        {"act": "fact", "movies": (heat, ronin)},
        {"act": "compare", "movies": (heat, ronin)},
    )
    for frame in frames:
        said = await talk.say(**frame)
        known = [each for done in talk.done if done.result for each in objects_in(done.result.model_dump())]
        called = tuple(f"{each['title']} ({each['year']})" for each in known if each.get("year"))
        for year in re.finditer(r" \(\d{4}\)", plain := said.replace("**", "")):
            assert plain[: year.end()].endswith((*called, "Heat (1995)", "Ronin (1998)")), said
        for figures in FIGURES:
            possible = {figures.template.format_map(each) for each in known if each.get("rating_mean")}
            assert set(re.findall(figures.pattern, said)) <= possible | {each[:-1] for each in possible}, said


def objects_in(value: Any) -> list[dict[str, Any]]:
    """Every object of a JSON document, at any depth."""
    if isinstance(value, dict):
        return [value, *objects_in(list(value.values()))]
    return [found for item in value for found in objects_in(item)] if isinstance(value, list) else []
