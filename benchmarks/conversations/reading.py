"""The movies that a text names, told from the CSV titles alone, in a template's answers as in a real model's.

A title counts by what stands around it: its year, bold or quotes, the start of a list item or a table cell; without
any of these by its capitals, and a single word only where a tool result or the person brought the movie before.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from rapidfuzz import fuzz

from benchmarks.conversations.oracle import Oracle
from movies.titles import fold


def _forms(*lines: str) -> frozenset[str]:
    return frozenset(" ".join(lines).split())


LIKE = 85  # rapidfuzz's ratio from which on two spellings are one title
SHORTEST = 5  # letters of a word that may be misspelt

_WORD = re.compile(r"&|[^\W_]+(?:['’][^\W_]+)*")
_ARTICLES = {"the", "a", "an"}
_SMALL = _forms(
    "a an and as at but by de del der des die du el et for from in into la le les los of on or the to und vs with y &"
)
_PRONOUNS = _forms(
    "it her he him she they them us we i you me up big go out home once now then here this that these those what who",
    "why how when where if no yes one more most best good great after before first last all any next new other some",
    "hero war speed click help",
)
_COMMON = _forms("drama comedy action horror romance thriller crime western musical mystery fantasy adventure")
_SHORTENED = {"dr", "mr", "mrs", "ms", "st", "vs", "vol", "jr"}
_ROMAN = {"ii": "2", "iii": "3", "iv": "4", "vi": "6", "vii": "7", "viii": "8", "ix": "9"}

_BULLET = r"(?:[-*•+–]|\d{1,3}[.)]|#{1,6})\s+"
_CELL = r"\|(?:\s*\d*\.?\s*\|)?\s*"
_HEAD = re.compile(rf"\s*(?:>\s*)?(?:{_BULLET}|{_CELL})+[*_\"“\[`\s]*")
_BARE_HEAD = re.compile(r"[*_\"“\[`]*")
_OPENED = re.compile(r"(?:\*{1,3}|_{1,3}|[\"“„«‘`\[]|(?:^|\s)')$")
_CLOSED = re.compile(r"\s*\(?\d{0,4}\)?(?:\*{1,3}|_{1,3}|[\"”“»’`\]]|'(?!\w))")
_ITEM_END = re.compile(r"\s*(?:$|[-–—:|(,;\[]|\*{1,2}|[\"”“»])", re.MULTILINE)
_LINK_OR_OTHER_TITLE = r"(?:\]\([^)\s]*\))?(?:\s*\([^()\d]{1,60}\))?"
_YEAR = re.compile(
    _LINK_OR_OTHER_TITLE
    + r"[\s*_\"”’»`|,\]]*(?:[–—-]\s*)?"
    + r"(?P<open>[(\[])?\s*(?P<year>(?:18|19|20)\d\d)(?!\d|\s*[-–]\s*\d)\)?"
)
_YEAR_IN_BRACKETS = re.compile(r"\((?P<year>(?:18|19|20)\d\d)(?=[),])")
_CLAUSE = re.compile(r"[.;:!?\n](?=\s)|\n|\s[–—-]\s")
_REASONS = (
    "because", "(?:since|as|if) you", "you (?:liked|loved|enjoyed|rated|gave|said|told)", "who (?:liked|loved)",
    "like", "(?:close|similar|compared|related|thanks) to", "fans? of", "(?:goes|go|pairs) with", "based on",
    "remind\\w* (?:me )?of", "in the (?:vein|spirit|style) of", "than", "unlike", "there(?: is|['’]s| are) also",
    "took", "read", "meant?", "not", "without", "excluding", "except", "leav(?:e|ing) out", "left out", "skip\\w*",
    "instead of", "apart from", "besides", "other than", "no", "say", "ask",
)  # fmt: skip
_REASON = re.compile(rf"\b(?:{'|'.join(_REASONS)})\b", re.IGNORECASE)
_MIGHT = re.compile(r"(?:\b(?:might|may|will|would|could|should|also|you)|['’]ll)\s+$", re.IGNORECASE)
_GOES_ON = re.compile(r"[^,\0]{0,60}(?:\0[^,\0]{0,25}?(?:,\s*(?:(?:and|or)\s+)?|\s(?:and|or|&)\s+))*")
_QUOTES = (r"“[^”\n]{1,200}”", r"\"[^\"\n]{1,200}\"", r"«[^»\n]{1,200}»", r"(?<=\s)'[^'\n]{1,200}'(?=[\s.,;:?!]|$)")
_EXAMPLE = re.compile("|".join(_QUOTES), re.MULTILINE)
_JOINED = re.compile(r"[\s*_\"”]*(?:,|and|or|&|/|\+|, and)[\s*_\"“]*")
_OWN = re.compile(
    r"your rating|you rated|you gave|noted|stored|saved|from you|deleted|removed|forg[eo]t", re.IGNORECASE
)
_IS = re.compile(r"\s(?:is|was|has|came|by|scores?|averages?)\b")
_SPOKEN_OF = _forms(
    "like seen watched watch saw movie film called rated rate loved liked love hated disney pixar about of"
)
_STAR_SIGN = r"★\s*(?P<a>\d(?:[.,]\d+)?)"
_STARS = r"(?<![\d.,])(?P<b>\d[.,]\d+)\s*(?:★|⭐|stars?\b|/\s*5|out of (?:5|five))"
_FIGURE = re.compile(rf"{_STAR_SIGN}|{_STARS}|(?P<count>\d[\d,]*)\s+ratings\b")
_DIFFERENCE = re.compile(r"[\w\s]{0,8}\s(?:more|less|ahead|above|below|better|higher|lower|worse|apart|fewer)\b")


class Word(NamedTuple):
    form: str
    start: int
    end: int
    raw: str


@dataclass(frozen=True)
class Mention:
    """A movie named in a text. `end` is behind its year, where one stands there."""

    place: int
    start: int
    end: int
    head: bool = False
    reason: bool = False
    dated: bool = False


@dataclass(frozen=True)
class Reading:
    """The movies of an answer, by place, in order of appearance; and the titles that movies.csv does not have."""

    mentions: list[Mention]
    named: list[int]
    listed_though_said: list[int]
    affirmed: list[int]
    mentioned: list[int]
    invented: list[str]
    plain: str
    """The text without examples of what one could say."""
    bare: str
    """Also without titles: what is left to look for figures in."""


class Reader:
    """Finds the titles of one catalogue in texts."""

    def __init__(self, oracle: Oracle) -> None:
        self._oracle = oracle
        self._exact: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._weak: dict[tuple[str, ...], list[int]] = defaultdict(list)
        self._of_film: list[set[tuple[str, ...]]] = []
        self._of_year: dict[int | None, list[int]] = defaultdict(list)
        for place, film in enumerate(oracle.films):
            names = {key for name in film.names for key in _keys(name)}
            parts = {key for name in film.names for key in _part_keys(name)} - names
            for key in names:
                self._exact[key].append(place)
            for key in parts:
                self._weak[key].append(place)
            self._of_film.append(names | parts)
            self._of_year[film.year].append(place)
        self._longest = max(map(len, self._exact))

    # The person's message

    def said(self, text: str) -> set[int]:
        """The movies that a person's message may name, in any case, by exact title words."""
        words = _words(text)
        found: set[int] = set()
        for start in range(len(words)):
            for end in range(start + 1, min(start + self._longest, len(words)) + 1):
                key = tuple(word.form for word in words[start:end])
                if len(key) > 1 or self._stands_alone(words, start):
                    found |= {*self._exact.get(key, ()), *(self._weak.get(key, ()) if key[0] not in _PRONOUNS else ())}
        return found

    def _stands_alone(self, words: Sequence[Word], start: int) -> bool:
        """A single word that may be a title: none that every sentence has, unless it is written as a title."""
        word = words[start]
        if word.form not in _PRONOUNS | _SMALL:
            return True
        before = words[start - 1].form if start else ""
        return len(words) <= 2 or before in _SPOKEN_OF or (start > 0 and word.raw[:1].isupper() and word.form != "i")

    def misspelt(self, place: int, text: str) -> bool:
        """A message has a title in another spelling: 'teh matrxi'; never one that is another movie's own."""
        words = _words(text)
        for key in self._of_film[place]:
            wanted = " ".join(key)
            for start in range(len(words) - len(key) + 1) if len(wanted) >= SHORTEST else ():
                window = tuple(word.form for word in words[start : start + len(key)])
                if window not in self._exact and fuzz.ratio(" ".join(window), wanted) >= LIKE - 8:
                    return True
        return _initials(self._oracle.films[place].names[0]) in {word.form for word in words}

    # An answer

    def read(
        self, text: str, *, said: str, before: str = "", cards: Iterable[int] = (), earlier: Iterable[int] = ()
    ) -> Reading:
        """The movies of an answer.

        Args:
            said: The person's message of this turn; `before`, those of earlier turns.
            cards: Places of the movies in tool results of this turn; `earlier`, of earlier turns.
        """
        now, once = self.said(said), self.said(before)
        shown = set(cards)
        found = self._mentions(text, shown | set(earlier) | now | once, shown)
        extra, invented = self._dated(text, found, f"{said}\n{before}")
        found = _with_reasons(text, sorted([*found, *extra], key=lambda mention: mention.start))
        now |= {one.place for one in found if one.place not in now and self.misspelt(one.place, said)}
        once |= {one.place for one in found if one.place not in once and self.misspelt(one.place, before)}
        return _sorted_out(text, found, now, once - now, invented)

    def false_figures(self, text: str, mentions: Sequence[Mention], told: Iterable[float]) -> list[str]:
        """The stars and counts beside a movie that neither the CSV files nor a tool result have."""
        known = set(told)
        wrong: list[str] = []
        for mention, after in zip(mentions, [*mentions[1:], None], strict=False):
            line_end = text.find("\n", mention.end)
            ends = [mention.end + 120, after.start if after else len(text), line_end if line_end >= 0 else len(text)]
            beside = text[mention.end : min(ends)]
            label = self._oracle.films[mention.place].label
            wrong += [
                f"{label}: {match[0]}"
                for match in _FIGURE.finditer(beside)
                if not self._is_so(match, mention.place, known) and not _DIFFERENCE.match(beside, match.end())
            ]
        return wrong

    def _is_so(self, match: re.Match[str], place: int, known: set[float]) -> bool:
        if match["count"]:
            count = float(match["count"].replace(",", ""))
            return count == self._oracle.counts[place] or count in known
        stars = float((match["a"] or match["b"]).replace(",", "."))
        return any(abs(stars - one) <= 0.0501 for one in (self._oracle.means[place], *known))

    def _mentions(self, text: str, supported: set[int], shown: set[int]) -> list[Mention]:
        """Longest first, from left to right."""
        words = _words(text)
        found: list[Mention] = []
        start = 0
        while start < len(words):
            ends = range(min(start + self._longest, len(words)), start, -1)
            mentions = (self._mention(text, words, start, end, supported, shown) for end in ends)
            mention = next(filter(None, mentions), None)
            start += 1
            if mention:
                found.append(mention)
                while start < len(words) and words[start].start < mention.end:
                    start += 1
        return found

    def _mention(
        self, text: str, words: Sequence[Word], start: int, end: int, supported: set[int], shown: set[int]
    ) -> Mention | None:
        key = tuple(word.form for word in words[start:end])
        exact, weak = self._exact.get(key, []), self._weak.get(key, [])
        if not exact and not weak:
            return None
        span = words[start].start, words[end - 1].end
        head = _at_head(text, *span)
        year = _YEAR.match(text, span[1])
        if year:
            of_year = [place for place in [*exact, *weak] if self._oracle.films[place].year == int(year["year"])]
            if of_year and words[start].raw[:1] not in {"(", ""}:
                return Mention(self._best(of_year, supported), span[0], year.end(), head=head, dated=True)
            if year["open"]:
                return None
        marked = _marked(text, *span) and (words[start].raw[0].isupper() or words[start].raw[0].isdigit())
        if exact and (marked or _plain(text, words, start, end, set(exact) & supported, set(exact) & shown)):
            return Mention(self._best(exact, supported), *span, head=head)
        known = [place for place in weak if place in supported]
        if known and end - start > 1 and (marked or _capitals(words[start:end])):
            return Mention(self._best(known, shown or supported), *span, head=head)
        return None

    def _best(self, places: Sequence[int], supported: set[int]) -> int:
        return max(places, key=lambda place: (place in supported, self._oracle.counts[place]))

    def _dated(self, text: str, found: Sequence[Mention], messages: str) -> tuple[list[Mention], list[str]]:
        """What stands before every other year in brackets: a title in another spelling, or one that there is not."""
        extra: list[Mention] = []
        invented: list[str] = []
        asked = " ".join(word.form for word in _words(messages))
        for match in _YEAR_IN_BRACKETS.finditer(text):
            if any(mention.start < match.start() < mention.end for mention in found):
                continue
            before = [mention.end for mention in found if mention.end <= match.start()]
            start, title = _title_before(text, match.start(), max(before, default=0))
            forms = " ".join(word.form for word in _words(title))
            if not forms or f" {forms} " in f" {asked} ":
                continue
            place = self._spelt(forms, int(match["year"]))
            if place is None:
                invented.append(f"{title} ({match['year']})")
            else:
                extra.append(Mention(place, start, match.end(), head=_at_head(text, start, match.start()), dated=True))
        return extra, invented

    def _spelt(self, forms: str, year: int) -> int | None:
        best, place = 0.0, None
        for one in self._of_year[year]:
            for key in self._of_film[one]:
                name = " ".join(key)
                within = len(forms) >= SHORTEST and f" {forms} " in f" {name} "
                behind = len(name) >= SHORTEST and f" {forms}".endswith(f" {name}")
                score = 100.0 if within or behind else fuzz.ratio(forms, name)
                if score > best:
                    best, place = score, one
        return place if best >= LIKE else None


