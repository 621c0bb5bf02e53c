"""How well and how fast movies in a text are found: against marked dialogues of people, and by the clock.

`python -m benchmarks.linking --speed` times a text of 500 characters against the sample, against 62,423 titles, and
against these with 100,000 people.

`python -m benchmarks.linking DIALOGUES MOVIELENS [--part dev] [--verbose]` takes the folder of INSPIRED's dialogues
(`dev.tsv`, `test.tsv`) and one of MovieLens's. INSPIRED states no licence: fetch it yourself, nothing of it is here.
Its marks were set by string matching ("Greetings", "Oscar", "It"), so `linking_marks.toml` has marks of our own: the
movies that people mean in an utterance, as far as ml-latest-small has them.
"""

from __future__ import annotations

import argparse
import csv
import random
import resource
import statistics
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console

from movies.linking import Link, Linker, PersonRow, TitleRow
from movies.titles import plain

ROOT = Path(__file__).parent.parent
MARKS = Path(__file__).with_name("linking_marks.toml")
SURE = 0.5
MOVIES_25M = 62_423
PEOPLE = 100_000
SECONDS = 2.0

TALK = """
hey, so i've been on a bit of a nostalgia trip lately. watched Back to the Future and the goonies with my kids, they
loved both (my son gave it 5 stars!). I really liked Heat (1995) and no country for old men, didn't care much for drive
though. can you recommend something like the dark knight or inception, maybe a thriller or sci fi from the 90s, nothing
too scary? user 42 said se7en is great, and a friend won't stop talking about "Eternal Sunshine of the Spotless Mind".
"""


class Utterance(NamedTuple):
    key: str
    text: str


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dialogues", type=Path, nargs="?")
    parser.add_argument("movielens", type=Path, nargs="?")
    parser.add_argument("--part", default="dev", choices=["dev", "test"])
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--speed", action="store_true")
    args = parser.parse_args()
    if args.speed:
        show_speed()
    elif args.dialogues and args.movielens:
        show_quality(args.dialogues / f"{args.part}.tsv", args.movielens, verbose=args.verbose)
    else:
        parser.error("name the folders of the dialogues and of MovieLens, or --speed")


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def titles_of(folder: Path) -> list[TitleRow]:
    counts = Counter(row["movieId"] for row in rows(folder / "ratings.csv"))
    movies = rows(folder / "movies.csv")
    return [TitleRow.parse(int(row["movieId"]), row["title"], counts[row["movieId"]]) for row in movies]


def linker_of(folder: Path, titles: Sequence[TitleRow] | None = None, people: Sequence[PersonRow] = ()) -> Linker:
    genres = {genre for row in rows(folder / "movies.csv") for genre in row["genres"].split("|")} - {
        "(no genres listed)"
    }
    carried = {(row["tag"].lower(), row["movieId"]) for row in rows(folder / "tags.csv")}
    tags = Counter(tag for tag, _ in carried)
    return Linker.build(titles or titles_of(folder), sorted(genres), tags.items(), people)


def utterances(path: Path) -> Iterator[Utterance]:
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            yield Utterance(f"{row['dialog_id']}/{row['utt_id']}", row["text"].replace("QUOTATION_MARK", '"'))


def show_quality(path: Path, folder: Path, *, verbose: bool) -> None:
    """Precision and recall of what is linked, but for what is unclear, as a namesake of the movie meant."""
    console = Console(highlight=False, soft_wrap=True)
    marks = tomllib.loads(MARKS.read_text(encoding="utf-8"))[path.stem]
    linker, right, wrong, missed = linker_of(folder), 0, 0, 0
    for said in utterances(path):
        marked = Counter(marks["movies"].get(said.key, []))
        unclear = set(marks["unclear"].get(said.key, []))
        for link in linker.link(said.text, least=SURE):
            if link.kind not in ("movie", "series"):
                continue
            names = [link.name, *(f"{one.title} ({one.year})" for one in link.candidates)]
            hit = next((name for name in names if marked[name] > 0), None)
            if hit is not None:
                marked[hit] -= 1
                right += 1
            elif link.text.lower() not in unclear:
                wrong += 1
                _say(console, "false", link, said, verbose=verbose)
        missed += marked.total()
        if verbose and marked.total():
            console.print("missed", list(marked.elements()), "in:", said.text)
    console.print(f"{path.stem}: precision {right / (right + wrong):.3f}, recall {right / (right + missed):.3f}")
    console.print(f"{right} right, {wrong} false, {missed} missed")


def _say(console: Console, what: str, link: Link, said: Utterance, *, verbose: bool) -> None:
    if verbose:
        meant = link.name or f"{link.candidates[0].title} ({link.candidates[0].year})"
        console.print(f"{what} [{link.text}] {link.confidence:.2f} {meant} in: {said.key} {said.text}", markup=False)


def show_speed() -> None:
    console = Console(highlight=False)
    sample = ROOT / "data" / "sample"
    titles = titles_of(sample)
    many = varied(titles, MOVIES_25M)
    for made, people in ((titles, []), (many, []), (many, named(titles, PEOPLE))):
        before, started = _memory(), time.thread_time()
        linker = linker_of(sample, made, people)
        built = time.thread_time() - started
        console.print(f"{len(made)} movies, {len(people)} people: built in {built:.2f} s, {_memory() - before:.0f} MB")
        for length in (500, 4_000, 32_000):
            p50, p99 = times(linker, length)
            console.print(f"  {length} characters: p50 {p50:.2f} ms, p99 {p99:.2f} ms")


def named(titles: Sequence[TitleRow], number: int, seed: int = 25) -> list[PersonRow]:
    """People called by a word of titles and, but for one in five, a made-up surname."""
    rng = random.Random(seed)
    words = [word for title in titles for word in plain(title.title).split() if len(word) > 2]
    syllables = [f"{head}{tail}" for head in "bdfghklmnprstvwz" for tail in ("an", "er", "in", "o", "ul", "esk")]
    names = []
    for place in range(number):
        made_up = "".join(rng.choices(syllables, k=3))
        names.append(f"{rng.choice(words)} {made_up if place % 5 else rng.choice(words)}")
    return [PersonRow(name.title(), name, number - place) for place, name in enumerate(names)]


def varied(titles: Sequence[TitleRow], number: int, seed: int = 25) -> list[TitleRow]:
    """Real titles, and the same with one word changed for another title's; hardly any thrice, as in MovieLens."""
    rng = random.Random(seed)
    words = [word for title in titles for word in title.title.split() if len(word) > 3]
    made, used = list(titles), Counter(title.title for title in titles)
    while len(made) < number:
        changed = rng.choice(titles).title.split()
        changed[rng.randrange(len(changed))] = rng.choice(words)
        title = " ".join(changed)
        if used[title] < 2:
            used[title] += 1
            made.append(
                TitleRow(10**7 + len(made), title, rng.randrange(1920, 2024), int(rng.paretovariate(0.5)) % 60_000)
            )
    return made


def times(linker: Linker, length: int) -> tuple[float, float]:
    """Median and 99th percentile in milliseconds of processor time, each of another text."""
    rng, lines = random.Random(length), TALK.strip().split(". ")
    taken: list[float] = []
    until = time.perf_counter() + SECONDS
    while time.perf_counter() < until or len(taken) < 5:
        text = ""
        while len(text) < length:
            text += rng.choice(lines).replace("42", str(rng.randrange(1, 600))) + ". "
        started = time.thread_time()
        linker.link(text[:length])
        taken.append(1000 * (time.thread_time() - started))
    return statistics.median(taken), statistics.quantiles(taken, n=100)[98]


def _memory() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
