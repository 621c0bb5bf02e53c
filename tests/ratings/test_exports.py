"""Exports made by hand, over HTTP: what is matched, what is stored, what follows from it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from benchmarks.exports.judge import matched
from benchmarks.exports.make import Made, exports, films, links
from ratings.models import ImportReport
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import ask, new_session

KNOWN = links(ROOT / "data/sample")
MADE = exports(films(), KNOWN)
HEAT, TOY_STORY, FARGO = 720, 728, 738
LETTERBOXD = "Date,Name,Year,Letterboxd URI,Rating\n"


def send(client: httpx.Client, data: bytes | str, **params: Any) -> dict[str, Any]:
    response = client.post("/ratings/import", content=data, params=params)
    assert response.status_code == 200, response.text
    return dict(response.json())


def letterboxd(*rows: str) -> str:
    return LETTERBOXD + "".join(f"2024-05-01,{row}\n" for row in rows)


def one(client: httpx.Client, row: str, **params: Any) -> dict[str, Any]:
    """The report of an export of a single film."""
    [found] = send(client, letterboxd(row), **params)["rows"]
    return dict(found)


def own(client: httpx.Client) -> dict[int, float]:
    return {r["movie"]["movie_id"]: r["stars"] for r in client.get("/ratings", params={"limit": 200}).json()["data"]}


@pytest.mark.parametrize("name", MADE)
def test_an_export_made_by_hand(client: httpx.Client, name: str) -> None:
    """Nearly all films are found, none wrongly, none is recommended again, and the same file changes nothing."""
    made: Made = MADE[name]
    preview = send(client, made.data, filename=made.filename, preview=True)
    assert client.get("/ratings").json()["data"] == []
    done = send(client, made.data, filename=made.filename)
    assert done["rows"] == preview["rows"]
    here, missed, wrong = matched(ImportReport.model_validate(done), made, KNOWN)
    assert here > 60
    assert wrong == []
    assert len(missed) <= 0.03 * here, missed
    stars = own(client)
    assert len(stars) == done["counts"]["new"]
    truth = {int(KNOWN[film.imdb_id][0]): film.stars for film in made.films if film.imdb_id in KNOWN}
    assert all(stars[movie_id] == given for movie_id, given in truth.items() if movie_id in stars)
    recommended = {movie["movie_id"] for movie in recommendations(client, 50)}
    assert len(recommended) == 50
    assert not recommended & (truth.keys() | stars.keys())
    again = send(client, made.data, filename=made.filename)["counts"]
    assert (again["new"], again["changed"], again["seen"]) == (0, 0, 0)
    assert own(client) == stars


def recommendations(client: httpx.Client, limit: int) -> list[dict[str, Any]]:
    """The caller's recommendations, by the tool."""
    answer = ask(client, new_session(client), f"recommend me {limit} movies")
    [result] = [message["result"] for message in answer["messages"] if message["name"] == "recommend"]
    return list(result["movies"])


def test_a_conversation_about_ones_taste_follows_at_once(client: httpx.Client) -> None:
    made = MADE["Letterboxd, ZIP"]
    send(client, made.data, filename=made.filename)
    session = new_session(client)
    taste = ask(client, session, "what's my taste?")
    [profile] = [message["result"] for message in taste["messages"] if message["name"] == "taste_profile"]
    assert profile["ratings"] == len(own(client))
    more = ask(client, session, "recommend me something")
    [found] = [message["result"] for message in more["messages"] if message["name"] == "recommend"]
    assert found["basis"] == "personal"
    causes = {cause["movie_id"] for movie in found["movies"] for cause in movie["because"] if cause["movie_id"]}
    assert causes <= own(client).keys()
    assert causes


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_what_is_given_back_can_be_taken_again(server: Server, tmp_path: Path, format_: str) -> None:
    made = MADE["Letterboxd, ZIP"]
    with server.client() as client:
        send(client, made.data, filename=made.filename)
        client.put(f"/ratings/{TOY_STORY}", json={"stars": 3.5})
        first = client.get("/ratings/export", params={"format": format_})
    assert f'filename="marquee-ratings.{format_}"' in first.headers["content-disposition"]
    other = server.settings.model_copy(update={"data_dir": tmp_path / "data"})
    (tmp_path / "data" / "chat.db").unlink(missing_ok=True)
    server.stop()
    for file in (tmp_path / "data").glob("chat.db*"):
        file.unlink()
    with serving(other) as fresh, fresh.client() as client:
        report = send(client, first.content)
        assert report["format"] == "marquee"
        assert report["counts"]["rows"] == report["counts"]["new"] + report["counts"]["seen"]
        assert client.get("/ratings/export", params={"format": format_}).content == first.content


