"""Expectations: read from a file of conversations, checked against the oracle, and judged on an answer.

Each is read once into a `Judge`, a function from an `Answer` to what is wrong with it, or None.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.conversations.oracle import Malformed, Oracle, Ranked, number, tokens, unquote
from benchmarks.conversations.reading import Mention, without

MOST = 0.6
MEAN_TOLERANCE = 0.05
LONG_LIST = 6
NONSENSE = "hostile and nonsense"
CATEGORIES = (
    "plain filters", "like a movie", "two likes or more", "narrowing and deltas", "referring back", "corrections",
    "statistics", "facts of a movie", "comparing", "ratings told", "deleting and changing ratings", "seen and excluded",
    "taste of the person", "MovieLens users by number", "group", "predict and why", "several wishes in one message",
    "rambling and life stories", "typos, slang, no punctuation, all caps", "mood and occasion",
    "words for what one wants", "titles that are plain words", "ambiguous titles", "honest limits",
    "outside and small talk", "other languages", NONSENSE,
)  # fmt: skip
_SPAN = re.compile(r"(\d+)(\.\.)?(\d+)?")
_VALUE = re.compile(r"(?P<expression>.+?)(?:\s*(?:±|\+-|\+/-)\s*(?P<tolerance>[\d.]+))?")
_NUMBER = re.compile(r"(?<![\w.,])\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\w])|(?<![\w.])\d+(?:[.,]\d+)?(?![\d])")
_ONES = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NONE = re.compile(
    r"\b(?:no|none|zero|not? (?:a single|any)|never|nobody|nothing|0|keine?[nr]?|aucune?|ning[uú]n\w*)\b", re.IGNORECASE
)
_LIST_MARK = re.compile(r"^\s*(?:\|\s*)?\d{1,3}[.)|]\s+")
_OF_ONE_RATING = re.compile(r"user \d+ (?:min|max)\b")  # it may well be told beside the movie that was so rated
_GENRE_WORDS = {
    "Sci-Fi": "sci-?fi|science[ -]fiction|sf", "Children": "children(?:['’]s)?|kids?|family",
    "Film-Noir": "film[ -]?noir|noir", "Comedy": "comed(?:y|ies)", "Mystery": "myster(?:y|ies)",
    "Documentary": "documentar(?:y|ies)", "Fantasy": "fantas(?:y|ies)",
}  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """An answer as it is judged; `named` and its like hold places in the oracle's catalogue, in order of appearance."""

    text: str
    named: list[int]
    mentioned: list[int]
    """Also those that the person's message named, and those named as a reason or to tell how a title was read."""
    affirmed: list[int] = field(default_factory=list)
    """The mentioned without those named as a reason, as left out, or to tell how a title was read."""
    listed_though_said: list[int] = field(default_factory=list)
    """Items of a list that the person's message named: not of `named`, but seen by `none`."""
    plain: str = ""
    """The text without examples of what one could say."""
    bare: str = ""
    """Also without the titles, to look for figures in; of the same length."""
    mentions: list[Mention] = field(default_factory=list)
    """Where each movie stands in the text."""
    cards: frozenset[int] = frozenset()
    """Movie ids in the tool results of the turn."""
    ratings: dict[int, float] = field(default_factory=dict)
    """The own ratings after the turn, by movie id."""

    def figures(self, places: set[int] | None) -> list[float]:
        """The figures of the answer, without those in the items of a list that are about other movies than these."""
        told: list[str] = []
        begin = 0
        for line in self.bare.split("\n"):
            within = [one for one in self.mentions if begin <= one.start < begin + len(line)]
            if places is None or {one.place for one in within if one.head} <= places:
                told.append(_LIST_MARK.sub("", line))
            begin += len(line) + 1
        return figures("\n".join(told))

    def years(self, places: set[int]) -> list[float]:
        """The figures of the answer, also in the titles, but not in those of other movies or in asides."""
        others = [(one.start, one.end) for one in self.mentions if one.reason or one.place not in places]
        return figures(without(self.plain, others))


Judge = Callable[[Answer], str | None]


@dataclass(frozen=True)
class Expectation:
    text: str
    judge: Judge


@dataclass(frozen=True)
class Turn:
    say: str
    expect: tuple[Expectation, ...]
    makes_sense: bool = True
    """Not to understand is no dead end where there is nothing to understand."""


