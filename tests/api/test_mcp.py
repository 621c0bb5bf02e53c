"""MCP as the official client has it: over HTTP and over standard input and output, by a new version and an old one."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import httpx2
import jsonschema
import pytest
from mcp import MCPError, StdioServerParameters
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import PromptReference

from providers.prompts import TEMPLATES
from settings import Settings
from tests.accounts.test_accounts import bearer, person, with_accounts
from tests.support.processes import environment
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import JSON
from tools.registry import TOOLS

HEAT = "Heat (1995)"
CALLS: dict[str, dict[str, Any]] = {  # one of each tool
    "search_movies": {"query": "heist", "limit": 3},
    "get_movie": {"movie": HEAT, "windows": ["365d"]},
    "compare_movies": {"movies": [HEAT, "Toy Story"]},
    "similar_movies": {"movies": [HEAT], "limit": 3},
    "recommend": {"liked": [HEAT], "limit": 3},
    "recommend_for_group": {"members": [{"user_id": 7}, {"liked": [HEAT]}], "limit": 3},
    "rate_movie": {"movie": "Toy Story (1995)", "stars": 4.5},
    "get_user_ratings": {"user_id": 7, "limit": 3},
    "query_catalogue": {"measure": "mean", "by": "decade"},
    "explain_recommendation": {"movie": HEAT, "user_id": 7},
    "taste_profile": {"user_id": 7},
    "next_question": {"limit": 2},
}


@pytest.fixture(scope="module")
def server(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("mcp") / "data"))
    with serving(Settings(_env_file=None, data_dir=folder, log_level="WARNING", shutdown_grace=1)) as running:
        yield running


@pytest.fixture(scope="module")
def guarded(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("mcp-guarded") / "data"))
    settings = Settings(_env_file=None, data_dir=folder, log_level="WARNING", shutdown_grace=1)
    with serving(with_accounts(settings)) as running:
        yield running


@asynccontextmanager
async def over_http(server: Server, mode: str = "auto", credential: str | None = None) -> AsyncIterator[Any]:
    headers = bearer(credential) if credential else None
    async with (
        httpx2.AsyncClient(headers=headers, timeout=90) as sender,
        Client(streamable_http_client(f"{server.url}/mcp", http_client=sender), mode=mode) as client,
    ):
        yield client


def over_stdio(server: Server, mode: str = "auto", **settings: str) -> Any:
    """A process of its own on the data directory of the server, as the document says, started in another folder."""
    started = json.loads(blocks(server, "json")[1])["mcpServers"]["marquee"]
    arguments = [path.replace("/path/to/marquee", str(ROOT)) for path in started["args"]]
    env = environment(server.settings.data_dir, None, **started["env"], **settings)
    return Client(StdioServerParameters(command=sys.executable, args=arguments, env=env, cwd="/"), mode=mode)


def blocks(server: Server, language: str) -> list[str]:
    """The blocks of docs/clients.md that are about MCP."""
    document = (ROOT / "docs/clients.md").read_text().partition("## MCP clients")[2]
    return re.findall(rf"```{language}\n(.*?)```", document.replace("http://127.0.0.1:8000", server.url), re.DOTALL)


def posted(client: httpx.Client, method: str, **params: Any) -> httpx.Response:
    """A request without any handshake, as curl would send it."""
    body = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    return client.post("/mcp", json=body, headers=JSON)


# What is offered


@pytest.mark.parametrize("mode", ["legacy", "auto"])
@pytest.mark.parametrize("carrier", [over_http, over_stdio])
async def test_a_client_of_any_version_is_offered_everything(server: Server, carrier: Any, mode: str) -> None:
    async with carrier(server, mode) as client:
        assert client.protocol_version == {"legacy": "2025-11-25", "auto": "2026-07-28"}[mode]
        assert client.server_info.name == "marquee"
        assert "movies" in client.instructions
        tools = (await client.list_tools()).tools
        assert [tool.name for tool in tools] == list(TOOLS)
        assert [tool.name for tool in tools if not tool.annotations.read_only_hint] == ["rate_movie"]
        found = await client.call_tool("similar_movies", {"movies": [HEAT], "limit": "2"})
        assert not found.is_error
        titles = [movie["title"] for movie in found.structured_content["movies"]]
        assert len(titles) == 2
        assert all(title in found.content[0].text for title in titles)
        await client.call_tool("rate_movie", {"movie": HEAT, "stars": 4 if mode == "legacy" else 5})
        filled = await client.get_prompt("ratings_prompt_per_user", {"user_id": "7", "limit": "2"})
        resource = (await client.list_resources()).resources[1]
        movie = json.loads((await client.read_resource(resource.uri)).contents[0].text)
    with server.client() as http:
        [own] = [rating for rating in http.get("/ratings").json()["data"] if rating["movie"]["title"] == "Heat"]
        assert own["stars"] == (4 if mode == "legacy" else 5)
        asked = http.post("/prompts/ratings_prompt_per_user", json={"user_id": 7, "limit": 2}).json()
        assert filled.messages[0].content.text == asked["prompt"]
        assert movie == http.get(f"/movies/{movie['movie_id']}").json()
        assert resource.title == f"{movie['title']} ({movie['year']})"


async def test_every_tool_gives_what_its_schema_says(server: Server) -> None:
    assert set(CALLS) == set(TOOLS)
    async with over_http(server) as client:
        for tool in (await client.list_tools()).tools:
            jsonschema.Draft202012Validator.check_schema(tool.input_schema)
            assert tool.description
            assert tool.title
            jsonschema.validate(CALLS[tool.name], tool.input_schema)
            result = await client.call_tool(tool.name, CALLS[tool.name])
            assert not result.is_error, result.content
            jsonschema.validate(result.structured_content, tool.output_schema)
            removes = tool.name == "rate_movie"
            hints = tool.annotations
            assert (hints.read_only_hint, hints.destructive_hint, hints.idempotent_hint) == (not removes, removes, True)


async def test_every_prompt_says_what_it_takes(server: Server) -> None:
    async with over_http(server) as client:
        prompts = (await client.list_prompts()).prompts
        assert [prompt.name for prompt in prompts] == list(TEMPLATES)
        for prompt in prompts:
            assert prompt.description
            assert all(argument.description for argument in prompt.arguments)
            given = {"user_id": "7", "taste": "heists", "tag": "heist", "genre": "Crime", "movie_id": "1"}
            needed = {it.name: given[it.name] for it in prompt.arguments if it.required}
            [message] = (await client.get_prompt(prompt.name, needed)).messages
            assert message.role == "user"
            assert "- " in message.content.text
        of_genre = PromptReference(name="movies_prompt_per_genre")
        assert (await client.complete(of_genre, {"name": "genre", "value": "cr"})).completion.values == ["Crime"]
        of_tag = PromptReference(name="movies_prompt_per_tag")
        assert "heist" in (await client.complete(of_tag, {"name": "tag", "value": "Hei"})).completion.values
        assert (await client.complete(of_tag, {"name": "limit", "value": ""})).completion.values == []


async def test_movies_are_resources_and_the_app_is_one(server: Server) -> None:
    async with over_http(server) as client:
        [template] = (await client.list_resource_templates()).resource_templates
        assert template.uri_template == "marquee://movies/{movie_id}"
        [movie] = (await client.read_resource("marquee://movies/1")).contents
        assert (movie.mime_type, json.loads(movie.text)["movie_id"]) == ("application/json", 1)
        tools = (await client.list_tools()).tools
        [app] = {tool.meta["ui"]["resourceUri"] for tool in tools if tool.meta}
        [page] = (await client.read_resource(app)).contents
        assert page.mime_type == "text/html;profile=mcp-app"
        assert not re.search(r"(src|href)=|@import|url\(|import\(|fetch\(", page.text)
        assert "io.modelcontextprotocol/ui" in client.server_capabilities.extensions


# Errors


@pytest.mark.parametrize("mode", ["legacy", "auto"])
async def test_what_is_wrong_is_said_in_words(server: Server, mode: str) -> None:
    async with over_http(server, mode) as client:
        for arguments, words in [
            ({"limit": 999}, "limit: Input should be less than or equal to 50."),
            ({"surprise": 1}, "surprise"),
            ({"genres": ["Nope"]}, "Nope"),
        ]:
            result = await client.call_tool("search_movies", arguments)
            assert result.is_error
            assert words in result.content[0].text
        for call, words in [
            (client.call_tool("nope", {}), "There is no tool 'nope'. There are: search_movies,"),
            (client.complete(PromptReference(name="nope"), {"name": "tag", "value": ""}), "There is no prompt 'nope'."),
            (client.get_prompt("nope"), "There is no prompt 'nope'."),
            (client.get_prompt("movies_prompt_per_genre", {"genre": "Nope"}), "Nope"),
            (client.get_prompt("ratings_prompt_per_movie", {"movie_id": "0"}), "There is no such movie."),
            (client.get_prompt("ratings_prompt_per_user", {"user_id": "x"}), "user_id: Input should be a number."),
            (client.read_resource("marquee://movies/0"), "There is no such movie."),
            (client.read_resource("file:///etc/passwd"), "marquee://movies/{movie_id}"),
        ]:
            with pytest.raises(MCPError, match=re.escape(words)):
                await call


def test_nothing_that_is_sent_is_answered_by_a_defect(server: Server) -> None:
    with server.client(headers={**JSON, "Content-Type": "application/json"}) as client:
        assert posted(client, "tools/call", name="get_movie", arguments={"movie": HEAT}).json()["result"]["content"]
        call = '{"jsonrpc":"2.0","id":1,"method":"tools/call","params":%s}'
        for body in (
            "", "[]", "{", "1", '{"jsonrpc":"2.0","id":1}', '{"jsonrpc":"2.0","id":1,"method":"nope"}', call % "[]",
            call % '{"name":"search_movies","arguments":[]}', call % '{"name":"\\ud800"}', call % "NaN",
            call % '{"name":"search_movies","arguments":{"query":"\\ud800"}}',
            call % '{"name":"search_movies","arguments":{"\\udfff":1}}',
            call % '{"name":"search_movies","arguments":{"limit":1e999}}',
            call % '{"name":"get_movie","arguments":{"movie":99999999999999999999999}}',
            call.replace("tools/call", "resources/read") % '{"uri":"\\ud800"}',
            call.replace("tools/call", "resources/read") % '{"uri":"marquee://movies/9999999999"}',
            call.replace("tools/call", "prompts/get") % '{"name":"\\ud800","arguments":{"\\ud800":"\\ud800"}}',
            call.replace("tools/call", "completion/complete") % '{"ref":{"type":"ref/prompt","name":"x"},"argument":1}',
            "[" * 1000, '{"jsonrpc":"2.0","method":"notifications/cancelled"}',
        ):  # fmt: skip
            for version in (None, "2025-06-18", "2026-07-28", "x"):
                headers = {"MCP-Protocol-Version": version} if version else {}
                answer = client.post("/mcp", content=body, headers=headers)
                assert answer.status_code < 500, (body, version, answer.text)
                assert "Traceback" not in answer.text
    with server.client() as client:
        assert client.post("/mcp", content="{}").status_code < 500


def test_there_is_no_stream_to_open_and_no_session_to_end(server: Server) -> None:
    with server.client() as client:
        for method in ("GET", "DELETE"):
            refused = client.request(method, "/mcp")
            assert (refused.status_code, refused.headers["allow"]) == (405, "POST")


def test_a_page_of_another_site_gets_nothing(server: Server) -> None:
    for headers in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Host": "evil.example"}):
        with server.client(headers=headers) as client:
            assert posted(client, "tools/list").status_code == 403
    with server.client(headers={"Origin": server.url}) as client:
        assert posted(client, "tools/list").status_code == 200


# Whose it is


async def test_each_acts_for_the_account_of_its_token_or_key(guarded: Server) -> None:
    with person(guarded, "ana") as ana, person(guarded, "bob") as bob:
        key = bob.client.post("/auth/keys", json={"name": "mcp"}).json()
        for mode in ("legacy", "auto"):
            async with over_http(guarded, mode, ana.access) as hers, over_http(guarded, mode, key["key"]) as his:
                await hers.call_tool("rate_movie", {"movie": HEAT, "stars": 5})
                for client, count in ((hers, 1), (his, 0)):
                    rated = await client.call_tool("get_user_ratings", {})
                    assert rated.structured_content["count"] == count
        async with over_stdio(guarded, AUTH="on", AUTH_SECRET="s" * 32, MARQUEE_API_KEY=key["key"]) as client:
            await client.call_tool("rate_movie", {"movie": "Toy Story (1995)", "stars": 1})
            assert bob.client.delete(f"/auth/keys/{key['id']}").status_code == 204
            with pytest.raises(MCPError, match=re.escape("The key is not valid.")):
                await client.call_tool("rate_movie", {"movie": "Toy Story (1995)", "stars": 2})
        kept = [(one["movie"]["title"], one["stars"]) for one in bob.client.get("/ratings").json()["data"]]
        assert kept == [("Toy Story", 1)]


@pytest.mark.parametrize("credential", [None, "x.y.z", "mq_" + "x" * 43])
def test_nobody_asks_without_an_account(guarded: Server, credential: str | None) -> None:
    with guarded.client(headers=bearer(credential) if credential else {}) as client:
        refused = posted(client, "tools/list")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, "Bearer")


def test_a_process_without_an_account_does_not_start(guarded: Server) -> None:
    env = environment(guarded.settings.data_dir, None, AUTH="on", AUTH_SECRET="s" * 32)
    command = [sys.executable, str(ROOT / "main.py"), "mcp"]
    done = subprocess.run(command, env=env, input="", capture_output=True, text=True, timeout=90, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Marquee cannot start. This service asks for an account: set MARQUEE_API_KEY.\n"


# What the document says


def test_the_documents_lines_run(server: Server) -> None:
    over_http = json.loads(blocks(server, "json")[0])["mcpServers"]["marquee"]
    assert over_http["url"] == f"{server.url}/mcp"
    [line], [program] = blocks(server, "bash"), blocks(server, "py")
    for command in (["sh", "-c", line], [sys.executable, "-c", program]):
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        assert "The Usual Suspects" in done.stdout


def test_the_sdk_is_loaded_by_the_first_request_alone() -> None:
    code = "import main, sys; print([name for name in sys.modules if name.split('.')[0] in ('mcp', 'mcp_types')])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
