"""Grounding: claims planted in answers, true and false, over the sample's movies and real tool results."""

from __future__ import annotations

import random
import string
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import pytest

from movies.linking import Linker
from movies.models import Movie
from providers.base import ChatMessage
from schemas import Mention
from tools.args import GetMovie
from tools.grounding import Evidence, mentions, unsupported
from tools.registry import Toolbox

PLANTED = tomllib.loads((Path(__file__).parent / "planted_answers.toml").read_text("utf-8"))
DRAWS = 5  # of every answer, with other movies


class Claim(NamedTuple):
    """A span of an answer and whether what it says is true; a `loose` one counts for nothing."""

    start: int
    end: int
    true: bool


@dataclass
class Planted:
    """An answer with its claims, the movies that tools brought and those that the person named."""

    text: str = ""
    claims: list[Claim] = field(default_factory=list)
    brought: list[Movie] = field(default_factory=list)
    named: list[Movie] = field(default_factory=list)


def plant(template: str, movies: list[Movie], draw: random.Random) -> Planted:
    """A template with its slots filled in."""
    chosen = draw.sample(movies, 6)
    brought, others, person = chosen[:3], chosen[3:5], chosen[5]
    planted = Planted(brought=brought, named=[person])
    invented = draw.choice(PLANTED["invented"])
    for literal, slot, *_ in string.Formatter().parse(template):
        planted.text += literal
        if slot:
            movie = {"X": others, "Z": others, "P": [person], "Q": [person]}.get(slot[0], brought)[int(slot[1]) - 1]
            value = invented if slot[0] == "I" else said(slot[0], movie, draw)
            if slot[0] != "Z":
                claim = Claim(len(planted.text), len(planted.text) + len(value), slot[0] in "TYRCPQ")
                planted.claims.append(claim)
            planted.text += value
    return planted


def said(slot: str, movie: Movie, draw: random.Random) -> str:
    """What stands in a slot, right or wrong."""
    mean, year, count = movie.rating_mean or 0.0, movie.year or 0, movie.rating_count
    values = {
        "y": f"{year + draw.choice([-7, -3, -1, 1, 2, 5])}",
        "R": f"{mean:.{draw.choice([1, 2])}f}",
        "r": f"{mean + draw.choice([-0.9, -0.4, 0.3]):.2f}",
        "C": f"{count:,}",
        "c": f"{count + draw.choice([-9, 13, 120]):,}",
    }
    return values.get(slot, str(year) if slot in "YZQ" else movie.title)


async def conversation(tools: Toolbox, planted: Planted) -> list[ChatMessage]:
    """The person's message and a tool result for each movie that was brought."""
    names = ", ".join(movie.called for movie in planted.named)
    entries = [ChatMessage("user", f"I liked {names}. What else?")]
    for movie in planted.brought:
        result, content = await tools.run("get_movie", GetMovie(movie=movie.movie_id))
        entries.append(ChatMessage("tool", content, call_id="call", result=result))
    return entries


def is_marked(claim: Claim, found: list[Mention]) -> bool:
    """True where an unsupported mention covers part of a claim, and no supported one is nearer to it."""
    return any(mention.start < claim.end and claim.start < mention.end for mention in unsupported(found))


@pytest.fixture
async def linker(tools: Toolbox) -> Linker:
    return await tools.snapshot.linker()


@pytest.fixture
async def movies(tools: Toolbox) -> list[Movie]:
    """Movies with a year and enough ratings that a wrong figure is wrong."""
    every = await tools.snapshot.catalogue.movies(tools.snapshot.ids(tools.snapshot.indexes(range(300_000))))
    return [movie for movie in every if movie.year and movie.rating_count >= 10]


async def test_false_claims_are_marked_and_true_ones_are_not(
    tools: Toolbox, linker: Linker, movies: list[Movie]
) -> None:
    draw = random.Random(9)
    planted = [plant(template, movies, draw) for template in PLANTED["answers"] for _ in range(DRAWS)]
    assert len(planted) >= 200
    marked: dict[bool, list[bool]] = {True: [], False: []}
    for answer in planted:
        evidence = Evidence.of(await conversation(tools, answer), linker)
        found = mentions(answer.text, linker, evidence)
        for claim in answer.claims:
            marked[claim.true].append(is_marked(claim, found))
    false, true = (sum(marked[kind]) / len(marked[kind]) for kind in (False, True))
    assert len(marked[False]) > 200, "claims that are not there cannot be missed"
    assert false >= 0.95
    assert true <= 0.02


@pytest.mark.parametrize(
    ("answer", "marked"),
    [
        ("Toy Story (1995) has {count} ratings, {bar} people gave it 4 stars.", []),
        ("Toy Story (1995) has {bar} ratings.", ["{bar}"]),
        ("You gave Toy Story 4.5 stars.", []),
        ("Its rating is 1.07 stars.", []),
        ("Toy Story is from 1996.", ["1996"]),
        ("Toy Story was made in the 1990s, over 25 years ago.", []),
        ("Toy Story: {mean}/5, that is {ten}/10.", []),
        ("Toy Story has {half} stars. Nothing else matters.", []),
        ("**Top Picks for You**\n\n1. **Toy Story** (1995)\n2. **The Glass Harbor** - a quiet drama",
         ["Top Picks for You", "The Glass Harbor"]),
    ],
)  # fmt: skip
async def test_what_is_a_claim(tools: Toolbox, linker: Linker, answer: str, marked: list[str]) -> None:
    result, content = await tools.run("get_movie", GetMovie(movie="Toy Story (1995)"))
    assert isinstance(result, dict)
    movie = result["movie"]
    assert isinstance(movie, dict)
    assert isinstance(movie["histogram"], dict)
    mean, bar = movie["rating_mean"], movie["histogram"]["4.0"]
    assert isinstance(mean, float)
    half = f"{int(round(mean * 2) / 2)}{'½' if round(mean * 2) % 2 else ''}"
    values = {"count": movie["rating_count"], "bar": bar, "mean": round(mean, 2), "ten": round(mean * 2), "half": half}
    said = [ChatMessage("user", "I gave Toy Story 4.5 stars"), ChatMessage("tool", content, call_id="c", result=result)]
    found = mentions(answer.format(**values), linker, Evidence.of(said, linker))
    assert [mention.text for mention in unsupported(found)] == [text.format(**values) for text in marked]