@dataclass(frozen=True)
class Conversation:
    name: str
    category: str
    language: str
    turns: tuple[Turn, ...]

    @property
    def rates(self) -> bool:
        """Its outcome is in the own ratings: it must not be played beside others."""
        heads = {expectation.text.split()[0] for turn in self.turns for expectation in turn.expect}
        return bool(heads & {"rated", "unrated", "ratings"}) or self.category in {"ratings told", "taste of the person"}


# A file


def load(path: Path, oracle: Oracle) -> tuple[list[Conversation], list[str]]:
    """The conversations of a file, and what is wrong with those that cannot be played."""
    try:
        entries = tomllib.loads(path.read_text(encoding="utf-8")).get("conversation", [])
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        return [], [f"{path.name}: {exc}"]
    found: dict[str, Conversation] = {}
    wrong = [] if entries else [f"{path.name}: it has no [[conversation]]"]
    for number_, entry in enumerate(entries, start=1):
        name = entry.get("name") or f"number {number_}"
        problems: list[str] = []
        if name in found:
            problems.append("the name stands twice")
        conversation = _conversation(entry, str(name), oracle, problems)
        wrong += [f"{path.name}: “{name}”: {problem}" for problem in problems]
        if not problems:
            found[name] = conversation
    return list(found.values()), wrong


def _conversation(entry: dict[str, object], name: str, oracle: Oracle, problems: list[str]) -> Conversation:
    given = str(entry.get("category", ""))
    known = [one for one in CATEGORIES if given and (given == one or given in one or one in given)]
    category = given if given in CATEGORIES else known[0] if len(known) == 1 else ""
    if not category:
        problems.append(f"“{given}” is no category, or more than one")
    if extra := entry.keys() - {"name", "category", "language", "turns"}:
        problems.append(f"unknown: {', '.join(sorted(extra))}")
    raw = entry.get("turns")
    sense = category != NONSENSE
    turns = [_turn(turn, oracle, problems, sense=sense) for turn in raw] if isinstance(raw, list) else []
    if not turns:
        problems.append("it has no turns")
    elif not any(turn.expect for turn in turns) and not problems:
        problems.append("no turn expects anything")
    return Conversation(name, category, str(entry.get("language", "en")), tuple(turns))


def _turn(turn: object, oracle: Oracle, problems: list[str], *, sense: bool) -> Turn:
    if not isinstance(turn, dict) or not str(turn.get("say") or "").strip() or turn.keys() - {"say", "expect"}:
        problems.append(f"a turn is {{ say = …, expect = […] }}, not {turn}")
        return Turn("", ())
    expected: list[Expectation] = []
    for text in turn.get("expect", []):
        try:
            expected.append(Expectation(text, read(text, oracle)))
        except Malformed as exc:
            problems.append(f"“{turn['say'][:40]}” expects “{text}”: {exc}")
    _check_together([expectation.text for expectation in expected], oracle, problems)
    return Turn(turn["say"], tuple(expected), sense)


def _check_together(texts: list[str], oracle: Oracle, problems: list[str]) -> None:
    """The films that every `all` and `none` of a turn leaves must be as many as `names` asks for."""
    least = 1
    left = oracle.mask("any")
    for text in texts:
        head, _, rest = text.partition(" ")
        if head == "names":
            least = _span(rest)[0]
        elif head in {"all", "none"}:
            left &= oracle.mask(rest) if head == "all" else ~oracle.mask(rest)
    if left.sum() < least:
        problems.append(f"only {left.sum()} films meet all of {texts}")


# An expectation


def read(text: str, oracle: Oracle) -> Judge:
    """The judge that an expectation's text stands for; raises Malformed."""
    head, _, rest = str(text).strip().partition(" ")
    readers: dict[str, Callable[[str, Oracle], Judge]] = {
        "names": _names, "all": _all, "none": _none, "some": _some, "most": _most, "has": _has, "hasnt": _has_not,
        "first": _first, "value": _value, "top": _top, "rated": _rated, "unrated": _unrated, "ratings": _ratings,
        "asks": _asks, "says": _says, "notsays": _says_not, "card": _card,
    }  # fmt: skip
    if head not in readers:
        raise Malformed(f"an expectation begins with one of {', '.join(readers)}")
    return readers[head](rest.strip(), oracle)


def _names(rest: str, _: Oracle) -> Judge:
    least, most = _span(rest)

    def judge(answer: Answer) -> str | None:
        return None if least <= len(answer.named) <= most else f"names {len(answer.named)}"

    return judge


def _all(rest: str, oracle: Oracle) -> Judge:
    mask = oracle.satisfiable(rest)

    def judge(answer: Answer) -> str | None:
        if not answer.named:
            return "names none"
        return _listed("not so:", [place for place in answer.named if not mask[place]], oracle)

    return judge


