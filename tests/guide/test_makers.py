"""Running times and people in conversation, over the sample with facts of our own making, and without any."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from language.conditions import conditions
from language.masking import clauses, masked, tidied
from movies.linking import Linker, PersonRow
from movies.titles import plain
from settings import Settings
from tests.support.imdb import DEL_VALLE, KUBO, LIND
from tests.support.serving import serving
from tests.support.wire import new_session, send

PEOPLE = ("Akira Kurosawa", "Clint Eastwood", "Tom Hanks", "Tom Cruise", "Jack Black")


@pytest.fixture(scope="module")
def linker() -> Linker:
    people = [PersonRow(name, plain(name), 1_000 - place) for place, name in enumerate(PEOPLE)]
    return Linker.build([], ["Comedy", "Thriller"], [("twist ending", 9)], people)


@pytest.mark.parametrize(
    ("said", "runtime", "people"),
    [
        ("comedies under two hours", (None, 120), ()),
        ("something shorter than 90 minutes", (None, 90), ()),
        ("no longer than an hour and a half", (None, 90), ()),
        ("at least 2 and a half hours", (150, None), ()),
        ("a 90 minute comedy", (75, 105), ()),
        ("two hours or less", (None, 120), ()),
        ("2h max", (None, 120), ()),
        ("1h30 tops", (None, 90), ()),
        ("1h 40 at most", (None, 100), ()),
        ("between 90 and 120 minutes", (90, 120), ()),
        ("not more than 1.5 hours", (None, 90), ()),
        ("half an hour", (15, 45), ()),
        ("something short", (None, 90), ()),
        ("not too long", (None, 120), ()),
        ("a long movie", (150, None), ()),
        ("rated in the last 12 hours", None, ()),
        ("at least 100 ratings", None, ()),
        ("movies by Kurosawa", None, ("by Akira Kurosawa",)),
        ("directed by Clint Eastwood", None, ("directed by Clint Eastwood",)),
        ("what did Eastwood direct", None, ("directed by Clint Eastwood",)),
        ("starring Tom Hanks and Tom Cruise", None, ("with Tom Hanks", "with Tom Cruise")),
        ("nothing with Tom Cruise", None, ("without Tom Cruise",)),
        ("comedies without jack black", None, ("without Jack Black",)),
        ("directed by kurosava", None, ("directed by kurosava",)),
        ("thrillers by Quentin Xyzzy", None, ("by Quentin Xyzzy",)),
        ("directed by a woman", None, ()),
        ("a Tom Hanks movie under two hours", (None, 120), ("Tom Hanks",)),
        ("by Eastwood or Kurosawa", None, ("by Clint Eastwood",)),
        ("thrillers with a twist", None, ()),
    ],
)
def test_conditions_are_read(
    said: str, runtime: tuple[int | None, int | None] | None, people: tuple[str, ...], linker: Linker
) -> None:
    text = tidied(said)
    [clause] = clauses(masked(text, linker.link(text, typed=True)))
    wants = conditions(clause)
    assert (wants.runtime, wants.people) == (runtime, people)


@pytest.fixture(scope="module")
def client(enriched_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data_dir = Path(shutil.copytree(enriched_dir, tmp_path_factory.mktemp("makers") / "data"))
    with serving(Settings(_env_file=None, data_dir=data_dir, log_level="ERROR")) as server, server.client() as client:
        yield client


def talk(client: httpx.Client, *said: str) -> str:
    """The last answer of a conversation."""
    session = new_session(client)
    return [send(client, session, each).text for each in said][-1]


@pytest.mark.parametrize(
    ("said", "words", "never"),
    [
        (["who directed Heat (1995)?"], [LIND], ["can't", "have no"]),
        (["Heat (1995)", "how long is it?"], ["170 minutes", "2 h 50 min"], ["can't"]),
        (["who is in Heat (1995)?"], [KUBO, "Otto Brandt", "Terence Young", DEL_VALLE], ["can't"]),
        (["is Akiro Kurosawi in Heat (1995)?"], ["Yes, Akiro Kurosawi"], ["Not "]),
        (["did Pia del Valle direct Heat (1995)?"], ["Not Pia del Valle", LIND], ["Yes"]),
        (
            ["who directed Heat (1995)?", "what else did she direct?"],
            ["directed by Mara", "Fargo"],
            ["**Heat** (1995)"],
        ),
        (["movies by Kurosawi"], ["Alien", "Fargo"], ["**Heat**"]),
        (["directed by kurosavi"], ["Alien", "Fargo"], ["**Heat**"]),
        (["movies with Terence Young"], ["Heat", "Toy Story"], []),
        (["films starring Terence Young", "under 100 minutes"], ["Toy Story"], ["**Heat**"]),
        (["how many movies by Akiro Kurosawi are there?"], ["2"], []),
        (["thrillers by Quentin Xyzzy"], ["Nobody called 'Quentin Xyzzy'"], ["Here are"]),
        (["any good comedies longer than 3 hours?"], ["of at least 180 minutes"], ["can't"]),
        (["is it long?"], ["Which"], ["know nothing"]),
    ],
)
def test_the_guide_knows_who_made_what(
    said: list[str], words: list[str], never: list[str], client: httpx.Client
) -> None:
    answer = talk(client, *said)
    assert [word for word in words if word not in answer] == []
    assert [word for word in never if word in answer] == []


@pytest.mark.parametrize(
    "said",
    ["comedies under two hours", "thrillers by Quentin Xyzzy", "who directed Heat (1995)?", "movies with brad pitt"],
)
def test_without_facts_the_guide_says_how_to_get_them(said: str, server_without: httpx.Client) -> None:
    answer = talk(server_without, said)
    assert "python movielens.py enrich download" in answer
    assert "can't" in answer or "know nothing" in answer


@pytest.fixture(scope="module")
def server_without(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data_dir = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("without") / "data"))
    with serving(Settings(_env_file=None, data_dir=data_dir, log_level="ERROR")) as server, server.client() as client:
        yield client
