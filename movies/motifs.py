"""The motifs of drawn posters: each a drawing in SVG that chance varies, on a sheet of 200 by 300."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from html import escape
from itertools import product
from math import ceil, cos, pi, sin
from random import Random
from typing import NamedTuple, TypeVar

WIDTH, HEIGHT = 200, 300

Point = tuple[float, float]
Attributes = dict[str, str | float | None]
T = TypeVar("T")


class Colours(NamedTuple):
    """Of a poster, as CSS names them."""

    ground: str
    mid: str
    bright: str
    paper: str
    shade: str


@dataclass(frozen=True)
class Sheet:
    """A drawing's room: its middle, whether the title stands below it, its colours and its chance."""

    x: float
    y: float
    above: bool
    colours: Colours
    chance: Chance


class Chance:
    """The same numbers for the same text: no method of Random but `random` is promised to stay as it is."""

    def __init__(self, text: str) -> None:
        self._random = Random(text).random  # noqa: S311  nothing secret

    def between(self, low: float, high: float) -> float:
        return low + self._random() * (high - low)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self._random() * len(options))]

    def flip(self, share: float) -> bool:
        return self._random() < share


def element(name: str, *children: str, **attributes: str | float | None) -> str:
    """An element of SVG; attributes of None are left out.

    >>> element("circle", r=1.25, stroke_width=2, fill=None)
    '<circle r="1.2" stroke-width="2"/>'
    """
    told = [(key.replace("_", "-"), _told(value)) for key, value in attributes.items() if value is not None]
    start = " ".join([name, *(f'{key}="{value}"' for key, value in told)])
    return f"<{start}>{''.join(children)}</{name}>" if children else f"<{start}/>"


def _told(value: str | float) -> str:
    return escape(value) if isinstance(value, str) else f"{round(value, 1):g}"


def disc(x: float, y: float, radius: float, fill: str, **more: str | float) -> str:
    return element("circle", cx=x, cy=y, r=radius, fill=fill, **more)


def box(x: float, y: float, width: float, height: float, fill: str, **more: str | float) -> str:
    return element("rect", x=x, y=y, width=width, height=height, fill=fill, **more)


def path(d: str, fill: str, **more: str | float) -> str:
    return element("path", d=d, fill=fill, **more)


def polygon(points: Sequence[Point], fill: str, **more: str | float) -> str:
    return path(f"{_along(points)}Z", fill, **more)


def line(points: Sequence[Point], stroke: str, width: float) -> str:
    return path(_along(points), "none", stroke=stroke, stroke_width=width)


def _along(points: Sequence[Point]) -> str:
    return "M" + "L".join(f"{_told(x)} {_told(y)}" for x, y in points)


def _away(x: float, y: float, distance: float, turn: float) -> Point:
    return x + distance * cos(turn), y + distance * sin(turn)


def _hills(base: float, rises: Sequence[float], fill: str, opacity: float) -> str:
    """A range from the left edge to the right, and what is below it."""
    crest = [(at * WIDTH / (len(rises) - 1), base - rise) for at, rise in enumerate(rises)]
    return polygon([(0, HEIGHT), *crest, (WIDTH, HEIGHT)], fill, opacity=opacity)


# The motifs


def ridges(sheet: Sheet) -> Iterator[str]:
    colours, between = sheet.colours, sheet.chance.between
    yield disc(sheet.x, sheet.y - 10, between(28, 52), colours.bright)
    for near in range(4):
        fill = colours.mid if near % 2 else colours.shade
        rises = [between(0, 62 - near * 9) for _ in range(7 + near)]
        yield _hills(sheet.y + 20 + near * 26, rises, fill, 0.55 + near * 0.15)


