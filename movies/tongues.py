"""The language of a movie's original title, guessed by its commonest words, its letters and the shape of its syllables.

For titles of movies.csv, which write the original in the letters of English. A guess, where IMDb does not say.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache

from movies.titles import fold, parse_title

SURE = 0.45  # the least that words and letters must say for a language
SHAPED, ALL_SHAPED = 0.7, 1.2  # what the shape of a word says, and that of all of several

# The commonest words of titles, and letters that others hardly have
WORDS = {
    "fr": "le la les l un une des du de d et au aux est qui dans mon ma mes sur pour avec sans ne sont nous contre",
    "it": "il lo la gli i di del della dei delle dell d un una uno e che per con non mi nel da alla al ai anno degli",
    "es": "el la los las de del y un una en que por con mi su lo se al para tu mujeres",
    "de": "der die das ein eine einer und im von vom dem den des ist zu fur mit auf nicht ich uber am",
    "pt": "o os as do da dos das e um uma em que nao meu no na ao",
    "sv": "och det den en ett pa som i for av till ar de vi",
    "da": "og det den en et pa som i for af til er de at vi",
    "nl": "het een de van en ik op te met voor",
    "ru": "i v na po ne iz za ili s moy",
    "pl": "w na nie po do",
    "ja": "no wo wa ga kara mo ni kimi onna otoko",
}
LETTERS = {
    "fr": "éêèùœçëâ",
    "it": "ìòè",
    "es": "éñ¿¡",
    "de": "ßü",
    "pt": "ãõ",
    "sv": "å",
    "da": "øæ",
    "ja": "ôû",
    "pl": "łśżźćń",
}
ENGLISH = frozenset(("the", "of", "and", "my", "part", "for"))
ARTICLES = frozenset(
    ("la", "le", "les", "l", "lo", "el", "los", "las", "il", "gli", "der", "die", "das", "o", "os", "un", "une", "una")
)

_JAPANESE = re.compile(r"(?:(?:[kgsztdnhbpmyrwjf]|sh|ch|ts|[kgnhbpmr]y|kk|pp|ss|tt)?[aiueo]{1,2}(?:n(?![aiueo]))?)+")
_CHINESE = re.compile(r"(?:[bpmfdtnlgkhjqxzcsryw]|zh|ch|sh|ng|gw|kw|ts)?[aeiou]{1,3}(?:ng|[nmkpth])?")
_RUSSIAN = re.compile(r"\w*(?:aya|iya|iy|ogo|skoy|shch|iye|zhen)\w*")
_KOREAN = re.compile(r"(?=\w{6})\w*(?:eo|eul|eun|eui|geu)\w*")


def language_of(source_title: str) -> str | None:
    """A code such as "fr"; None where nothing but English, or nothing, can be told.

    >>> language_of("City of Lost Children, The (Cité des enfants perdus, La) (1995)"), language_of("Jetée, La (1962)")
    ('fr', 'fr')
    >>> language_of("Ring (Ringu) (1998)"), language_of("Heat (1995)"), language_of("Trou, Le (Hole, The) (1960)")
    ('ja', None, 'fr')
    """
    if source_title.count("(") < 2 and fold(source_title.partition(", ")[2].split("(")[0].strip(" '")) not in ARTICLES:
        return None
    title = parse_title(source_title)
    given = [name for name in title.alternatives if not _is_english(name)]
    translated = len(given) < len(title.alternatives) or not given
    names = [*reversed(given), *([title.title] if translated and not _is_english(title.title) else [])]
    return next(filter(None, map(_guess, names)), None)


def _is_english(name: str) -> bool:
    return any(word in ENGLISH for word in _words(name)) or re.search(r"\w's\b|\d", name) is not None


def _guess(name: str) -> str | None:
    """The language for which words, letters and syllables say most."""
    words = _words(name)
    said: dict[str, float] = defaultdict(float)
    for table, signs in ((WORDS, words), (LETTERS, list(name.lower()))):
        speaking = _speaking(words=table is WORDS)
        for sign in signs:
            for language in speaking.get(sign, ()):
                said[language] += 1 / len(speaking[sign])
    if not said and any(map(_KOREAN.fullmatch, words)):
        said["ko"] += SHAPED
    if not said and any(map(_RUSSIAN.fullmatch, words)):
        said["ru"] += SHAPED
    if len(words) > 2 and all(map(_CHINESE.fullmatch, words)):
        said["zh"] += ALL_SHAPED
    elif max(map(len, words), default=0) > 3 and all(map(_JAPANESE.fullmatch, words)):
        said["ja"] += SHAPED
    best = max(said, key=said.__getitem__, default=None)
    return best if best is not None and said[best] >= SURE else None


def _words(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", fold(name))


@cache
def _speaking(*, words: bool) -> Mapping[str, Sequence[str]]:
    """The languages by the words that are theirs, or else by the letters."""
    found: dict[str, list[str]] = defaultdict(list)
    for language, signs in (WORDS if words else LETTERS).items():
        for sign in dict.fromkeys(signs.split() if words else signs):
            found[sign].append(language)
    return found