def _sorted_out(text: str, found: list[Mention], now: set[int], once: set[int], invented: list[str]) -> Reading:
    """The movies that an answer itself brings, apart from those that it repeats or gives as a reason.

    The person's own of this turn never count; those of earlier turns only where nothing else is named, or in a list.
    """
    own = [mention for mention in found if not mention.reason]
    heads = {mention.place for mention in own if mention.head}
    fresh = [mention for mention in own if mention.place not in now]
    if heads - now or any(mention.place not in once for mention in fresh):
        fresh = [mention for mention in fresh if mention.head or mention.place not in once]
    affirmed = [mention.place for mention in own if not heads or mention.head or mention.place not in now]
    again = [
        mention.place for mention in own
        if mention.head and mention.place in now and len(heads) > 1 and not _OWN.search(_line(text, mention.start))
    ]  # fmt: skip
    titles = [(one.start, one.end) for one in found]
    return Reading(
        mentions=found,
        named=_once([mention.place for mention in fresh]),
        listed_though_said=_once(again),
        affirmed=_once(affirmed),
        mentioned=_once([mention.place for mention in found]),
        invented=invented,
        plain=without(text, examples := _examples(text)),
        bare=without(text, [*titles, *examples]),
    )


def _examples(text: str) -> list[tuple[int, int]]:
    """Quotes of several words that hold no answer: what one could say, or a part of what the person said."""
    return [match.span() for match in _EXAMPLE.finditer(text) if " " in match[0] and not match[0][1].isdigit()]


