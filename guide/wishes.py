"""Reading what a sentence asks of a list: how many, which genres, years, mood, whose. Words in, a `Wish` and the rest out."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches

from pydantic import JsonValue

from guide.vocabulary import COMMON_WORDS, DECADE_WORDS, GENRES, MOODS, NUMBERS, REQUEST_WORDS, SHIFTS, Mood, Shift

LARGEST_LIST = 20
FIRST_FILM, LAST_FILM = 1870, 2100
LONGEST_GENRE = 16  # letters

_NUMBER = "|".join(sorted((re.escape(word) for word in NUMBERS), key=len, reverse=True))
_GENRE = "|".join(sorted((re.escape(word) for word in GENRES), key=len, reverse=True))
_LISTED = r"(?:movies?|films?|flicks?|pictures?|titles?|ones|recommendations?|recs?|suggestions?|picks?|more|others?|options?|ideas?)"
_YEAR = r"((?:18|19|20)\d\d)"

_COUNT = re.compile(
    rf"\b(?:a )?(?:top|best|first|list of|these|just|only)? ?(\d{{1,3}}|{_NUMBER})(?: or (?:so|two|three|\d))?"
    rf" (?=(?:(?:of the|of|really|very|good|great|nice|other|more|new|old|the best|best|top|popular|different|random|highly|rated|[\w'-]+) ){{0,4}}{_LISTED}\b|(?:{_GENRE})s?\b)"
    rf"|\b(?:top|best|give me|show me|suggest|recommend|list|another|just|only) (\d{{1,3}}|{_NUMBER})\b(?! (?:stars?|user|star|out|/))"
    rf"|^(\d{{1,2}}|{_NUMBER}) (?:please|pls|more)\b",
    re.IGNORECASE,
)
_USERS = re.compile(
    r"\b(?:(?:for|from|of|by|as|to|did|does|and) )?(?:movielens |the )?users?(?:['\u2019]s)? ?(?:#|no\.?|number|id)? ?(\d{1,9})\b"
    r"((?:\s*(?:,\s*and|,|and|&|\+|plus|or)\s*(?:user )?#?\d{1,9}\b)*)(?:['\u2019]s?)?",
    re.IGNORECASE,
)
_DECADE = re.compile(
    r"\b(?:(?:from|of|in|during|for|set in|out of|made in) )?(?:the )?(?:(early|mid|late)[- ])?(?:the )?"
    r"(?:(18|19|20)?'?(\d)0['\u2019]?s|("
    + "|".join(DECADE_WORDS)
    + r"))\b(?:,? (?:or|and) (earlier|before|older|later|newer|after)\b)?(?: (?:movies|films) only)?",
    re.IGNORECASE,
)
_RANGE = re.compile(
    rf"\b(?:(?:from|between|in|made|released) )*{_YEAR} ?(?:-|\u2013|to|and|until|till|through) ?{_YEAR}\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(
    rf"\b(?:(?:nothing|not|none|no (?:movies|films)) )?(?:made |released |from )?(?:before|older than|earlier than|prior to|pre-?|until|till|up to|by) ?(?:the )?(?:year )?{_YEAR}(s)?\b",
    re.IGNORECASE,
)
_AFTER = re.compile(
    rf"\b(?:made |released |from )?(after|newer than|later than|since|from|post-?|past|starting(?: in| from)?) ?(?:the )?(?:year )?{_YEAR}"
    r"( on(?:wards?)?|\+| or (?:later|newer)| and (?:later|newer|up))?(?!\w)",
    re.IGNORECASE,
)
_IN_YEAR = re.compile(
    rf"\b(?:in|of|for|during|the year|the|released in|made in|(?:that |what )?(?:came|come) out in) {_YEAR}\b|^ *{_YEAR}(?= (?:{_GENRE})s?\b| movies?| films?| *$)",
    re.IGNORECASE,
)
_CENTURY = re.compile(
    r"\b(?:from |of |in )?(?:the |this )?(20th|twentieth|last|21st|twenty[- ]first|this) century\b", re.IGNORECASE
)
_AGE = re.compile(
    r"\b(?:(recent|new|brand[- ]new|latest|newest|modern|current|contemporary|fresh|last few years|recently released|last (?:ten|10) years)"
    r"|(classics?|old|old[- ]school|vintage|golden age|old[- ]time|oldies))\b(?! (?:one|user))",
    re.IGNORECASE,
)
_NOT_GENRE = re.compile(
    rf"\b(?:without(?: any| the)?|no(?: more)?|not|nothing|non|isn'?t|is not|aren'?t|anything but|except(?: for)?|excluding|minus"
    rf"|hate|don'?t (?:like|want)|avoid|skip|leave out|rather not|other than|apart from|instead of|sick of|tired of)"
    rf"[ -](?:too |a |an |any |another |in |from )*((?:{_GENRE})s?(?:(?:,| or| and|, or|, and| nor|/) ?(?:any |a |no )?(?:{_GENRE})s?)*)\b",
    re.IGNORECASE,
)
_GENRE_WORD = re.compile(rf"\b({_GENRE})(?:s|es|y)?\b(?! (?:tag|of the))", re.IGNORECASE)
_NOT_MOOD = re.compile(
    r"\b(?:not|nothing|isn'?t|without|no|don'?t|less)(?: (?:so|too|that|very|really|as|anything|be))*[ -]*$",
    re.IGNORECASE,
)
_SORT = (
    (re.compile(r"\b(?:best|top|highest|greatest|finest|great|good|all[- ]time)[- ]?(?:\w+ )?rated\b|\b(?:best|top|greatest|finest|masterpieces?)\b(?: (?:movies?|films?|ones?))?(?: of all[- ]time| ever(?: made)?)?", re.IGNORECASE), "rating"),
    (re.compile(r"\bmost[- ](?:watched|seen|famous|rated|viewed|well[- ]known|liked|loved)\b|\b(?:most[- ])?popular\b|\b(?:biggest|trending|hot|hits?)\b", re.IGNORECASE), "popularity"),
)  # fmt: skip
_VARIED = re.compile(r"\b(?:different|diverse|varied|variety|a mix|mixed bag|assorted|all sorts)\b", re.IGNORECASE)
_SURPRISE = re.compile(
    r"\b(?:surprise (?:me|us)|random|unexpected|dealer'?s choice|anything goes|whatever)\b", re.IGNORECASE
)
_MOODS = tuple((re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), mood) for pattern, mood in MOODS)
_SHIFTS = tuple((re.compile(rf"\b(?:{pattern})\b", re.IGNORECASE), shift) for pattern, shift in SHIFTS)
_SUBJECT = re.compile(
    r"\b(?:about|with|featuring|involving|starring|directed by|by|set in|set on|based on|where|in which|on) (.+)$",
    re.IGNORECASE,
)
_BASED_ON = re.compile(
    r"\b(?:based|adapted) (?:on|from) (?:an? |the )?(book|novel|comic|play|video game|tv show)s?\b",
    re.IGNORECASE,
)
_ABOUT = re.compile(
    r"(?<!how )(?<!what )\babout (?!it\b|that\b|this\b|them\b)(.{2,60}?)(?=[,.!?]|$|\b(?:but|that|which|please|without|with|from|in|not|for|preferably|ideally|made|only)\b)",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"\b(?:with )?(?:at least|more than|over|min(?:imum)?(?: of)?) (\d{1,6})\+? (?:ratings|votes|reviews)\b",
    re.IGNORECASE,
)
_SAME_VEIN = re.compile(
    r"\b(?:in|along|of) the same (?:vein|lines?|style|kind|sort|spirit)\b|\bsame (?:vein|kind|sort|style)\b",
    re.IGNORECASE,
)
_CHILDHOOD = re.compile(
    r"\b(?:as a (?:kid|child|teen\w*)|when i was (?:a (?:kid|child|teen\w*)|young\w*|little|small))\b", re.IGNORECASE
)
_PERSONAL = re.compile(
    r"\b(?:i|me|my|we|our|you|your|who|someone|somebody|want|wants|because|am|are|please)\b", re.IGNORECASE
)
_COMPANY = re.compile(
    r"\b(?:(?:for|with|and|me and|by) )?(?:my|our|the) (?:[\w-]+ )?(?:girlfriend|boyfriend|gf|bf|wife|husband|partner|friends?|mom|mum|mother|dad|father|parents?|grand\w+"
    r"|sister|brother|kids?|children|sons?|daughters?|family|roommates?|flatmates?|colleagues?|date|buddy|mates?|nieces?|nephews?|fianc\w+|cousins?|aunt|uncle)\b",
    re.IGNORECASE,
)
_LEFT_OUT = re.compile(
    r"\b(?:without|aren't|isn't|not|no|excluding|except)(?: (?:from|by|with|any|the|a|an|of))* ([\w'-]+)", re.IGNORECASE
)
_NEGATED = re.compile(
    r"\b(?:but )?(?:not|nothing|without|no|isn't|aren't) (?:too |so |that |very |a |an |any |the |of the )*[\w'-]+",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\s,.!?;:()\"]+")


@dataclass(frozen=True, slots=True)
class Wish:
    """Everything that narrows or orders a list. `age` is -1 for older, 1 for newer than what was shown."""

    limit: int | None = None
    genres: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    mood: Mood | None = None
    theme: str = ""
    sort: str = ""
    age: int = 0
    era: str = ""
    novelty: float | None = None
    known: bool = False
    varied: bool = False
    surprise: bool = False
    better: bool = False
    lack: str = ""
    users: tuple[int, ...] = ()
    asked: int | None = None
    min_ratings: int | None = None
    unmet: str = ""

    @property
    def narrows(self) -> bool:
        """True if it says anything about which movies are meant."""
        return bool(
            self.genres or self.exclude or self.year_from or self.year_to or self.mood or self.theme or self.age
            or self.era or self.novelty or self.known or self.better or self.lack or self.min_ratings
        )  # fmt: skip

    @property
    def plain(self) -> bool:
        """True if it says nothing at all."""
        return self == Wish()

    def filters(self) -> dict[str, JsonValue]:
        """The filters of `movie_schemas.Listing` that it asks for."""
        found: dict[str, JsonValue] = {
            "genres": list(self.genres),
            "exclude_genres": list(self.exclude),
            "year_from": self.year_from,
            "year_to": self.year_to,
            "limit": self.limit,
            "min_ratings": self.min_ratings,
            "novelty": self.novelty,
            "diversity": 0.6 if self.varied or self.surprise else None,
        }
        return {name: value for name, value in found.items() if value not in (None, [])}


def merge(first: Wish, second: Wish) -> Wish:
    """Both wishes; where they disagree, the later one holds."""
    fields = {name: getattr(second, name) or getattr(first, name) for name in Wish.__dataclass_fields__}
    fields["genres"] = tuple(dict.fromkeys(first.genres + second.genres))
    fields["exclude"] = tuple(dict.fromkeys(first.exclude + second.exclude))
    return Wish(**fields)


def number(text: str | None) -> int | None:
    """The number that digits or a word stand for."""
    if not text:
        return None
    return int(text) if text.isdecimal() else NUMBERS.get(text.lower())


def read_wish(sentence: str) -> tuple[Wish, str]:
    """The wish in a sentence, and the words that said none of it.

    Example: "three funny movies from the 80s about robots" → limit 3, Comedy, 1980-1989, theme "robots".
    """
    wish, rest = Wish(), _SAME_VEIN.sub(" ", _CHILDHOOD.sub(" ", f" {sentence} "))
    for reader in (_users, _least, _shifts, _years, _about, _count, _excluded, _mood, _genres, _flags):
        wish, rest = reader(wish, rest)
    return wish, re.sub(r"\s+", " ", rest).strip()


def _about(wish: Wish, text: str) -> tuple[Wish, str]:
    """As in "about world war 2": a subject, whatever genres its words may be."""
    if based := _BASED_ON.search(text):
        return replace(wish, theme=f"based on a {based[1].lower()}"), _cut(text, based)
    found = _ABOUT.search(text)
    subject = (
        re.sub(r"^(?:an?|the|some|any|how|being|something like) ", "", found[1].strip(" '-"), flags=re.IGNORECASE)
        if found
        else ""
    )
    if not found or not subject or len(subject.split()) > 5 or _PERSONAL.search(subject):
        return wish, text
    return replace(wish, theme=subject), f"{text[: found.start()]} {text[found.end(1) :]}"


def themed(wish: Wish, rest: str) -> Wish:
    """The wish with what is left of the sentence as its theme, if that says anything."""
    if wish.theme:
        return wish
    subject = _SUBJECT.search(rest)
    theme = content_of(subject[1] if subject else rest)
    longest = 6 if subject else 2 if wish.genres or wish.mood else 4
    if unmet := _unmet(rest):
        wish = replace(wish, unmet=unmet)
    if not subject and len(rest.split()) > LONGEST_ASIDE:
        return wish
    if not theme or len(theme.split()) > longest or _PERSONAL.search(theme):
        return wish
    return replace(wish, theme=theme)


def _unmet(rest: str) -> str:
    """The thing that a sentence wants left out and that is no genre: "aren't disney" → "disney"."""
    words = (found[1] for found in _LEFT_OUT.finditer(rest))
    return next((word for word in words if not _empty(word) and len(word) > 2), "")


LONGEST_ASIDE = 6
"""With more words than this around it, a stray word is not taken for a theme."""


def content_of(rest: str) -> str:
    """The rest without the words of asking: "can you find something about time travel" → "time travel"."""
    rest = _COMPANY.sub(" ", _NEGATED.sub(" ", rest))
    rest = re.sub(
        r"\b(?:set in|where (?:there (?:is|are)|the|a|an)|in which|that (?:has|have|is about|deals? with)|featuring|involving"
        r"|by director|directed by|starring|takes? place in|dealing with|centered on|related to)\b",
        " about ", rest, flags=re.IGNORECASE,
    )  # fmt: skip
    words = _WORD.findall(rest)
    while words and _empty(words[0]):
        words.pop(0)
    while words and _empty(words[-1]):
        words.pop()
    kept = " ".join(words)
    return kept[:100].strip(" '-") if any(len(word) > 1 for word in words) else ""


def _empty(word: str) -> bool:
    return word.lower().strip("'-*~") in REQUEST_WORDS or not any(char.isalpha() or char > "\ue000" for char in word)


def _cut(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"


def _users(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _USERS.search(text)
    if not found:
        return wish, text
    ids = [int(found[1]), *map(int, re.findall(r"\d+", found[2]))]
    return replace(wish, users=tuple(dict.fromkeys(ids))), _cut(text, found)


def _least(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _LEAST.search(text)
    return (replace(wish, min_ratings=int(found[1])), _cut(text, found)) if found else (wish, text)


def _shifts(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, shift in _SHIFTS:
        if found := pattern.search(text):
            if shift.age and re.match(r" than (?:the year )?(?:18|19|20)\d\d", text[found.end() :]):
                continue
            if shift.age and re.search(r"\b(?:or|and) $", text[: found.start()]):
                continue
            wish, text = _shifted(wish, shift), _cut(text, found)
    return wish, text


def _shifted(wish: Wish, shift: Shift) -> Wish:
    return replace(
        wish,
        genres=wish.genres + shift.genres,
        exclude=tuple(dict.fromkeys(wish.exclude + shift.exclude)),
        age=shift.age or wish.age,
        novelty=shift.novelty or wish.novelty,
        known=shift.known or wish.known,
        better=shift.better or wish.better,
        lack=shift.lack or wish.lack,
    )


def _years(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, span_of in _PERIODS:
        if found := pattern.search(text):
            first, last = span_of(found)
            if any(year and not FIRST_FILM <= year <= LAST_FILM for year in (first, last)):
                continue
            wish = replace(wish, year_from=first or wish.year_from, year_to=last or wish.year_to)
            text = _cut(text, found)
            if pattern is _RANGE:
                break
    if found := _AGE.search(text):
        wish, text = replace(wish, era="new" if found[1] else "old"), _cut(text, found)
    return wish, text


def _decade(found: re.Match[str]) -> tuple[int | None, int | None]:
    """'80s → 1980-1989, "late nineties" → 1995-1999, "2010s" → 2010-2019; two digits mean the last hundred years."""
    if found[4]:
        first = DECADE_WORDS[found[4].lower()]
    else:
        tens = int(found[3]) * 10
        first = int(found[2]) * 100 + tens if found[2] else (2000 if tens <= 10 else 1900) + tens
    part = (found[1] or "").lower()
    start, end = {"early": (0, 3), "mid": (3, 6), "late": (6, 9)}.get(part, (0, 9))
    if found[5]:
        return (None, first + end) if found[5].lower() in {"earlier", "before", "older"} else (first + start, None)
    return first + start, first + end