def test_the_newest_date_wins(client: httpx.Client) -> None:
    client.put(f"/ratings/{TOY_STORY}", json={"stars": 2})
    older = one(client, "Toy Story,1995,x,5")
    assert (older["effect"], older["already"]) == ("older", 2)
    assert "stays" in older["reason"]
    assert own(client) == {TOY_STORY: 2}
    [newer] = send(client, f"userId,movieId,rating,timestamp\n7,{TOY_STORY},4.5,4000000000\n")["rows"]
    assert newer["effect"] == "older"  # a date that lies ahead is none
    send(client, letterboxd("Heat,1995,x,5"))
    later = LETTERBOXD + "2025-01-01,Heat,1995,x,3\n2024-12-01,Heat,1995,y,1\n"
    report = send(client, later)
    assert [row["status"] for row in report["rows"]] == ["ambiguous", "ambiguous"]  # Letterboxd has a film once
    diary = "Date,Name,Year,Letterboxd URI,Rating,Rewatch,Tags,Watched Date\n" + "".join(
        f"2025-02-01,Heat,1995,{number},{stars},,,{day}\n"
        for number, (stars, day) in enumerate([("1", "2024-12-01"), ("3", "2025-01-01")])
    )
    report = send(client, diary)
    assert [row["status"] for row in report["rows"]] == ["duplicate", "matched"]
    assert report["rows"][1]["effect"] == "changed"
    assert report["rows"][1]["already"] == 5
    assert own(client)[HEAT] == 3


def test_dates_are_kept_in_every_format(client: httpx.Client) -> None:
    send(client, "Const,Your Rating,Date Rated,Title,Title Type,Year\ntt0113277,9,2019-02-03,Heat,Movie,1995\n")
    send(client, "position,const,created,Title,You rated\n1,tt0114709,Sat Dec 31 00:00:00 2016,Toy Story,8\n")
    send(client, "movieId,rating,timestamp\n689,4.5,1500000000\n")
    item = {"rated_at": "2014-09-01T09:10:11.000Z", "rating": 7, "type": "movie"}
    send(client, json.dumps([{**item, "movie": {"title": "Fargo", "year": 1996, "ids": {"imdb": "tt0116282"}}}]))
    found = {r["movie"]["movie_id"]: (r["stars"], r["rated_at"]) for r in client.get("/ratings").json()["data"]}
    assert found == {
        HEAT: (4.5, "2019-02-03T00:00:00Z"),
        TOY_STORY: (4.0, "2016-12-31T00:00:00Z"),
        689: (4.5, "2017-07-14T02:40:00Z"),
        FARGO: (3.5, "2014-09-01T09:10:11Z"),
    }


def test_what_is_only_listed_is_not_seen(client: httpx.Client) -> None:
    listed = "Date,Name,Year,Letterboxd URI\n2024-01-01,Heat,1995,x\n"
    for name in ("watchlist.csv", ""):
        report = send(client, listed, filename=name)
        assert report["counts"]["seen"] == 0
        assert report["notes"] or name
    assert send(client, listed, filename="watched.csv")["counts"]["seen"] == 1
    imdb = "Position,Const,Created,Title,Title Type,Year,Your Rating\n1,tt0114709,2020-01-01,Toy Story,Movie,1995,\n"
    [row] = send(client, imdb)["rows"]
    assert (row["status"], row["effect"]) == ("unrated", None)
    assert client.delete(f"/ratings/{HEAT}").status_code == 204  # forgets that it was seen
    assert client.delete(f"/ratings/{HEAT}").status_code == 404
    assert send(client, listed, filename="watched.csv")["counts"]["seen"] == 1