def without(text: str, spans: Iterable[tuple[int, int]]) -> str:
    """The text with blanks in these places."""
    signs = list(text)
    for start, end in spans:
        signs[start:end] = " " * (end - start)
    return "".join(signs)


def _with_reasons(text: str, found: Sequence[Mention]) -> list[Mention]:
    """Marks the movies that stand behind 'because you liked', 'close to', 'there is also', 'without' and their like.

    And those within an example of what one could say: “I loved Heat”.
    """
    examples = [match.span() for match in _EXAMPLE.finditer(text)]
    done: list[Mention] = []
    for mention in found:
        around = next((span for span in examples if span[0] < mention.start < span[1]), None)
        example = around is not None and len(_words(text[slice(*around)])) > len(_words(_own_text(text, mention)))
        reason = example or _is_aside(text, mention, done) or _is_reason(text, mention, done)
        done.append(replace(mention, reason=reason and not mention.head))
    return done


def _is_aside(text: str, mention: Mention, before: Sequence[Mention]) -> bool:
    """It stands in a list item that is about another movie: among its tags, or as what it goes with."""
    begin = text.rfind("\n", 0, mention.start) + 1
    line = [one for one in before if one.start >= begin]
    if not any(one.head for one in line):
        return False
    joined = _JOINED.fullmatch(text, line[-1].end, mention.start)
    return not (mention.dated and joined and not line[-1].reason)


