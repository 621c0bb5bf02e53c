"""Files that nobody should send: each gets a clear answer, soon, and nothing is stored."""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import httpx
import pytest

LETTERBOXD = "Date,Name,Year,Letterboxd URI,Rating\n"
USERS = "userId,movieId,rating,timestamp\n"


def archive(files: Mapping[str, bytes], **options: Any) -> bytes:
    data = BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED, **options) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return data.getvalue()


GOOD = f"{LETTERBOXD}2024-01-01,Heat,1995,x,4\n".encode()
REFUSED: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "empty"),
    "blank": (b" \r\n\t", "empty"),
    "binary": (b"\x7fELF\x02\x01\x01\x00\x00", "NUL"),
    "a NUL in a row": (GOOD + b"2024-01-01,He\0at,1995,x,4\n", "line 3"),
    "prose": (b"Dear sir, here are my films.", "first line"),
    "a page": (b"<!doctype html><title>Sign in</title>", "not an IMDb"),
    "a quote that never ends": (GOOD + b'2024-01-01,"Heat,1995,x,4\n' * 3, "line 3"),
    "a huge field": (GOOD + b'2024-01-01,"' + b"x" * 200_000 + b'",1995,x,4\n', "line 3"),
    "a huge header": (b"x" * 300_000, "line 1"),
    "too many rows": (USERS.encode() + b"1,6,4,1\n" * 50_001, "50,000"),
    "several users": (f"{USERS}1,6,4,1\n2,6,4,1\n".encode(), "several users"),
    "no JSON": (b'[{"rating": 3,', "JSON"),
    "deep JSON": (b"[" * 200_000, "JSON"),
    "a huge number": (b"[" + b"9" * 10_000 + b"]", "JSON"),
    "other JSON": (b'{"a": 1}', "not an IMDb"),
    "too many items": (json.dumps([{"movie": {"title": "x"}}] * 50_001).encode(), "50,000"),
    "a damaged ZIP": (archive({"ratings.csv": GOOD})[:-30], "archive"),
    "a ZIP of nothing": (archive({}), "no ratings"),
    "a ZIP of others": (archive({"a.txt": b"x", "b.csv": b"a,b\n1,2\n"}), "no ratings"),
    "a nested ZIP": (archive({"inner.zip": archive({"ratings.csv": GOOD})}), "no ratings"),
    "a bomb": (archive({"ratings.csv": b"0" * 80_000_000}), "60 MB"),
    "many small bombs": (archive({f"{i}/ratings.csv": b"0" * 8_000_000 for i in range(9)}), "60 MB"),
    "many entries": (archive({f"{number}.txt": b"" for number in range(2_001)}), "entries"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_none(client: httpx.Client, name: str) -> None:
    data, reason = REFUSED[name]
    began = time.perf_counter()
    response = client.post("/ratings/import", content=data, params={"filename": "ratings.csv"})
    assert response.status_code == 422, response.text
    assert reason in response.json()["detail"]
    assert "Traceback" not in response.text
    assert time.perf_counter() - began < 10
    assert client.get("/ratings").json()["data"] == []


def test_a_damaged_member_is_no_defect(client: httpx.Client) -> None:
    data = bytearray(archive({"ratings.csv": GOOD * 50}))
    for place in range(45, 70):
        data[place] ^= 0x55
    response = client.post("/ratings/import", content=bytes(data))
    assert response.status_code == 422
    assert "archive" in response.json()["detail"]


def test_what_its_name_says_does_not_matter(client: httpx.Client) -> None:
    for name in ("ratings.zip", "a.json", "../../etc/passwd", "x" * 255):
        response = client.post("/ratings/import", content=GOOD, params={"filename": name, "preview": True})
        assert response.json()["counts"]["matched"] == 1


def test_a_form_is_told_what_to_send_instead(client: httpx.Client) -> None:
    response = client.post("/ratings/import", files={"file": ("ratings.csv", GOOD)})
    assert response.status_code == 422
    assert "--data-binary" in response.json()["detail"]


def test_a_body_may_be_larger_than_elsewhere_and_not_without_end(client: httpx.Client) -> None:
    assert client.post("/ratings/import", content=GOOD + b"\n" * 2_000_000).status_code == 200
    assert client.post("/ratings/import", content=GOOD + b"\n" * 10_000_000).status_code == 413
    assert client.post("/sessions", content=b" " * 2_000_000).status_code == 413


def test_strange_titles_come_back_harmless(client: httpx.Client) -> None:
    titles = ["=cmd|' /C calc'!A0", "\x1b]52;c;x\x07", "<script>alert(1)</script>", "x" * 5_000, "\u202eevil", "🎬"]
    rows = [{"rating": 8, "movie": {"title": title, "year": 1995}} for title in titles]
    odd: list[object] = [None, 7, {"movie": None}, {"movie": {"ids": []}, "rating": {}}, {"movie": {"title": {}}}]
    response = client.post("/ratings/import", content=json.dumps([*rows, *odd]))
    report = response.json()
    assert len(report["rows"]) == len(rows) + len(odd)
    assert report["counts"]["matched"] == 0
    assert "\x1b" not in "".join(row["title"] for row in report["rows"])
    assert max(len(row["title"]) for row in report["rows"]) <= 300


def test_thousands_of_rows_take_moments(client: httpx.Client) -> None:
    """5,000 films, most of which nobody has heard of; and 50,000 rows, during which others are answered."""
    films = "".join(f"2024-01-01,Some Film of Mine {n},{1950 + n % 70},x,3\n" for n in range(5_000))
    began = time.perf_counter()
    response = client.post("/ratings/import", content=LETTERBOXD + films)
    seconds = time.perf_counter() - began
    assert response.json()["counts"]["unknown"] + response.json()["counts"]["ambiguous"] == 5_000
    assert seconds < 10  # a second alone on a machine
    rows = USERS + "".join(f"1,{n},4,{1_500_000_000 + n}\n" for n in range(1, 50_001))
    report = client.post("/ratings/import", content=rows).json()
    assert report["counts"]["rows"] == 50_000
    assert report["counts"]["new"] > 1_000
    assert report["counts"]["new"] + report["counts"]["unknown"] == 50_000
