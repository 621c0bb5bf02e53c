"""Imports run one way: doors, rooms and what they share, in the order of docs/architecture.md."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.support.serving import ROOT

OUTSIDE = {"tests", "benchmarks", "data", "examples", "docs", "deploy"}
MOST_AT_THE_TOP = 14

# From the leaves upwards: a module may import what stands on its own line and on those before. A package stands for
# all of its modules, unless one is named by itself.
ORDER = [
    ["errors", "files", "text", "settings", "json_schema", "movies.models", "taste"],
    ["logs", "schemas", "recommend"],
    ["storage"],
    ["db", "movies", "providers"],
    ["llm", "movies.ingest", "tools", "training"],
    ["guide", "movielens", "runs"],
    ["service"],
    ["api"],
    ["main", "commands"],
]
LINES = {name: number for number, names in enumerate(ORDER) for name in names}


def sources() -> dict[str, Path]:
    """Every module of the service by its dotted name."""
    found = {}
    for path in ROOT.rglob("*.py"):
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] not in OUTSIDE and not parts[0].startswith(".") and parts[0] != "var":
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


PATHS = sources()
MODULES = {name: ast.parse(path.read_text()) for name, path in PATHS.items()}


def line(module: str) -> int:
    """The line of a module: its own, or that of the nearest package around it."""
    name = module
    while name not in LINES:
        name, dot, _ = name.rpartition(".")
        assert dot, f"{module} stands on no line of the order"
    return LINES[name]


def imports(module: str) -> set[str]:
    """The modules of the service that one imports, at its top or later."""
    found: set[str] = set()
    for node in ast.walk(MODULES[module]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            inner = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= inner & MODULES.keys() or {node.module}
    return found & MODULES.keys()


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_imports_only_from_its_line_and_before(module: str) -> None:
    assert not {name for name in imports(module) if line(name) > line(module)}


def test_no_import_leads_back_to_where_it_began() -> None:
    graph = {name: imports(name) for name in MODULES}
    done: set[str] = set()
    while ready := {name for name, needs in graph.items() if name not in done and needs <= done}:
        done |= ready
    assert done == MODULES.keys()


def test_the_top_level_is_a_dozen_doors() -> None:
    top = {path for path in PATHS.values() if path.parent == ROOT}
    assert len(top) <= MOST_AT_THE_TOP
    families = [path.stem.split("_")[0] for path in top if "_" in path.stem and path.stem != "json_schema"]
    assert not families


@pytest.mark.parametrize("module", sorted(MODULES))
def test_a_module_says_in_its_first_line_what_it_is_for(module: str) -> None:
    assert (ast.get_docstring(MODULES[module]) or "").split("\n")[0].strip()


def test_a_package_is_its_docstring_alone() -> None:
    packages = {name: tree for name, tree in MODULES.items() if PATHS[name].name == "__init__.py"}
    assert packages
    assert all(len(tree.body) == 1 for tree in packages.values())


def test_the_server_never_imports_the_second_copy_of_sqlite() -> None:
    reached, todo = set(), {"main"}
    while todo:
        module = todo.pop()
        reached.add(module)
        todo |= imports(module) - reached
    for module in reached:
        assert "import apsw" not in PATHS[module].read_text(), module


def test_no_command_is_imported() -> None:
    assert not {name for name in MODULES for needed in imports(name) if needed.startswith("commands.")}