def city(sheet: Sheet) -> Iterator[str]:
    colours, chance = sheet.colours, sheet.chance
    yield disc(chance.between(45, 155), sheet.y - 45, chance.between(18, 34), colours.bright)
    for near, house in product((0, 1), range(9)):
        left, top = house * 24 - 8, sheet.y + near * 30 - chance.between(0, 78)
        yield box(left, top, 24.5, HEIGHT, colours.shade if near else colours.mid)
        for floor, window in product(range(8 * near), range(3)):
            if chance.flip(0.3):
                yield box(left + 4 + window * 7, top + 7 + floor * 9, 3, 4.5, colours.bright)


def blinds(sheet: Sheet) -> Iterator[str]:
    colours, between = sheet.colours, sheet.chance.between
    x, y, lean = sheet.x, sheet.y, between(-22, 22)
    yield disc(x, y, between(52, 72), colours.bright)
    yield disc(x + between(-20, 20), y + between(14, 34), between(26, 38), colours.shade)
    yield box(x - 44, y + 46, 88, 120, colours.shade, rx=40)
    for slat in range(15):
        left, right = slat * 19 - lean, slat * 19 + lean
        corners = [(0, left), (WIDTH, right), (WIDTH, right + 9), (0, left + 9)]
        yield polygon(corners, colours.ground, opacity=0.82)


def planet(sheet: Sheet) -> Iterator[str]:
    colours, between, x, y = sheet.colours, sheet.chance.between, sheet.x, sheet.y
    size, turn = between(46, 72), f"rotate({between(-32, 32):.0f} {x:.0f} {y:.0f})"
    yield from (disc(between(0, WIDTH), between(0, HEIGHT), between(0.4, 1.5), colours.paper) for _ in range(46))
    yield element("clipPath", disc(x, y, size, "#000"), id="globe")
    stripes = [
        box(x - 90, y - size + at * size * 0.45, 180, between(3, 14), colours.bright, opacity=0.5, transform=turn)
        for at in range(5)
    ]
    night = disc(x + size * 0.5, y + size * 0.35, size * 1.15, colours.shade, opacity=0.45)
    yield disc(x, y, size, colours.mid) + element("g", *stripes, night, clip_path="url(#globe)")
    if sheet.chance.flip(0.6):
        ring: Attributes = {"rx": size * 1.5, "ry": size * 0.32, "stroke": colours.bright, "stroke_width": 3}
        yield element("ellipse", cx=x, cy=y, fill="none", transform=turn, **ring)
    yield disc(between(20, 180), y - between(60, 90), between(5, 11), colours.bright)


def horizon(sheet: Sheet) -> Iterator[str]:
    colours, x, y = sheet.colours, sheet.x, sheet.y
    yield disc(x, y, sheet.chance.between(46, 62), colours.bright)
    yield from (box(0, y - 4 + at * 9, WIDTH, 1.5 + at * 1.1, colours.ground) for at in range(6))
    yield box(0, y + 40, WIDTH, HEIGHT, colours.shade)
    yield from (line([(x + at * 7, y + 40), (at * 60 + 100, HEIGHT)], colours.mid, 1) for at in range(-8, 9))
    yield from (box(0, y + 40 + at * at * 3.4, WIDTH, 1, colours.mid) for at in range(8))


def orbits(sheet: Sheet) -> Iterator[str]:
    colours, between, x, y = sheet.colours, sheet.chance.between, sheet.x, sheet.y
    for at in range(7):
        size = 20 + at * between(13, 18)
        stroke = colours.mid if at % 2 else colours.bright
        yield disc(x, y, size, "none", stroke=stroke, stroke_width=between(0.6, 1.8))
        moon = _away(x, y, size, between(0, 2 * pi))
        yield disc(*moon, between(2.5, 8), colours.bright if at % 3 else colours.paper)
    yield disc(x, y, between(9, 17), colours.bright)