def _none(rest: str, oracle: Oracle) -> Judge:
    mask = oracle.satisfiable(rest)
    return lambda answer: _listed(
        "so:", [place for place in answer.named + answer.listed_though_said if mask[place]], oracle
    )


def _some(rest: str, oracle: Oracle) -> Judge:
    mask = oracle.satisfiable(rest)
    return lambda answer: None if mask[answer.named].any() else f"of {len(answer.named)} none is so"


def _most(rest: str, oracle: Oracle) -> Judge:
    mask = oracle.satisfiable(rest)

    def judge(answer: Answer) -> str | None:
        met = int(mask[answer.named].sum())
        return None if answer.named and met >= MOST * len(answer.named) else f"{met} of {len(answer.named)} are so"

    return judge


def _has(rest: str, oracle: Oracle) -> Judge:
    places = set(oracle.films_of(_title(rest)))
    return lambda answer: None if places & set(answer.mentioned) else "not named"


def _has_not(rest: str, oracle: Oracle) -> Judge:
    places = set(oracle.films_of(_title(rest)))
    return lambda answer: "named" if places & set(answer.affirmed) else None


def _first(rest: str, oracle: Oracle) -> Judge:
    places = oracle.films_of(_title(rest))
    return lambda answer: None if answer.named[:1] and answer.named[0] in places else "another is the first"


def _card(rest: str, oracle: Oracle) -> Judge:
    ids = {oracle.films[place].movie_id for place in oracle.films_of(_title(rest))}
    return lambda answer: None if ids & answer.cards else "no tool result carries it"


def _value(rest: str, oracle: Oracle) -> Judge:
    match = _VALUE.fullmatch(rest)
    if match is None:
        raise Malformed("an expression is missing")
    wanted = oracle.value(match["expression"])
    of_mean = any(word in {"mean", "mean-of-means"} for word in match["expression"].split()[:3])
    tolerance = number(match["tolerance"]) if match["tolerance"] else MEAN_TOLERANCE if of_mean else 0.0
    of_year = match["expression"].startswith("year ")
    places = None if _OF_ONE_RATING.match(match["expression"]) else oracle.subject(match["expression"])

    def judge(answer: Answer) -> str | None:
        if wanted == 0 and tolerance == 0 and _NONE.search(answer.plain):
            return None
        found = answer.years(places or set()) if of_year else answer.figures(places)
        return None if any(abs(figure - wanted) <= tolerance + 1e-6 for figure in found) else f"{wanted:g} is not told"

    return judge


def _top(rest: str, oracle: Oracle) -> Judge:
    words = rest.split()
    count = int(words[-1]) if words and words[-1].isdigit() and words[-2:-1] != ["user"] else 1
    ranked = oracle.ranking(rest.removesuffix(words[-1]).rstrip() if words[-1:] == [str(count)] else rest)
    if len(ranked) < count:
        raise Malformed(f"the ranking has only {len(ranked)} entries")
    figure_of = dict(ranked)
    wanted = [entry.figure for entry in ranked[:count]]

    def judge(answer: Answer) -> str | None:
        told = answer.mentioned if isinstance(ranked[0].entry, int) else _groups_told(answer.plain, figure_of)
        rest = iter([figure_of[entry] for entry in told if entry in figure_of])
        if all(any(abs(figure - one) < 1e-9 for one in rest) for figure in wanted):
            return None
        return f"should be {', '.join(_entry(entry, oracle) for entry in ranked[:count])}"

    return judge


def _groups_told(text: str, figure_of: dict[int | str, float]) -> list[int | str]:
    """The genres, years or decades that a text names, in order."""
    told: list[tuple[int, int | str]] = []
    for entry in figure_of:
        match = re.search(_group_pattern(str(entry)), text, re.IGNORECASE)
        if match:
            told.append((match.start(), entry))
    return [entry for _, entry in sorted(told)]


def _group_pattern(entry: str) -> str:
    if re.fullmatch(r"\d{4}s", entry):
        names = {"192": "twenties", "193": "thirties", "194": "forties", "195": "fifties", "196": "sixties",
                 "197": "seventies", "198": "eighties", "199": "nineties"}  # fmt: skip
        short = f"|(?<!\\d)['’]?{entry[2:4]}['’]?s\\b" if entry[:3] in names else ""
        return rf"(?<!\d){entry[:4]}['’]?s\b{short}|\b{names.get(entry[:3], entry)}\b|(?<!\d){entry[:4]}\s?[-–]\s?\d"
    return rf"\b(?:{_GENRE_WORDS.get(entry, re.escape(entry) + '(?:s|es)?')})\b"


