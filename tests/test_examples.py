"""The examples for curl, Python and Node, run as their first lines say. That for a browser is in tests/api/."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from functools import cache

import httpx
import pytest

from examples.typescript.generate import HERE, SCHEMA, fingerprint
from tests.support.network import network
from tests.support.scripted import Gate, Reply, Upstream, chunk, text
from tests.support.serving import ROOT, Server
from tests.support.wire import history

COMMANDS = {
    "curl": ["sh", "examples/curl.sh"],
    "python": [sys.executable, "examples/python_client.py"],
    "node": ["node", "examples/node/stream.mjs"],
    "typescript": ["node", "examples/typescript/chat.ts"],
}
RESUMING = ["python", "node", "typescript"]
RUNS_TYPESCRIPT = (22, 18)  # Node by itself from then on


@pytest.fixture(params=COMMANDS)
def command(request: pytest.FixtureRequest) -> list[str]:
    return found(request.param)


def found(name: str) -> list[str]:
    if shutil.which(COMMANDS[name][0]) is None:
        pytest.skip(f"there is no {COMMANDS[name][0]} here")
    if name == "typescript" and (version := node_version()) < RUNS_TYPESCRIPT:
        pytest.skip(f"Node {RUNS_TYPESCRIPT} or newer runs TypeScript; this is {version}")
    return COMMANDS[name]


@cache
def node_version() -> tuple[int, ...]:
    told = subprocess.run(["node", "--version"], capture_output=True, text=True, check=True).stdout
    return tuple(map(int, told.strip().removeprefix("v").split(".")))


def run(command: list[str], *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)


def test_it_converses(command: list[str], server: Server, client: httpx.Client) -> None:
    done = run(command, server.url)
    assert done.returncode == 0, done.stderr
    assert "run.completed" in done.stdout
    assert "**The Usual Suspects** (1995)" in done.stdout
    [session] = client.get("/sessions").json()["data"]
    assert history(client, session["id"])[0]["content"] == "recommend me three films like Heat"
    if "curl" in command[-1]:
        assert "\n  3\n  4\n" in done.stdout  # gone on after the second event
        assert [message["role"] for message in history(client, session["id"])].count("user") == 2
    if "python" in command[-1]:
        assert "Who likes The Usual Suspects (1995) may like " in done.stdout


def test_it_sends_what_it_is_told(command: list[str], server: Server, client: httpx.Client) -> None:
    assert run(command, server.url, 'is "Heat" \\ any good?').returncode == 0
    [session] = client.get("/sessions").json()["data"]
    assert history(client, session["id"])[0]["content"] == 'is "Heat" \\ any good?'


def test_it_says_when_nothing_is_there(command: list[str]) -> None:
    done = run(command, "http://127.0.0.1:9")
    assert done.returncode != 0
    assert done.stderr.strip()
    assert "    at " not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", RESUMING)
def test_it_goes_on_when_the_network_comes_back(name: str, llm_server: Server, upstream: Upstream) -> None:
    gates = [Gate(), Gate()]
    pieces = [chunk({"content": "one "}), gates[0], chunk({"content": "two "}), gates[1], *text("three").pieces]
    upstream.queue(Reply(pieces))
    command = found(name)
    with network(llm_server.address) as way:

        def harm() -> None:
            for gate in gates:
                gate.reached.wait(20)
                way.drop()
                gate.open()

        threading.Thread(target=harm, daemon=True).start()
        done = run(command, way.url, "hello")
    assert done.returncode == 0, done.stderr
    assert "one two three" in done.stdout


def test_the_types_are_those_of_the_document(client: httpx.Client) -> None:
    """`examples/typescript/generate.py` makes them anew."""
    first = SCHEMA.read_text().partition("\n")[0]
    assert first == f"// fingerprint: {fingerprint(client.get('/openapi.json').json())}"


def test_the_typed_client_compiles_strictly() -> None:
    compiler = HERE / "node_modules/.bin/tsc"
    if shutil.which("node") is None or not compiler.exists():
        pytest.skip("there is no compiler here: `npm install` in examples/typescript")
    done = subprocess.run([compiler], cwd=HERE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