def eye(sheet: Sheet) -> Iterator[str]:
    colours, between, x, y = sheet.colours, sheet.chance.between, sheet.x, sheet.y

    def lid(wide: float, high: float, fill: str) -> str:
        curves = f"Q{x:.0f} {y - high:.0f} {x + wide:.0f} {y:.0f}Q{x:.0f} {y + high:.0f} {x - wide:.0f} {y:.0f}Z"
        return path(f"M{x - wide:.0f} {y:.0f}{curves}", fill)

    yield from (lid(118 - at * 8, 124 - at * 19, colours.ground if at % 2 else colours.mid) for at in range(5))
    iris = between(24, 32)
    yield lid(80, 62, colours.paper) + disc(x, y, iris, colours.bright)
    for at in range(30):
        turn = at / 30 * 2 * pi
        yield line([_away(x, y, 12, turn), _away(x, y, iris * between(0.75, 0.98), turn)], colours.shade, 1)
    yield disc(x, y, iris * between(0.36, 0.52), colours.shade)
    yield disc(x + 8, y - 9, 4, colours.paper)


def forest(sheet: Sheet) -> Iterator[str]:
    colours, between = sheet.colours, sheet.chance.between
    yield disc(between(55, 145), sheet.y - 20, between(34, 56), colours.bright)
    for near in range(3):
        count = 7 + near * 2
        trees = [_tree(sheet, (at + between(0, 0.8)) * WIDTH / count, near) for at in range(count)]
        yield element("g", *trees, opacity=f"{0.35 + near * 0.32:.2f}")


def _tree(sheet: Sheet, at: float, near: int) -> str:
    between, shade = sheet.chance.between, sheet.colours.shade
    thick = between(1.5, 3) + near * 1.8
    trunk = [(at - thick * 0.4, 0), (at + thick * 0.4, 0), (at + thick, HEIGHT), (at - thick, HEIGHT)]
    branches = [
        f"M{at:.0f} {between(20, 210):.0f}q{sheet.chance.pick((8, -8))} -4 {between(-26, 26):.0f} {-between(8, 22):.0f}"
        for _ in range(5)
    ]
    return polygon(trunk, shade) + path("".join(branches), "none", stroke=shade, stroke_width=thick * 0.35)


def bubbles(sheet: Sheet) -> Iterator[str]:
    between, pick = sheet.chance.between, sheet.chance.pick
    _, mid, bright, paper, shade = sheet.colours
    for at in range(11):
        place = sheet.x + between(-96, 96), sheet.y + between(-92, 92)
        size = between(14, 62) * (1 - at * 0.045)
        yield disc(*place, size, pick((mid, bright, bright, paper, shade)), opacity=between(0.5, 0.95))


def arcs(sheet: Sheet) -> Iterator[str]:
    at, wide = sheet.chance.pick((0, WIDTH, WIDTH / 2)), sheet.chance.between(13, 21)
    below = 62 if sheet.above else 30
    fills = sheet.colours[1:]
    yield from (disc(at, sheet.y + below, (8 - i) * wide + 6, fills[(i + 1) % 4]) for i in range(8))


def shards(sheet: Sheet) -> Iterator[str]:
    between, x, y = sheet.chance.between, sheet.x, sheet.y
    _, mid, bright, _, shade = sheet.colours
    for at in range(15):
        turn, far = between(0, 2 * pi), between(60, 190)
        tips = _away(x, y, far, turn), _away(x, y, far * between(0.5, 1), turn + between(0.12, 0.42))
        fill = sheet.chance.pick((mid, bright, shade, bright))
        yield polygon([(x, y), *tips], fill, opacity=0.9 - at * 0.02)


def waves(sheet: Sheet) -> Iterator[str]:
    between, colours = sheet.chance.between, sheet.colours
    high, long = between(7, 17), between(0.9, 2.2)
    yield disc(sheet.x, sheet.y - 26, between(30, 56), colours.bright)
    for at in range(7):
        fill = colours.shade if at % 2 else colours.mid
        phase = at * 1.1 + sheet.x
        rises = [sin(step * 0.155 * long + phase) * high for step in range(41)]
        yield _hills(sheet.y - 4 + at * 22, rises, fill, 0.8)


