"""References to movies in a sentence: titles, "the second one", "it". Titles stay text; the tools resolve them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from guide.recall import Memory, Ref
from guide.vocabulary import CAPITAL_TITLES, NUMBERS, ORDINALS, PLAIN_ENGLISH, SHORTHAND, TRICKY_TITLES

MAX_READ = 2_000
MAX_TITLE = 150
_FIRST_MARK = 0xE000
_MARKS = "\ue000-\ue3ff"

MARK = f"[{_MARKS}]"
"""One private-use character stands for a title that must not be read as grammar."""

_QUOTED = re.compile(
    r"\"([^\"\n]{1,120})\"|(?<!\w)'([^'\n]{2,80})'(?!\w)|\*\*([^*\n]{1,120})\*\*|_([^_\n]{2,120})_(?!\w)"
)
_TRICKY = re.compile(
    r"(?<!\w)(?:" + "|".join(re.escape(title) for title in sorted(TRICKY_TITLES, key=len, reverse=True)) + r")(?!\w)",
    re.IGNORECASE,
)
_ARTICLE_LAST = re.compile(
    r"\b((?:[A-Z0-9][\w'!.-]*)(?: [\w'&!.-]+){0,6}), (The|A|An|La|Le|Les|Das|Der|Die|El|Il)\b(?= \(|$|[.?!,])"
)
_YEAR_AFTER = re.compile(r" ?\(((?:18|19|20)\d\d)\)| ((?:18|19|20)\d\d)\b(?!s|-)")
_SPLIT = re.compile(
    r"\s*(?:,\s*(?:and|or|but|plus)\b|,|;|&|\+|\||\band\b|\bor\b|\bplus\b|\bas well as\b|\bversus\b|\bvs\b\.?|\n)\s*",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"^(?:(?:(?:that|this|these|those|my|your|our|the|a|an|some|old|really|all|the old|the original) )?(?:movie|film|flick|picture|classic)s?"
    r"(?: (?:called|named|titled|like|such as|is|was|are|were|of))?\b|called|named|titled|both|also|really|especially|mostly|mainly|particularly|either|"
    r"watching|seeing|to watch|to see|how|when|things? like|stuff like|movies? like|films? like|something like|the likes of|e\.g\.|for example|"
    r"and|plus|oh|like|such as|say|maybe|with|about|of|for|to|too|i|:|-)[ ,:]+",
    re.IGNORECASE,
)  # fmt: skip
_TRAIL = re.compile(
    r"(?:[ ,]+(?:please|pls|plz|too|as well|again|a lot|lots|so much|very much|much|though|tho|thanks|thank you|thx|right|yesterday|last (?:night|week|year|month)"
    r"|by far|tonight|today|recently|already|instead|then|there|here|the most|best|more|myself|actually|honestly|for (?:me|us|tonight|now)|to me"
    r"|to watch|next|now|yet|lol|etc|etc\.|mate|man|dude|when i was (?:a kid|young|little|younger)|as a (?:kid|child)|(?:the |that )?(?:movie|film)s?"
    r"|(?:and )?(?:things|stuff|movies|films) like that|or so|or something|at all|anymore|any more|either|in general|for example|i (?:guess|think|suppose)"
    r"|is (?:it )?(?:great|good|amazing)|are (?:great|good|amazing)|but|and|or|so|because|however|although))+[ ,]*$",
    re.IGNORECASE,
)
_VERSION = re.compile(
    r"^(.+?)(?: from|,? the| of)(?: year)? \(?((?:18|19|20)\d\d)\)?(?: (?:one|version|film|movie|remake|original))?$",
    re.IGNORECASE,
)
_ORDINAL_WORD = "|".join(sorted(ORDINALS, key=len, reverse=True))
_ORDINAL = re.compile(
    rf"^(?:the |that |your |my |our )?(?:very )?(?:(?:number|no\.?|nr\.?|option|#|movie|film|one) ?(\d{{1,2}})|({_ORDINAL_WORD})|(\d{{1,2}})(?:\.|\))?)"
    r"(?: ?(?:one|ones|movie|film|title|pick|option|suggestion|recommendation|of (?:them|those|these)|on (?:the|your|that) list|from (?:the|your|that) list|in (?:the|your|that) list))*$",
    re.IGNORECASE,
)  # fmt: skip
_SOME = re.compile(
    rf"^(?:the )?(?:(first|top|last) (\d|{'|'.join(NUMBERS)})|(both|all|all of (?:them|those|these)|them all|them|these|those|everything|every one of them|"
    r"both of (?:them|those|these)|all (?:three|four|five)|the lot))(?: ?(?:ones?|movies|films|of (?:them|those|these)))*$",
    re.IGNORECASE,
)
_PRONOUN = re.compile(
    r"^(?:it|that|this|that one|this one|that (?:movie|film)|this (?:movie|film)|the (?:movie|film|one)|the same(?: one)?|him|her|one|its|it all|that thing|thing)$",
    re.IGNORECASE,
)
_NOTHING = re.compile(
    r"^(?:none|nothing|neither|no one|any|anything|what|which|who|why|how|when|where|me|us|you|i|we|they|one|ones|something|some|everything|stuff|things|a lot|so|not|no|yes"
    r"|much|really|the|a|an|most|movies?|films?|to|do|be|is|are|or|if|there|watch|see|here|now|then|more|better|best|else|other|others|either|your|my|mine|yours)$",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A text in which each recognised title is one mark, and what the marks stand for."""

    text: str
    refs: tuple[Ref, ...] = ()

    def ref(self, mark: str) -> Ref:
        """The movie that a mark stands for."""
        return self.refs[ord(mark) - _FIRST_MARK]

    def plain(self, text: str) -> str:
        """The text with its marks written out again; movies known by id are dropped."""
        return re.sub(MARK, lambda found: str(self.ref(found[0])), text)