def _is_reason(text: str, mention: Mention, before: Sequence[Mention]) -> bool:
    clause = text.rfind("\n", 0, mention.start) + 1
    inside = {at for one in before for at in range(one.start, one.end)}
    breaks = [match.end() for match in _CLAUSE.finditer(text, clause, mention.start) if match.start() not in inside]
    clause = max([clause, *breaks])
    plain = re.sub("\0+", "\0", "".join("\0" if at in inside else text[at] for at in range(clause, mention.start)))
    return any(
        _GOES_ON.fullmatch(plain, match.end())
        for match in _REASON.finditer(plain)
        if match[0].lower() != "like" or not _MIGHT.search(plain[: match.start()])  # 'you might like Heat' is an answer
    )


def _own_text(text: str, mention: Mention) -> str:
    return text[mention.start : mention.end]


def _plain(text: str, words: Sequence[Word], start: int, end: int, supported: set[int], shown: set[int]) -> bool:
    """A title without any mark, in running text: by its capitals."""
    span = words[start:end]
    if not _capitals(span):
        return False
    core = [word for word in span if word.form not in _ARTICLES] or list(span)
    begins = _begins_sentence(text, span[0].start)
    if len(core) > 1 or len(span) > 1:  # 'The Matrix'
        return len(core) > 2 or not begins or bool(supported)
    return _plain_word(text, span[0], begins=begins, supported=bool(supported), shown=bool(shown))