def lens(sheet: Sheet) -> Iterator[str]:
    between, colours = sheet.chance.between, sheet.colours
    size = between(50, 66)
    dx, dy = _away(0, 0, size * between(0.42, 0.72), between(-0.7, 0.7))
    one, other = (sheet.x - dx, sheet.y - dy), (sheet.x + dx, sheet.y + dy)
    yield element("clipPath", disc(*one, size, "#000"), id="one")
    yield disc(*one, size, colours.mid) + disc(*other, size, colours.bright)
    yield disc(*other, size, colours.paper, clip_path="url(#one)")


def hearts(sheet: Sheet) -> Iterator[str]:
    step = sheet.chance.between(11, 19)
    fills = sheet.colours[1:4]
    for at in range(6):
        size = 86 - at * step
        place = f"translate({sheet.x:.0f} {sheet.y:.0f}) scale({size:.1f})"
        half = "C-1.6 -.1 -.9 -1.1 0 -.4C.9 -1.1 1.6 -.1 0 1"
        yield path(f"M0 1{half}Z", fills[at % 3], transform=place) if size > 0 else ""


def spiral(sheet: Sheet) -> Iterator[str]:
    between, colours, x, y = sheet.chance.between, sheet.colours, sheet.x, sheet.y
    steps, spin = between(80, 126), between(0, 2 * pi)
    for offset, stroke in ((0, colours.mid), (pi, colours.bright)):
        turns = range(round(steps))
        arm = [_away(x, y, (at / steps) ** 1.25 * 170, at * 0.349 + spin + offset) for at in turns]
        yield line(arm, stroke, between(7, 13))
    yield disc(x, y, between(6, 12), colours.paper)


def rings(sheet: Sheet) -> Iterator[str]:
    colours, x, y = sheet.colours, sheet.x, sheet.y
    cut = sheet.chance.between(-40, 40)
    fills = (colours.bright, colours.ground, colours.mid, colours.ground)
    yield from (disc(x, y, 112 - at * 14, fills[at % 4]) for at in range(8))
    for at in (y + 40, y - 48):
        strip = [(0, at + cut), (WIDTH, at - cut), (WIDTH, at + 12 - cut), (0, at + 12 + cut)]
        yield polygon(strip, colours.ground)


def tiles(sheet: Sheet) -> Iterator[str]:
    size = sheet.chance.pick((40, 50, WIDTH / 3))
    across = ceil(WIDTH / size)
    top = 0 if sheet.above else HEIGHT - across * size
    for row, column in product(range(across), range(across)):
        yield _tile(sheet, column * size, top + row * size, size)


def _tile(sheet: Sheet, x: float, y: float, size: float) -> str:
    """A square with a quarter of a disc, half of one, a whole one, or nothing on it."""
    pick = sheet.chance.pick
    ground, mid, bright, paper, shade = sheet.colours
    place = f"translate({x:.1f} {y:.1f}) rotate({90 * pick(range(4))} {size / 2:.1f} {size / 2:.1f}) scale({size:.1f})"
    fill = pick((mid, bright, paper, shade))
    shapes = (
        path("M0 0H1A1 1 0 0 1 0 1Z", fill, transform=place),
        path("M0 0A.5 .5 0 0 0 1 0Z", fill, transform=place),
        disc(x + size / 2, y + size / 2, size * 0.32, fill),
        "",
    )
    return box(x, y, size + 0.4, size + 0.4, pick((ground, ground, mid, shade))) + pick(shapes)


_ALL = (
    arcs, blinds, bubbles, city, eye, forest, hearts, horizon, lens, orbits, planet, ridges, rings, shards, spiral,
    tiles, waves,
)  # fmt: skip
MOTIFS: dict[str, Callable[[Sheet], Iterator[str]]] = {motif.__name__: motif for motif in _ALL}
