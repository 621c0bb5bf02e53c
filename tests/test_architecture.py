"""Imports run one way: each module may import those below it."""

from __future__ import annotations

import ast
import fnmatch

import pytest

from tests.support.serving import ROOT

MODULES = {path.stem: ast.parse(path.read_text()) for path in ROOT.glob("*.py")}

# From the leaves upwards; a module may import from its own floor and from those below. `name*`: the whole family.
FLOORS = [
    {
        "settings",
        "errors",
        "printable",
        "surrogates",
        "logs",
        "json_schema",
        "movie_schemas",
        "schema*",
        "providers",
        "prompts",
    },
    {"sqlite", "migrations", "db", "own_ratings", "boots"},
    {"catalogue*", "import*", "movielens", "recommend*", "embeddings", "library", "fit"},
    {"toolbox", "lookups", "taste", "tools"},
    {"context", "chunks", "upstream*", "offline*", "llm", "transcript"},
    {"journal", "housekeeping", "runs", "marquee", "explain", "export"},
    {"web", "middleware", "connections", "openapi", "chat_routes", "movie_routes", "main"},
]


def floor(module: str) -> int:
    """The floor of a module; every module has exactly one."""
    [number] = [
        number for number, names in enumerate(FLOORS) if any(fnmatch.fnmatchcase(module, name) for name in names)
    ]
    return number


def imports(tree: ast.Module) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found & MODULES.keys()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_its_floor_and_below(module: str) -> None:
    above = {name for name in imports(MODULES[module]) if floor(name) > floor(module)}
    assert not above


def test_no_import_leads_back_to_where_it_began() -> None:
    graph = {name: imports(tree) for name, tree in MODULES.items()}
    done: set[str] = set()
    while ready := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= ready
    assert done == MODULES.keys()


def test_every_module_says_in_its_first_line_what_it_is_for() -> None:
    for name, tree in MODULES.items():
        assert (ast.get_docstring(tree) or "").split("\n")[0].strip(), name


def test_the_server_never_imports_the_second_copy_of_sqlite() -> None:
    reached, todo = set(), {"main"}
    while todo:
        module = todo.pop()
        reached.add(module)
        todo |= imports(MODULES[module]) - reached
    for module in reached:
        assert "import apsw" not in (ROOT / f"{module}.py").read_text(), module