def tidy(text: str) -> str:
    """One line of plain characters, cut to what a person would say: no controls, no bidi or private-use marks.

    Example: "rec\u00adommend\u202e  me" → "recommend me".
    """
    folded = unicodedata.normalize("NFKC", text[:MAX_READ].translate(_QUOTES))
    kept = (char if char == "\n" or unicodedata.category(char)[0] != "C" else _control(char) for char in folded)
    return _SHORTHAND.sub(_written_out, re.sub(r"[^\S\n]+", " ", "".join(kept)).strip())


def _written_out(found: re.Match[str]) -> str:
    return SHORTHAND[found[0].lower()]


_SHORTHAND = re.compile(rf"(?<![\w'])(?:{'|'.join(map(re.escape, SHORTHAND))})(?![\w'])", re.IGNORECASE)


_QUOTES = str.maketrans("\u2018\u2019\u201c\u201d\u00b4`\u2026\u00ab\u00bb\u201e", '\'\'""\'\'."""')


def _control(char: str) -> str:
    return " " if char in "\t\r\v\f" else ""


def guard(text: str, memory: Memory) -> Guarded:
    """Replace quoted titles, titles already shown, and titles that look like grammar by one mark each."""
    refs: list[Ref] = []

    def mark(ref: Ref) -> str:
        refs.append(ref)
        return chr(_FIRST_MARK + len(refs) - 1)

    def quoted(found: re.Match[str]) -> str:
        return mark(next(group for group in found.groups() if group).strip()) if len(refs) < 100 else found[0]

    if text.strip(" ?!.") in CAPITAL_TITLES - {"Help"}:
        return Guarded(mark(text.strip(" ?!.")), tuple(refs))
    text = _QUOTED.sub(quoted, text)
    text = _ARTICLE_LAST.sub(lambda found: mark(f"{found[2]} {found[1]}"), text)
    for movie_id, name in sorted(memory.names.items(), key=lambda item: -len(item[1].title)):
        text = _mark_known(text, name.title, name.year, movie_id, mark)
    text = _TRICKY.sub(lambda found: found[0] if found[0] in PLAIN_ENGLISH else mark(found[0]), text)
    text = re.sub(
        r"(?<=[a-z,\"] )(?:" + "|".join(CAPITAL_TITLES) + r")\b(?! (?:stars?|movies?|films?|\d|(?-i:[A-Z])))",
        lambda found: mark(found[0]),
        text,
    )
    return Guarded(_with_years(text, refs), tuple(refs))


def _mark_known(text: str, title: str, year: int | None, movie_id: int, mark: Callable[[Ref], str]) -> str:
    """Mark a title that was shown before; a single word only as it was written, and no other year's movie."""
    flags = re.IGNORECASE if " " in title else 0
    if (title if not flags else title.lower()) not in (text if not flags else text.lower()):
        return text
    year_and_after = rf"(?![\w:])(?:,? \(?((?:18|19|20)\d\d)\b\)?)?(?={_AFTER_TITLE})"
    pattern = re.compile(rf"(?<![\w{_MARKS}])" + re.escape(title) + year_and_after, flags)
    return pattern.sub(lambda found: mark(movie_id) if not found[1] or int(found[1]) == year else found[0], text)