def test_what_is_in_doubt_is_left_out_until_chosen(client: httpx.Client) -> None:
    row = one(client, "Heat,,x,4")
    assert row["status"] == "ambiguous"
    assert [movie["movie_id"] for movie in row["candidates"]] == [HEAT, 486]
    assert own(client) == {}
    assert one(client, "Heat,,x,4", choices=f"1:{HEAT}")["effect"] == "new"
    assert own(client) == {HEAT: 4}
    for choices in (f"2:{HEAT}", "1:99999999", "1:x", "1"):
        refused = client.post("/ratings/import", content=letterboxd("Heat,,x,4"), params={"choices": choices})
        assert refused.status_code == 422


@pytest.mark.parametrize(
    ("row", "status", "reason"),
    [
        ("Nobody Made This,1995,x,4", "unknown", "does not have it"),
        ("Heat,2013,x,4", "unknown", "does not have it"),
        ("Heat,1997,x,4", "ambiguous", "another year"),
        ("Heat,1995,x,9", "invalid", "not 0.5 to 5"),
        ("Heat,1995,x,4.3", "invalid", "not 0.5 to 5"),
        ("Heat,1995,x,good", "invalid", "no rating"),
        ("Heat,1995,x,nan", "invalid", "not 0.5 to 5"),
        ("Heat, the film,1995,x,4", "invalid", "6 fields"),
        (",,x,4", "invalid", "names no movie"),
    ],
)
def test_a_row_that_is_left_out_says_why(client: httpx.Client, row: str, status: str, reason: str) -> None:
    found = one(client, row)
    assert (found["status"], found["line"]) == (status, 2)
    assert reason in found["reason"]
    assert own(client) == {}


def test_a_series_is_no_movie(client: httpx.Client) -> None:
    header = "Const,Your Rating,Title,Title Type,Year\n"
    for kind in ("TV Series", "tvMiniSeries", "TV Episode", "Video Game"):
        [row] = send(client, f"{header}tt2802850,9,Fargo,{kind},1996\n")["rows"]
        assert row["status"] == "unknown"
        assert "not a movie" in row["reason"]


def test_an_id_decides_before_a_title(client: httpx.Client) -> None:
    header = "Const,Your Rating,Title,Title Type,Year\n"
    [row] = send(client, f"{header}tt0113277,9,Ein ganz anderer Titel,Movie,2001\n")["rows"]
    assert row["movie"]["movie_id"] == HEAT
    [row] = send(client, f"{header}tt9999999,9,Heat,Movie,1995\n")["rows"]
    assert (row["status"], row["candidates"][0]["movie_id"]) == ("ambiguous", HEAT)


def test_a_file_of_windows_and_of_excel(client: httpx.Client) -> None:
    latin = LETTERBOXD.replace(",", ";") + "2024-05-01;Amélie;2001;x;4,5\r\n"
    for data in (latin.encode("cp1252"), latin.encode("utf-16"), latin.encode("utf-8-sig")):
        [row] = send(client, data)["rows"]
        assert (row["status"], row["stars"]) == ("matched", 4.5)


def test_formulas_go_out_as_text(client: httpx.Client) -> None:
    """Titles are the catalogue's and stand in quotes; nothing is put before them, or they would not come in again."""
    send(client, letterboxd("Heat,1995,x,4"))
    assert f"\r\n{HEAT},4.0,".encode() in client.get("/ratings/export").content
    assert b'"Heat (1995)"' in client.get("/ratings/export").content


@pytest.mark.parametrize("question", ["here is my Letterboxd", "can I import my IMDb ratings?"])
def test_the_guide_says_how(client: httpx.Client, question: str) -> None:
    answer = ask(client, new_session(client), question)["messages"][-1]["content"]
    for way in ("My taste", "/import FILE", "python movielens.py ratings FILE"):
        assert way in answer