def _plain_word(text: str, word: Word, *, begins: bool, supported: bool, shown: bool) -> bool:
    if word.form.isdigit() or len(word.form) < 2:  # '1984', 'M'
        return shown and begins and bool(_IS.match(text, word.end))
    if word.form in _COMMON or (word.form in _PRONOUNS and begins):
        return shown
    return supported


def _capitals(words: Sequence[Word]) -> bool:
    first, *rest = words
    big = [word for word in rest if word.form not in _SMALL]
    return all(word.raw[0].isupper() or word.raw[0].isdigit() for word in (first, *big))


def _begins_sentence(text: str, start: int) -> bool:
    before = text[:start].rstrip(" *_\"“‘'(>#")
    return not before or before[-1] in ".!?:\n|-–—•"


def _marked(text: str, start: int, end: int) -> bool:
    """Bold, quotes, a whole list item or a whole cell."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if _OPENED.search(line) and _CLOSED.match(text, end):
        return True
    return bool(_HEAD.fullmatch(line) and _ITEM_END.match(text, end))


def _at_head(text: str, start: int, end: int) -> bool:
    """The movie that a list item or a line of a table is about."""
    line = text[text.rfind("\n", 0, start) + 1 : start]
    if _HEAD.fullmatch(line):
        return True
    year = _YEAR.match(text, end)
    bare = _BARE_HEAD.fullmatch(line) and year
    return bool(bare and year and re.match(r"[*_]*\s*(?:[-–—:|]|$)", text[year.end() :], re.MULTILINE))


def _title_before(text: str, at: int, floor: int) -> tuple[int, str]:
    """The words before a year in brackets that may be a title, and where they begin; not before `floor`."""
    begin = max(text.rfind("\n", 0, at) + 1, floor)
    line = text[begin:at].rstrip()
    closed = re.search(r"(\*{1,3}|_{1,3}|[\"”’»])$", line)
    if closed:
        opened = max(line.rfind(sign, 0, closed.start()) for sign in (closed[0], "“", "‘", "«"))
        if opened >= 0:
            return begin + opened, line[opened : closed.start()].strip('*_"“‘« ')
    head = _HEAD.match(line)
    if head and not re.search(r"[.!?:]\s", line[head.end() :]):
        return begin + head.end(), line[head.end() :].strip('*_"“”[] ')
    words: list[Word] = []
    for word in reversed(_words(line)):
        between = line[word.end : words[0].start] if words else ""
        big = word.raw[0].isupper() or word.raw[0].isdigit() or word.form in _SMALL
        stop = re.search(r"[.!?;:]\s|[–—(]", between) and word.form not in _SHORTENED
        if not big or stop or (not words and line[word.end :].strip()):
            break
        words.insert(0, word)
    while words and (words[0].form in _SMALL and words[0].raw[0].islower()):
        words.pop(0)
    if len(words) < 2:  # a lone capital is as often a month as a title
        return at, ""
    return begin + words[0].start, line[words[0].start : words[-1].end]


def _line(text: str, at: int) -> str:
    end = text.find("\n", at)
    return text[text.rfind("\n", 0, at) + 1 : end if end >= 0 else len(text)]


def _words(text: str) -> list[Word]:
    words = []
    for number, match in enumerate(_WORD.finditer(text)):
        form = fold(match[0]).replace("'", "").replace("’", "")
        form = "and" if form == "&" else _ROMAN.get(form, form) if number else form
        words.append(Word(form, match.start(), match.end(), match[0]))
    return words


def _keys(name: str) -> set[tuple[str, ...]]:
    """A title as words: also without its article, and without 'Part' before a number."""
    words = tuple(word.form for word in _words(name))
    bare = words[1:] if len(words) > 1 and words[0] in _ARTICLES else words
    parts = tuple(
        word
        for at, word in enumerate(bare)
        if not (word in {"part", "vol"} and bare[at + 1 : at + 2] and bare[at + 1].isdigit())
    )
    return {key for key in (words, bare, parts) if key}


def _part_keys(name: str) -> set[tuple[str, ...]]:
    """The parts of a title with a subtitle: 'Star Wars', 'A New Hope', 'Star Wars: A New Hope'."""
    pieces = [piece for piece in re.split(r":\s+|\s+[-–]\s+", name) if piece]
    if len(pieces) < 2:
        return set()
    ends = {f"{pieces[0]} {pieces[-1]}"} | {piece for piece in pieces if len(_words(piece)) > 1}
    return {key for piece in ends | {pieces[0]} for key in _keys(piece) if key[0] not in {"episode", "part"}}


def _initials(title: str) -> str | None:
    """'lotr' for titles whose part before the colon has three words or more."""
    words = [word.form for word in _words(title.partition(":")[0])]
    words = words[1:] if words[:1] == ["the"] else words
    return "".join(word[0] for word in words) if len(words) > 2 else None


def _once(places: Iterable[int]) -> list[int]:
    return list(dict.fromkeys(places))
