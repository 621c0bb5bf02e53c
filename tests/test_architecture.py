"""Imports run one way: doors, rooms and what they share, in the order that docs/draw.py has and draws."""

from __future__ import annotations

import ast

import pytest

from docs.draw import DRAWING, LINES, ROOT, arrows, box, draw, imports, sources

MOST_AT_THE_TOP = 14
MODULES = sorted(sources())


def line(module: str) -> int:
    return LINES[box(module)]


@pytest.mark.parametrize("module", MODULES)
def test_a_module_imports_only_from_its_line_and_before(module: str) -> None:
    assert not {name for name in imports(module) if line(name) > line(module)}


def test_no_import_leads_back_to_where_it_began() -> None:
    done: set[str] = set()
    while ready := {name for name in MODULES if name not in done and imports(name) <= done}:
        done |= ready
    assert done == set(MODULES)


def test_the_drawing_is_that_of_the_code() -> None:
    """`python -m docs.draw` makes it anew."""
    assert DRAWING.read_text() == draw()
    assert all(LINES[end] <= LINES[begin] for begin, end in arrows())


def test_the_top_level_is_a_dozen_doors() -> None:
    top = {path for path in sources().values() if path.parent == ROOT}
    assert len(top) <= MOST_AT_THE_TOP
    assert {path.stem for path in top if "_" in path.stem} == {"json_schema"}  # no family in disguise


@pytest.mark.parametrize("module", MODULES)
def test_a_module_says_in_its_first_line_what_it_is_for(module: str) -> None:
    assert (ast.get_docstring(ast.parse(sources()[module].read_text())) or "").split("\n")[0].strip()


def test_a_package_is_its_docstring_alone() -> None:
    packages = [path for path in sources().values() if path.name == "__init__.py"]
    assert packages
    assert all(len(ast.parse(path.read_text()).body) == 1 for path in packages)


def test_the_server_never_imports_the_second_copy_of_sqlite() -> None:
    reached: set[str] = set()
    todo = {"main"}
    while todo:
        module = todo.pop()
        reached.add(module)
        todo |= imports(module) - reached
    for module in reached:
        assert "import apsw" not in sources()[module].read_text(), module


def test_no_command_is_imported() -> None:
    """But by another command."""
    outside = [name for name in MODULES if box(name) != "commands"]
    assert not {name for name in outside for needed in imports(name) if needed.startswith("commands.")}


def test_a_docstring_begins_with_the_thing() -> None:
    """Not with a question word: what the thing is or does."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for name, path in sources().items():
        for node in ast.walk(ast.parse(path.read_text())):
            first = (isinstance(node, kinds) and ast.get_docstring(node)) or "-"
            assert first.split()[0] not in {"What", "Where", "Which", "Whether", "How", "Why", "Who"}, (name, first)