def _range(found: re.Match[str]) -> tuple[int | None, int | None]:
    first, last = sorted((int(found[1]), int(found[2])))
    return first, last


def _before(found: re.Match[str]) -> tuple[int | None, int | None]:
    if re.match(r"\s*(?:nothing|not|none|no \w+)\b", found[0], re.IGNORECASE):
        return int(found[1]), None
    inclusive = re.search(r"\b(?:until|till|up to)\b", found[0], re.IGNORECASE)
    return None, int(found[1]) - (0 if inclusive else 1)


def _after(found: re.Match[str]) -> tuple[int | None, int | None]:
    """As in "since 1990" and "from 1990 on" include 1990, "after 1990" does not, and "from 1990" alone is that year."""
    year, word = int(found[2]), found[1].lower()
    if word == "from" and not found[3]:
        return year, year
    inclusive = word.startswith(("since", "from", "starting")) or bool(found[3])
    return (year if inclusive else year + 1), None


def _in_year(found: re.Match[str]) -> tuple[int | None, int | None]:
    year = int(found[1] or found[2])
    return year, year


def _century(found: re.Match[str]) -> tuple[int | None, int | None]:
    return (None, 2000) if found[1].lower() in {"20th", "twentieth", "last"} else (2001, None)


_PERIODS = (
    (_CENTURY, _century),
    (_RANGE, _range),
    (_DECADE, _decade),
    (_BEFORE, _before),
    (_AFTER, _after),
    (_IN_YEAR, _in_year),
)


