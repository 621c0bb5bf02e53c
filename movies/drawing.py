"""A movie's poster as an SVG image of our own, drawn from title, year, genres and id: always the same one."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import lru_cache
from html import escape
from itertools import pairwise
from typing import NamedTuple

from movies.models import Movie
from movies.motifs import HEIGHT, MOTIFS, WIDTH, Attributes, Chance, Colours, Sheet, box, element

EDGE = 16  # beside the words
LEADING = 1.08  # of lines, in sizes of the type
SMALLEST = 8
KEPT = 512  # posters in memory
NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, section 2.2

SANS = "system-ui,'Segoe UI',Roboto,'Helvetica Neue',sans-serif"
GEOMETRIC = f"'Avenir Next',Futura,'Century Gothic',{SANS}"
CONDENSED = f"Impact,'Arial Narrow','Roboto Condensed','DejaVu Sans Condensed',{SANS}"


class Face(NamedTuple):
    """A typeface; `wide`: its letters against Helvetica's; `space`: between them, in sizes of the type."""

    family: str
    weight: int
    space: float
    wide: float = 1.0
    upper: bool = False
    style: str | None = None


FACES = {
    "sans": Face(SANS, 800, -0.02, 1.1),
    "caps": Face(GEOMETRIC, 700, 0.06, 1.1, upper=True),
    "narrow": Face(CONDENSED, 700, 0.01, 0.95, upper=True),
    "serif": Face("Didot,'Bodoni 72',Georgia,'Noto Serif',serif", 700, -0.01, 1.08),
    "italic": Face("'Iowan Old Style',Palatino,Georgia,serif", 600, 0, 1.08, style="italic"),
    "slab": Face("Rockwell,'Roboto Slab','DejaVu Serif',serif", 700, 0.02, 1.1, upper=True),
}
CREDITS = Face(SANS, 600, 0.19, 1.1, upper=True)


class Style(NamedTuple):
    """Of a genre: motifs, hues of the dark, the middle and the bright colour by threes, faces, the share on light."""

    motifs: str
    hues: tuple[int, ...]
    faces: str
    light: float = 0.16


# The most telling genre first.
STYLES = {
    "Western": Style("ridges horizon", (18, 24, 40, 350, 14, 36), "slab"),
    "Film-Noir": Style("blinds city", (220, 220, 46, 30, 25, 42), "caps serif"),
    "Musical": Style("arcs bubbles waves", (290, 325, 48, 225, 265, 330), "italic caps", 0.35),
    "War": Style("shards ridges", (85, 75, 42, 25, 18, 30), "slab narrow"),
    "Sci-Fi": Style("planet horizon orbits", (232, 205, 178, 258, 312, 190, 200, 180, 24), "caps sans"),
    "Horror": Style("forest eye", (350, 2, 8, 255, 285, 130), "narrow serif"),
    "Animation": Style("bubbles arcs tiles", (265, 200, 48, 325, 15, 48), "sans caps", 0.55),
    "Fantasy": Style("forest orbits planet", (262, 285, 45, 165, 180, 55, 345, 300, 42), "serif italic"),
    "Children": Style("arcs bubbles tiles", (205, 45, 350, 150, 190, 45), "sans slab", 0.7),
    "Documentary": Style("rings tiles waves", (205, 190, 28, 25, 20, 40), "sans caps", 0.5),
    "Mystery": Style("eye spiral blinds", (235, 215, 46, 170, 190, 85), "serif caps"),
    "Romance": Style("lens hearts waves", (342, 350, 18, 262, 320, 350), "italic serif", 0.5),
    "Crime": Style("city blinds shards", (215, 205, 5, 35, 30, 48), "caps narrow serif"),
    "Thriller": Style("spiral rings shards", (200, 195, 12, 358, 8, 48, 170, 175, 60), "sans narrow caps"),
    "Adventure": Style("ridges horizon waves", (190, 165, 38, 28, 18, 44), "caps serif sans"),
    "Action": Style("shards city spiral", (220, 14, 28, 280, 330, 40), "narrow sans"),
    "Comedy": Style("tiles arcs bubbles", (350, 28, 48, 195, 172, 48, 265, 325, 42), "sans narrow slab", 0.65),
    "Drama": Style("waves lens tiles rings", (230, 255, 25, 20, 12, 34, 175, 165, 12), "serif caps italic sans", 0.35),
}
PLAIN = Style("tiles rings waves lens orbits", (215, 190, 20, 345, 20, 175), "serif sans caps", 0.5)


class Line(NamedTuple):
    """Words of one size in one line."""

    words: str
    size: float
    face: Face


class Setting(NamedTuple):
    """Of words on the poster."""

    centred: bool
    ink: str


def poster_of(movie: Movie) -> bytes:
    """The poster as an SVG document."""
    return _drawn(movie.movie_id, _cleaned(movie.title), movie.year, tuple(movie.genres))


@lru_cache(KEPT)
def _drawn(movie_id: int, title: str, year: int | None, genres: tuple[str, ...]) -> bytes:
    chance = Chance(f"{movie_id}|{title}|{year}")
    told = [name for name in STYLES if name in genres]
    genre = chance.pick(told[:2]) if told else None
    style = STYLES.get(genre or "", PLAIN)
    light = chance.flip(style.light)
    colours = _colours(chance, STYLES[chance.pick(told[:3])] if told else PLAIN, light=light, grey=genre == "Film-Noir")
    above = chance.flip(0.72)
    setting = Setting(chance.flip(0.4), colours.shade if light else colours.paper)
    lines = _title(title, FACES[chance.pick(style.faces.split())])
    middle = chance.between(70, 130), round(chance.between(92, 116) if above else chance.between(190, 206))
    motif = MOTIFS[chance.pick(style.motifs.split())](Sheet(*middle, above, colours, chance))
    credits_line = Line(" · ".join(str(part) for part in (genre, year) if part).upper(), 8.5, CREDITS)
    ground = _ground(colours.ground, above=above, height=_height(lines) + 90)
    words = _words(lines, credits_line, setting, above=above)
    root: Attributes = {"xmlns": "http://www.w3.org/2000/svg", "viewBox": f"0 0 {WIDTH} {HEIGHT}"}
    return element("svg", box(0, 0, WIDTH, HEIGHT, colours.ground), *motif, ground, *words, **root).encode()


