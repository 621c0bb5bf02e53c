"""Files in the layout of IMDb's, over the sample catalogue: its movies' ids, and people whom we made up."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.support.serving import ROOT

FIRST = ("Mara", "Otto", "Ines", "Kaito", "Ludo", "Priya", "Tilde", "Anselm", "Noor", "Bram", "Zofia", "Emeka")
LAST = (
    "Lindqvist", "Okonjo", "Varga", "Takemori", "Brandt", "Castellane", "Young", "Stone", "Petrosyan", "Quill",
    "Achterberg", "Mbeki", "Sorensen", "Delacroix-Ruiz", "Halloran", "Ivanishvili", "Fontaine", "Nakadai", "O'Dowd",
)  # fmt: skip
KUBO, LIND, STONE, YOUNG, DEL_VALLE = (
    "Akiro Kurosawi",
    "Mara Lindqvist",
    "Oliver Stonne",
    "Terence Young",
    "Pia del Valle",
)
HEAT = {
    "runtime": "170", "directors": [LIND], "writers": [LIND], "cast": [KUBO, "Otto Brandt", YOUNG, DEL_VALLE],
}  # fmt: skip
Facts = Mapping[str, str | Sequence[str]]
TOLD: dict[str, Facts] = {  # by the title of the sample; all else is dealt out in turn
    "Heat (1995)": HEAT,
    "Alien (1979)": {"runtime": "117", "directors": [KUBO], "cast": [LIND, "Noor Quill"]},
    "Fargo (1996)": {"runtime": "98", "directors": [KUBO, LIND], "cast": ["Noor Quill"]},
    "Toy Story (1995)": {"runtime": "81", "directors": [DEL_VALLE], "cast": ["Bram Stone", YOUNG]},
}
HEADERS = {
    "title.basics": "tconst titleType primaryTitle originalTitle isAdult startYear endYear runtimeMinutes genres",
    "title.ratings": "tconst averageRating numVotes",
    "title.crew": "tconst directors writers",
    "title.principals": "tconst ordering nconst category job characters",
    "title.akas": "titleId ordering title region language types attributes isOriginalTitle",
    "name.basics": "nconst primaryName birthYear deathYear primaryProfession knownForTitles",
}


def imdb_texts(wanted: Iterable[tuple[str, str]] | None = None) -> dict[str, str]:
    """The files by stem, as text, of (IMDb id, title of movies.csv); of the sample if none are given."""
    rows: dict[str, list[Sequence[str]]] = {stem: [header.split()] for stem, header in HEADERS.items()}
    ids: dict[str, str] = {}

    def known(names: str | Sequence[str]) -> list[str]:
        return [ids.setdefault(name, f"nm{9_000_001 + len(ids)}") for name in names]

    for number, (imdb_id, title) in enumerate(_of_sample() if wanted is None else wanted):
        key, facts = f"tt{imdb_id}", TOLD.get(title) or _dealt(number)
        name = title.rpartition(" (")[0]
        basics = [key, "movie", name, f"Titre {number}" if number % 5 == 0 else name, "0", "1999", "\\N"]
        rows["title.basics"].append([*basics, str(facts["runtime"]), "Drama"])
        rows["title.ratings"].append([key, f"{5 + number % 40 / 10:.1f}", str(1_000 + number)])
        writers = ",".join(known(facts.get("writers", ()))) or "\\N"
        rows["title.crew"].append([key, ",".join(known(facts["directors"])) or "\\N", writers])
        for place, person in enumerate(known(facts["cast"]), 1):
            rows["title.principals"].append([key, str(place), person, "actor", "\\N", '["Someone"]'])
        rows["title.principals"].append([key, "99", known(["Nobody Ofnote"])[0], "composer", "\\N", "\\N"])
        rows["title.akas"].append([key, "1", name, "\\N", "ja" if number % 7 == 0 else "\\N", "original", "\\N", "1"])
    rows["title.basics"].append(["tt9999999", "short", "Not here", "Not here", "0", "2001", "\\N", "5", "Short"])
    rows["name.basics"] += [[person, name, "\\N", "\\N", "actor", "\\N"] for name, person in ids.items()]
    return {stem: "".join("\t".join(row) + "\n" for row in table) for stem, table in rows.items()}


def write_imdb(folder: Path, texts: Mapping[str, str | bytes] | None = None, *, packed: bool = True) -> Path:
    """A folder with these files, those of the sample if none are given."""
    folder.mkdir(parents=True, exist_ok=True)
    for stem, text in (imdb_texts() if texts is None else texts).items():
        content = text.encode() if isinstance(text, str) else text
        ending = ".tsv.gz" if packed else ".tsv"
        (folder / f"{stem}{ending}").write_bytes(gzip.compress(content, 1) if packed else content)
    return folder


def _dealt(number: int) -> Facts:
    """Facts by number: every director has several movies, some movies have no running time."""
    people = [
        f"{FIRST[(number // step) % len(FIRST)]} {LAST[(number // (step + 3)) % len(LAST)]}" for step in range(1, 6)
    ]
    cast = [person for person in dict.fromkeys(people[1:]) if person != people[0]]
    return {"runtime": "\\N" if number % 50 == 49 else str(70 + number % 110), "directors": people[:1], "cast": cast}


def _of_sample() -> list[tuple[str, str]]:
    titles = {row["movieId"]: row["title"] for row in _rows("movies.csv")}
    return [(row["imdbId"], titles[row["movieId"]]) for row in _rows("links.csv") if row["imdbId"]]


def _rows(name: str) -> list[dict[str, str]]:
    with (ROOT / "data" / "sample" / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