def _count(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _COUNT.search(text)
    asked = number(next((group for group in found.groups() if group), None)) if found else None
    if not found or not asked:
        return wish, text
    ranked = re.search(r"\b(?:top|best)\b", found[0], re.IGNORECASE)
    left = _cut(text, found) if not ranked else f"{text[: found.start()]} {ranked[0]} {text[found.end() :]}"
    return replace(wish, limit=min(asked, LARGEST_LIST), asked=asked), left


def _excluded(wish: Wish, text: str) -> tuple[Wish, str]:
    while found := _NOT_GENRE.search(text):
        out = tuple(dict.fromkeys(wish.exclude + _genres_in(found[1])))
        wish, text = replace(wish, exclude=out), _cut(text, found)
    return wish, text


def _mood(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, mood in _MOODS:
        if found := pattern.search(text):
            if _NOT_MOOD.search(text[: found.start()]):
                return replace(wish, exclude=tuple(dict.fromkeys(wish.exclude + mood.genres))), _cut(text, found)
            return replace(wish, mood=mood), pattern.sub(" ", text)
    return wish, text


def _genres(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _genres_in(text)
    text = _GENRE_WORD.sub(" ", text)
    if not found:
        found, text = _misspelt_genre(text)
    out = tuple(name for name in wish.exclude if name not in found)
    return replace(wish, genres=tuple(dict.fromkeys(wish.genres + found))[:5], exclude=out), text


def _genres_in(text: str) -> tuple[str, ...]:
    names = (name for found in _GENRE_WORD.finditer(text) for name in GENRES[found[1].lower()])
    return tuple(dict.fromkeys(names))


def _misspelt_genre(text: str) -> tuple[tuple[str, ...], str]:
    """As in "comdey" → Comedy: only long words, and none that English needs for something else."""
    for word in _WORD.findall(text):
        plain = word.lower().removesuffix("s")
        if not 5 <= len(word) <= LONGEST_GENRE or word.lower() in COMMON_WORDS:
            continue
        alike = [genre for genre in GENRES if genre[0] == plain[0] and abs(len(genre) - len(plain)) <= 2]
        if near := get_close_matches(plain, alike, n=1, cutoff=0.8):
            return GENRES[near[0]], text.replace(word, " ", 1)
    return (), text


def _flags(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, sort in _SORT:
        if found := pattern.search(text):
            wish, text = replace(wish, sort=wish.sort or sort), _cut(text, found)
    if found := _VARIED.search(text):
        wish, text = replace(wish, varied=True), _cut(text, found)
    if found := _SURPRISE.search(text):
        wish, text = replace(wish, surprise=True), _cut(text, found)
    return wish, text