_AFTER_TITLE = (
    r"\s*$|\s*[^\w\s]| (?:and|or|but|is|was|were|are|a|an|the|please|from|with|without|too|again|then|for|to|than|more|instead|by|in"
    r"|if|because|so|as|that|which|last|yesterday|already|first|much|very|really|better|vs|versus|gets?|deserves|any|good|lately|made|rated|one|movie|film)\b"
)
"""Words that may follow a title that was shown before: others may be the rest of a longer title."""


def _with_years(text: str, refs: list[Ref]) -> str:
    """Give a marked title the year that follows it: "Heat" (1986) → Heat (1986)."""

    def take(found: re.Match[str]) -> str:
        ref = refs[ord(found[1]) - _FIRST_MARK]
        if isinstance(ref, str):
            refs[ord(found[1]) - _FIRST_MARK] = f"{ref} ({found[2] or found[3]})"
        return found[1]

    return re.sub(rf"({MARK})(?:{_YEAR_AFTER.pattern})", take, text)


def refs_of(text: str, guarded: Guarded, memory: Memory) -> tuple[Ref, ...]:
    """Every movie that a piece of a sentence names, in order, each once.

    Example: "Heat, Ronin and the second one" → ("Heat", "Ronin", 6).
    """
    whole = _trimmed(text)
    if found := _several(whole, memory):
        return found
    refs: list[Ref] = []
    for piece in _SPLIT.split(text):
        refs += _refs_of_piece(piece, guarded, memory)
    return tuple(dict.fromkeys(refs))


def title_of(text: str) -> str:
    """A title without the words around it: "the movie called heat please" → "heat"."""
    piece = _trimmed(text)
    if found := _VERSION.match(piece):
        piece = f"{found[1]} ({found[2]})"
    return piece[:MAX_TITLE].strip()


def _trimmed(text: str) -> str:
    piece = (
        text.strip(' \n\t,.!?:;-\u2013"*~()[]<>|/\\')
        if not re.search(r"\(\d{4}\)\W*$", text)
        else text.strip(' ,.!?:;-"')
    )
    for _ in range(4):
        before = piece
        piece = _TRAIL.sub("", _LEAD.sub("", piece)).strip(' ,.!?:;-"')
        if piece == before:
            break
    return piece


def _refs_of_piece(piece: str, guarded: Guarded, memory: Memory) -> tuple[Ref, ...]:
    if marks := re.findall(MARK, piece):
        return tuple(guarded.ref(mark) for mark in marks)
    piece = title_of(piece)
    if found := _several(piece, memory):
        return found
    if (place := ordinal(piece)) is not None and (movie := listed(place, memory)) is not None:
        return (movie,)
    if _PRONOUN.match(piece) and (piece[:1].islower() or piece.lower() not in {"it", "her"} or not memory.mentioned):
        return (memory.focus,) if memory.focus is not None else ()
    named = sum(char.isalnum() for char in piece)
    return (piece,) if named and not _NOTHING.match(piece) else ()


def _several(piece: str, memory: Memory) -> tuple[Ref, ...]:
    """As in "both", "all of them", "the first two" → the movies of the last list."""
    found = _SOME.match(piece)
    if not found or not memory.listed:
        return ()
    ids = [movie.movie_id for movie in memory.listed]
    if not found[1]:
        return tuple(ids)
    count = int(found[2]) if found[2].isdecimal() else NUMBERS[found[2].lower()]
    return tuple(ids[-count:] if found[1].lower() == "last" else ids[:count])


def ordinal(piece: str) -> int | None:
    """The place that a piece names, -1 for the last: "the second one" → 2, "#3" → 3."""
    found = _ORDINAL.match(piece.strip(" ,.!?"))
    if not found:
        return None
    return ORDINALS[found[2].lower()] if found[2] else int(found[1] or found[3])


def listed(place: int, memory: Memory) -> int | None:
    """The movie at a place of the last list, counted from 1; None where the list is shorter."""
    movies = memory.listed
    if place == -1:
        return movies[-1].movie_id if movies else None
    return movies[place - 1].movie_id if 0 < place <= len(movies) else None