def _colours(chance: Chance, style: Style, *, light: bool, grey: bool) -> Colours:
    between = chance.between
    first = 3 * int(between(0, len(style.hues) / 3))

    def tone(place: int, saturation: float, lightness: float) -> str:
        hue = style.hues[first + place] + between(-6, 6)
        return f"hsl({hue:.0f} {saturation * (0.25 if grey else 1):.0f}% {lightness:.0f}%)"

    deep, paper = tone(0, between(34, 62), between(12, 19)), tone(2, between(28, 60), between(91, 95))
    mid = tone(1, between(38, 66), between(54, 66) if light else between(32, 44))
    bright = tone(2, between(68, 88), between(55, 63))
    if light:
        return Colours(paper, mid, bright, "#fff", deep)
    return Colours(deep, mid, bright, paper, tone(0, between(34, 62), between(7, 10)))


def _ground(colour: str, *, above: bool, height: float) -> str:
    """The ground under the title, so that it can be read on whatever is drawn."""
    stops = ((0.0, 0), (46 / height, 0.93), (1.0, 1))
    shades = [element("stop", offset=f"{at:.2f}", stop_color=colour, stop_opacity=f"{it:g}") for at, it in stops]
    fade = element("linearGradient", *shades, id="fade", x1=0, x2=0, y1=0 if above else 1, y2=1 if above else 0)
    return fade + box(0, HEIGHT - height if above else 0, WIDTH, height, "url(#fade)")


# Words


def _cleaned(title: str) -> str:
    """A title as it may stand in XML; words for one that is empty."""
    return " ".join(NOT_XML.sub("", title).split()) or "Untitled"


def _title(title: str, face: Face) -> list[Line]:
    """The title in lines; what follows a colon is smaller."""
    main, *rest = re.split(r": | - (?=[^\W\da-z_])", title.upper() if face.upper else title)
    lines = _fitted(main, face, 66 if rest else 92, 40)
    if rest:
        lines += _fitted(": ".join(rest), face, 40, min(20, lines[0].size * 0.62))
    return lines


def _fitted(text: str, face: Face, height: float, largest: float) -> list[Line]:
    """The text in lines, as large as the room for it allows; what is too long at the smallest size ends early."""
    words = re.findall(r"\S{1,18}", text)
    size, room = largest, WIDTH - 2 * EDGE
    while True:
        lines = list(_wrapped(words, face, room / size))
        fits = len(lines) * size * LEADING <= height and all(_width(words, face) * size <= room for words in lines)
        if fits or size <= SMALLEST:
            return [Line(words, size, face) for words in lines[: int(height / size)]]
        size = max(size - 1, SMALLEST)


def _wrapped(words: list[str], face: Face, room: float) -> Iterator[str]:
    taken = ""
    for word in words:
        longer = f"{taken} {word}".strip()
        if taken and _width(longer, face) > room:
            yield taken
            longer = word
        taken = longer
    yield taken


def _width(text: str, face: Face) -> float:
    """About how wide a text is at size 1."""
    return sum(_wide(char) for char in text) * face.wide + face.space * len(text)


def _wide(char: str) -> float:
    """A letter of a bold Helvetica, about; the letters of other scripts by their kind.

    >>> _wide("i"), _wide("M"), _wide("人")
    (0.29, 0.86, 1.0)
    """
    if unicodedata.combining(char):
        return 0.0
    if unicodedata.east_asian_width(char) in "WF":
        return 1.0
    widths = {"ijlI.,:;'|!": 0.29, ' ftr()[]-"': 0.35, "mMW@%": 0.86, "w": 0.77}
    known = next((width for chars, width in widths.items() if char in chars), None)
    return known or (0.7 if char.isupper() else 0.57)


def _height(lines: list[Line]) -> float:
    """Of lines below each other; where the size changes there is a gap."""
    changes = sum(one.size != other.size for one, other in pairwise(lines))
    return sum(line.size * LEADING for line in lines) + 5 * changes


def _words(lines: list[Line], credits_line: Line, setting: Setting, *, above: bool) -> Iterator[str]:
    """The title in its lines, and below it or above it genre and year."""
    y = HEIGHT - 34 - _height(lines) if above else 36.0
    size = lines[0].size
    for line in lines:
        y += line.size * LEADING + (0 if line.size == size else 5)
        size = line.size
        yield _text(line, y - size * 0.2, setting)
    if credits_line.words:
        yield _text(credits_line, HEIGHT - 17 if above else 27, setting)


def _text(line: Line, y: float, setting: Setting) -> str:
    """A line of text, held to the width that was reckoned with, whichever font there is."""
    face = line.face
    attributes: Attributes = {
        "x": WIDTH / 2 if setting.centred else EDGE,
        "y": y,
        "fill": setting.ink,
        "text_anchor": "middle" if setting.centred else None,
        "font_family": face.family,
        "font_size": line.size,
        "font_weight": face.weight,
        "font_style": face.style,
        "letter_spacing": f"{face.space * line.size:.2f}",
        "textLength": min(_width(line.words, face) * line.size, WIDTH - 2 * EDGE),
        "lengthAdjust": "spacingAndGlyphs",
    }
    return element("text", escape(line.words, quote=False), **attributes)