def _rated(rest: str, oracle: Oracle) -> Judge:
    title, _, stars = rest.rpartition("=")
    ids = [oracle.films[place].movie_id for place in oracle.films_of(_title(title))]
    wanted = number(stars)

    def judge(answer: Answer) -> str | None:
        found = [answer.ratings[movie_id] for movie_id in ids if movie_id in answer.ratings]
        return None if wanted in found else f"rated {found[0]:g}" if found else "not rated"

    return judge


def _unrated(rest: str, oracle: Oracle) -> Judge:
    ids = {oracle.films[place].movie_id for place in oracle.films_of(_title(rest))}
    return lambda answer: "rated" if ids & answer.ratings.keys() else None


def _ratings(rest: str, _: Oracle) -> Judge:
    least, most = _span(rest)

    def judge(answer: Answer) -> str | None:
        return None if least <= len(answer.ratings) <= most else f"{len(answer.ratings)} ratings are stored"

    return judge


def _asks(rest: str, _: Oracle) -> Judge:
    if rest:
        raise Malformed("“asks” stands alone")

    def judge(answer: Answer) -> str | None:
        if not re.search("[?？]", answer.plain):
            return "it asks nothing"
        return f"it lists {len(answer.named)}" if len(answer.named) > LONG_LIST else None

    return judge


def _says(rest: str, _: Oracle) -> Judge:
    pattern = _alternatives(rest)
    return lambda answer: None if pattern.search(_straight(answer.text)) else "it does not say so"


def _says_not(rest: str, _: Oracle) -> Judge:
    pattern = _alternatives(rest)

    def judge(answer: Answer) -> str | None:
        match = pattern.search(_straight(answer.text))
        return f"it says “{match[0]}”" if match else None

    return judge


def figures(text: str) -> list[float]:
    """The numbers of a text, written in digits or words.

    >>> figures("1,234 films, about 3.9 stars; twenty-one of them; 3,5 im Schnitt")
    [1234.0, 3.9, 3.5, 21.0]
    """
    found: list[float] = []
    for match in _NUMBER.finditer(text):
        written = match[0]
        thousands = re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", written)
        found.append(float(written.replace(",", "" if thousands else ".")))
        if re.fullmatch(r"\d{1,3}\.\d{3}", written):
            found.append(float(written.replace(".", "")))
    words = re.findall(r"[a-z]+", text.lower())
    for place, word in enumerate(words):
        if word in _TENS:
            after = words[place + 1] if place + 1 < len(words) else ""
            ones = _ONES.index(after) if after in _ONES[1:10] else 0
            found.append(20.0 + 10 * _TENS.index(word) + ones)
        elif word in _ONES and not (place and words[place - 1] in _TENS):
            found.append(float(_ONES.index(word)))
    return found


def _straight(text: str) -> str:
    return re.sub(r"[*_`]", "", text.replace("’", "'").replace("‑", "-"))


def _alternatives(rest: str) -> re.Pattern[str]:
    words = [_straight(word.strip()) for word in rest.split("|") if word.strip()]
    if not words:
        raise Malformed("the words are missing")
    bounded = [rf"{_edge(word[0], '(?<!')}{re.escape(word)}{_edge(word[-1], '(?!')}" for word in words]
    return re.compile("|".join(bounded), re.IGNORECASE)


def _edge(sign: str, looking: str) -> str:
    """No further letter beside a word; signs such as ? stand anywhere."""
    return rf"{looking}\w)" if sign.isalnum() else ""


def _span(rest: str) -> tuple[int, float]:
    match = _SPAN.fullmatch(rest)
    if match is None:
        raise Malformed(f"“{rest}” is no number, N.. or N..M")
    least = int(match[1])
    most = float(match[3]) if match[3] else float("inf") if match[2] else least
    if most < least:
        raise Malformed(f"“{rest}” is empty")
    return least, most


def _title(rest: str) -> str:
    parts = tokens(rest)
    if len(parts) != 1 or parts[0][0] not in "'\"":
        raise Malformed("one title in quotes is wanted: 'Title (Year)'")
    return unquote(parts[0])


def _listed(before: str, places: list[int], oracle: Oracle) -> str | None:
    return f"{before} {', '.join(oracle.films[place].label for place in places)}" if places else None


def _entry(entry: Ranked, oracle: Oracle) -> str:
    name = oracle.films[entry.entry].label if isinstance(entry.entry, int) else entry.entry
    return f"{name} [{entry.figure:.4g}]"
