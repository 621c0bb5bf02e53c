"""What the README says, done as it says."""

from __future__ import annotations

import re
import subprocess
import sys

import httpx

from settings import Settings
from tests.support.scripted import Upstream, call, calls, text
from tests.support.serving import ROOT, Server

README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"```sh\n(.*?)```", README, re.DOTALL)


def test_ci_runs_the_readmes_own_test_command() -> None:
    assert BLOCKS[1].strip() in (ROOT / ".ci/run").read_text()


def test_the_curl_session_works_when_pasted(server: Server) -> None:
    [block] = [block for block in BLOCKS if "curl -N" in block]
    script = block.replace("http://127.0.0.1:8000", server.url)
    done = subprocess.run(["bash", "-euc", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("retry: 2000\nid: 1\nevent: run.created\n")
    stream, rest = done.stdout.split("event: run.completed\n", 1)
    assert '"name":"similar_movies"' in stream
    assert '"name":"explain_recommendation"' in rest
    assert "# recommend me three films like Heat" in rest


def test_the_table_of_endpoints_and_the_service_agree(client: httpx.Client) -> None:
    table = README.split("## Endpoints")[1].split("## Configuration")[0]
    named = set(re.findall(r"/[a-z_/{}]+", table))
    for path in client.get("/openapi.json").json()["paths"]:
        parts = {path, re.sub(r"^/prompts/.+", "/prompts/{name}", path), "/" + path.rsplit("/", 1)[-1]}
        assert parts & named, path


def test_every_setting_that_the_readme_names_exists() -> None:
    table = README.split("## Configuration")[1].split("## Design notes")[0]
    for name in re.findall(r"`([A-Z]+_[A-Z_]+)`", table):
        assert name.lower() in Settings.model_fields, name


def test_the_sequential_chain_hands_the_models_words_on(upstream: Upstream, llm_server: Server) -> None:
    upstream.queue(text("Fond of heists."), text("Ronin fits heists."), calls(call("search_movies", {"limit": 1})))
    upstream.queue(text("Here it is."))
    done = chains(llm_server, "7", "what is best?")
    chained = "Taste: Fond of heists.\n\nRecommendations: Ronin fits heists.\n\n"
    assert done == f"{chained}what is best? → search_movies\nHere it is.\n\n"
    ratings, taste = (request["messages"][0]["content"] for request in upstream.requests[:2])
    assert "rated these movies highest:\n- " in ratings
    assert "taste in movies:\nFond of heists.\n" in taste
    assert taste.count(", because of ") == 3


def test_the_router_chain_has_a_tool_for_each_question(server: Server) -> None:
    done = chains(server, "7")
    for question, tool in (
        ("recommend me three films like Heat", "similar_movies"),
        ("which westerns are best?", "search_movies"),
        ("compare Heat and Ronin", "compare_movies"),
    ):
        assert f"{question} → {tool}\n" in done


def chains(server: Server, *arguments: str) -> str:
    command = [sys.executable, "examples/chains.py", server.url, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
