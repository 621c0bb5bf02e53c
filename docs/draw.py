"""The drawing of doors and rooms, made from the imports: `python -m docs.draw` writes it, and the table of imports.

The order in which modules may import each other stands here; tests/test_architecture.py holds the code to it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent
DRAWING = ROOT / "docs" / "architecture.svg"
DOCUMENT = ROOT / "docs" / "architecture.md"
BEGIN, END = "<!-- imports -->\n", "<!-- end of imports -->\n"
OUTSIDE = {"tests", "benchmarks", "data", "examples", "docs", "deploy", "var"}

# From the leaves upwards: a module may import what stands on its own line and on those before. A package stands for
# all of its modules, unless one is named by itself.
ORDER = [
    ["errors", "files", "text", "settings", "json_schema", "movies.models", "movies.tables", "taste"],
    ["logs", "ratings.models", "recommend", "schemas", "telemetry"],
    ["client", "storage"],
    ["db", "language", "movies", "providers"],
    ["llm", "movies.ingest", "ratings", "tools", "training"],
    ["accounts", "guide", "movielens", "runs"],
    ["service"],
    ["api"],
    ["main", "commands"],
]
LINES = {name: number for number, names in enumerate(ORDER) for name in names}

ROW, BOX_HEIGHT, GAP, MARGIN = 92, 40, 32, 24
SWEEPS = 12
FRAME = """\
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"
  font-family="system-ui, sans-serif" font-size="15">
<title>Doors and rooms; an arrow leads from who imports to what is imported</title>
<marker id="head" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">
<path d="M0 0 8 4 0 8z" fill="#888"/>
</marker>
<rect width="{width}" height="{height}" fill="#fff"/>
{shapes}
</svg>
"""


@cache
def sources() -> dict[str, Path]:
    """Every module of the service by its dotted name."""
    found = {}
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] not in OUTSIDE and not parts[0].startswith("."):
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


@cache
def imports(module: str) -> frozenset[str]:
    """The modules of the service that one imports, at its top or later."""
    known = sources()
    found: set[str] = set()
    for node in ast.walk(ast.parse(known[module].read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & known.keys() or {node.module}
    return frozenset(found & known.keys())


def box(module: str) -> str:
    """The door or room on a line of the order that a module belongs to.

    >>> box("movies.ingest.files"), box("movies.library"), box("db")
    ('movies.ingest', 'movies', 'db')

    Raises:
        LookupError: It belongs to none.
    """
    name = module
    while name not in LINES:
        name, dot, _ = name.rpartition(".")
        if not dot:
            raise LookupError(f"{module} stands on no line of the order")
    return name


@cache
def needed() -> dict[str, set[str]]:
    """The boxes that each box imports from."""
    needs: dict[str, set[str]] = {name: set() for names in ORDER for name in names}
    for module in sources():
        needs[box(module)] |= {box(other) for other in imports(module)} - {box(module)}
    return needs


def table() -> str:
    """The same as a table, from the top of the drawing; what imports nothing is left out."""
    rows = [(name, sorted(needed()[name])) for names in reversed(ORDER) for name in names if needed()[name]]
    lines = [f"| `{name}` | {' '.join(f'`{other}`' for other in others)} |" for name, others in rows]
    return "\n".join(["| | imports from |", "|---|---|", *lines, ""])


def arrows() -> list[tuple[str, str]]:
    """Imports between boxes, without those that follow from others."""
    needs = needed()

    def reachable(name: str) -> set[str]:
        return needs[name] | {further for other in needs[name] for further in reachable(other)}

    return [
        (name, other)
        for name in needs
        for other in sorted(needs[name])
        if not any(other in reachable(third) for third in needs[name] - {other})
    ]


def draw() -> str:
    """The drawing as SVG: a row a line of the order, the leaves at the bottom."""
    places = {name: place for row, names in enumerate(_untangled()) for name, place in _row(row, names)}
    width, height = round(_width()), ROW * len(ORDER) + MARGIN
    shapes = [_arrow(places[name], places[other]) for name, other in arrows()]
    shapes += [line for name, place in places.items() for line in _box(name, place)]
    return FRAME.format(width=width, height=height, shapes="\n".join(shapes))


Place = tuple[float, float, float]  # left, top, width


def _untangled() -> list[list[str]]:
    """The lines from the top, each ordered by the mean place of what its boxes are joined with (Sugiyama 1981)."""
    rows = [list(names) for names in reversed(ORDER)]
    joined: dict[str, set[str]] = {name: set() for names in rows for name in names}
    for name, other in arrows():
        joined[name].add(other)
        joined[other].add(name)
    for _ in range(SWEEPS):
        for names in rows:
            x = {name: left + width / 2 for row in rows for name, (left, _, width) in _row(0, row)}
            names.sort(key=lambda name: sum(x[other] for other in sorted(joined[name])) / max(len(joined[name]), 1))
    return rows


def _row(row: int, names: list[str]) -> Iterator[tuple[str, Place]]:
    left = (_width() - _span(names)) / 2
    for name in names:
        yield name, (left, MARGIN + ROW * row, _box_width(name))
        left += _box_width(name) + GAP


@cache
def _width() -> float:
    """The width of the drawing: of its widest row."""
    return 2 * MARGIN + max(map(_span, ORDER))


def _span(names: list[str]) -> float:
    return sum(map(_box_width, names)) + GAP * (len(names) - 1)


def _box_width(name: str) -> float:
    return 28 + 8.6 * len(_label(name))


def _label(name: str) -> str:
    path = sources()[name]
    return f"{name.replace('.', '/')}/" if path.name == "__init__.py" else f"{name.replace('.', '/')}.py"


def _box(name: str, place: Place) -> Iterator[str]:
    left, top, width = place
    fill, stroke = ("#eef3fb", "#4a6fa5") if _label(name).endswith("/") else ("#fdf3e3", "#b5842f")
    yield (
        f'<rect x="{left:.0f}" y="{top}" width="{width:.0f}" height="{BOX_HEIGHT}" rx="6" '
        f'fill="{fill}" stroke="{stroke}"/>'
    )
    yield f'<text x="{left + width / 2:.0f}" y="{top + 25}" text-anchor="middle" fill="#222">{_label(name)}</text>'


def _arrow(begin: Place, end: Place) -> str:
    """A line from the lower edge of who imports to the upper edge of what is imported; sideways within a row."""
    if begin[1] == end[1]:
        left, right = sorted([begin, end])
        sides = [left[0] + left[2], right[0]]
        x1, x2 = sides if begin == left else reversed(sides)
        path = f"M{x1:.0f} {begin[1] + BOX_HEIGHT / 2:.0f} H{x2:.0f}"
    else:
        x1, y1 = begin[0] + begin[2] / 2, begin[1] + BOX_HEIGHT
        x2, y2 = end[0] + end[2] / 2, end[1]
        path = f"M{x1:.0f} {y1} C{x1:.0f} {y1 + 30} {x2:.0f} {y2 - 30} {x2:.0f} {y2}"
    return f'<path d="{path}" fill="none" stroke="#999" marker-end="url(#head)"/>'


if __name__ == "__main__":
    DRAWING.write_text(draw())
    before, _, rest = DOCUMENT.read_text().partition(BEGIN)
    DOCUMENT.write_text(before + BEGIN + table() + END + rest.partition(END)[2])
