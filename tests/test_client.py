"""The reference client against the real service, through networks that break."""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from client import Client, ClientError, Refused, Unexpected, Unreachable, every
from docs.draw import imports
from movies.models import Filters, RecommendationRequest
from schemas import (
    Action,
    ActionCallEvent,
    ActionResult,
    Event,
    MessageCreate,
    ResponseFormat,
    RunCreated,
    RunEnded,
    SessionCreate,
    SessionPatch,
    TextDeltaEvent,
)
from settings import Settings
from tests.support.network import Network, network
from tests.support.processes import Process, environment
from tests.support.scripted import DONE, Gate, Piece, Reply, Upstream, call, calls, chunk, text, usage
from tests.support.secrets import AUTH_SECRET
from tests.support.serving import ROOT, Server, serving

HEAT = 720
HAS_OTHER_NAME = {"ask_prompt": r"\w+_prompt_per_\w+"}  # one route a template, one method for all


def said(events: list[Event]) -> str:
    return "".join(event.delta for event in events if isinstance(event, TextDeltaEvent))


def in_parts(*gates: Gate) -> Reply:
    """An answer of one word more than there are gates, each behind one."""
    words = [f"part{number} " for number in range(len(gates) + 1)]
    pieces: list[Piece] = [chunk({"content": words[0]})]
    for gate, word in zip(gates, words[1:], strict=True):
        pieces += [gate, chunk({"content": word})]
    return Reply([*pieces, chunk(finish="stop"), usage(), DONE])


@pytest.fixture
async def api(server: Server) -> AsyncIterator[Client]:
    async with Client(server.url, patience=0) as client:
        yield client


@pytest.fixture
async def llm_api(llm_server: Server) -> AsyncIterator[Client]:
    async with Client(llm_server.url, patience=0) as client:
        yield client


# What it is


def test_it_knows_nothing_but_models_and_loads_nothing_heavy() -> None:
    assert imports("client") == {"schemas", "movies.models", "ratings.models"}
    heavy = "{'fastapi', 'uvicorn', 'numpy', 'openai', 'loguru'}"
    script = f"import client, sys; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_every_operation_has_a_method(server: Server) -> None:
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    for operation in (operation["operationId"] for path in paths.values() for operation in path.values()):
        names = [name for name, pattern in HAS_OTHER_NAME.items() if re.fullmatch(pattern, operation)]
        assert hasattr(Client, names[0] if names else operation), operation


# A chat


async def test_a_conversation(api: Client) -> None:
    session = await api.create_session(SessionCreate(title="Heists", metadata={"from": "a test"}))
    events = [event async for event in api.send_message(session.id, "recommend me three films like Heat")]
    assert isinstance(events[0], RunCreated)
    assert isinstance(events[-1], RunEnded)
    assert events[-1].message is not None
    assert said(events).endswith(events[-1].message.content or "-")
    answer = await api.ask(session.id, "why the second one?")
    assert [message.role for message in answer.messages] == ["user", "assistant", "tool", "assistant"]
    again = [event async for event in api.retry_message(session.id, answer.messages[0].id)]
    assert isinstance(again[-1], RunEnded)
    assert again[-1].run.retry_of == answer.run.id
    rated = await api.put_feedback(session.id, answer.messages[-1].id, "up", "Just so")
    assert rated.feedback is not None
    assert [entry.answer.id for entry in (await api.list_feedback()).data] == [rated.id]
    assert "Just so" in await api.export_session(session.id)
    assert (await api.export_session(session.id, "markdown")).startswith("# Heists\n")
    assert (await api.read_run(answer.run.id)).status == "completed"
    assert [event async for event in api.follow_run(answer.run.id, after=len(again) + 90)]  # ahead: from its start
    assert [message.id async for message in every(api.list_messages, session.id, limit=2)] == [
        message.id for message in (await api.list_messages(session.id)).data
    ]
    renamed = await api.change_session(session.id, SessionPatch(title="Robberies"))
    assert (renamed.title, renamed.metadata) == ("Robberies", {"from": "a test"})
    assert [found.id for found in (await api.list_sessions(q="robberies", live=False)).data] == [session.id]
    await api.delete_session(session.id)
    with pytest.raises(Refused, match=r"There is no such session\."):
        await api.read_session(session.id)


async def test_a_session_that_begins_with_a_message(api: Client) -> None:
    begin = SessionCreate(title="One", message=MessageCreate(content="hello"))
    events = [event async for event in api.start_session(begin, key="once")]
    same = [event async for event in api.start_session(begin, key="once")]
    assert same == events
    assert isinstance(events[0], RunCreated)
    assert (await api.read_session(events[0].run.session_id)).title == "One"


async def test_actions_and_structured_answers(llm_api: Client, upstream: Upstream) -> None:
    action = Action(
        name="tell",
        description="Tell somebody",
        parameters={"type": "object", "properties": {"who": {"type": "string"}}},
    )
    session = await llm_api.create_session(SessionCreate(actions=[action]))
    upstream.queue(calls(call("tell", {"who": "Neil"})), text('{"told": true}'))
    events = [event async for event in llm_api.send_message(session.id, "Tell Neil")]
    [asked] = [event for event in events if isinstance(event, ActionCallEvent)]
    assert asked.arguments == {"who": "Neil"}
    assert isinstance(events[-1], RunEnded)
    results = [ActionResult(call_id=asked.call_id, output="He knows.")]
    rest = [event async for event in llm_api.submit_actions(events[-1].run.id, results)]
    assert said(rest) == '{"told": true}'
    upstream.queue(text('{"told": false}'))
    form = ResponseFormat.model_validate(
        {"type": "json_schema", "json_schema": {"name": "told", "schema": {"type": "object"}}}
    )
    answer = await llm_api.ask(session.id, MessageCreate(content="And?", response_format=form))
    assert answer.messages[-1].content == '{"told": false}'


async def test_movies_ratings_and_recommendations(api: Client) -> None:
    [heat, *_] = (await api.list_movies("Heat", year_from=1990)).data
    assert heat.movie_id == HEAT
    movie = await api.read_movie(HEAT)
    assert sum(movie.histogram.values()) == movie.rating_count
    assert (await api.similar_movies(HEAT, by="taste", limit=3)).basis == "seeds"
    assert [window.window for window in (await api.rating_stats(HEAT, "7d,all")).windows] == ["7d", "all"]
    assert "Crime" in {genre.name for genre in (await api.list_genres()).data}
    tag = (await api.list_tags("heist")).data[0].name
    assert (await api.tag_stats(tag)).tag == tag
    assert (await api.user_stats(7)).user_id == 7
    rated = [rating async for rating in every(api.user_ratings, 7, order="highest", limit=20)]
    assert len(rated) > 20
    assert [rating.stars for rating in rated] == sorted((rating.stars for rating in rated), reverse=True)
    explained = await api.recommend_for_user(7, limit=2, explain=True)
    assert (len(explained.movies), bool(explained.text)) == (2, True)
    wanted = RecommendationRequest(liked=[HEAT], filters=Filters(genres=["Crime"]), limit=4)
    assert all("Crime" in movie.genres for movie in (await api.recommend(wanted)).movies)
    assert (await api.list_recommendations(user_id=7)).data[0].user_id == 7
    assert (await api.put_rating(HEAT, 4.5)).stars == 4.5
    assert [own.movie.movie_id async for own in every(api.list_own_ratings)] == [HEAT]
    await api.delete_rating(HEAT)
    assert (await api.list_own_ratings()).data == []


async def test_the_service_tells_of_itself(api: Client) -> None:
    assert (await api.live()).status == "ok"
    assert (await api.health()).status == "ok"
    models = await api.list_models()
    assert models.default in models.data
    names = [prompt.name for prompt in (await api.list_prompts()).data]
    assert "movies_prompt_per_tag" in names
    assert (await api.ask_prompt("movies_prompt_per_tag", tag="heist")).text


async def test_ratings_as_files_and_a_taste(api: Client) -> None:
    await api.put_rating(HEAT, 4.5)
    file = (await api.export_own_ratings()).encode()
    await api.delete_rating(HEAT)
    assert (await api.import_own_ratings(file, filename="ratings.csv", preview=True)).counts.new == 1
    assert (await api.list_own_ratings()).data == []
    assert (await api.import_own_ratings(file)).counts.new == 1
    assert (await api.read_taste()).count == 1
    assert (await api.read_taste(7)).whose == "MovieLens user 7"


async def test_an_account(settings: Settings) -> None:
    chosen = {
        **settings.model_dump(exclude_unset=True),
        "auth": "on",
        "auth_secret": AUTH_SECRET,
        "registration": "open",
    }
    with serving(Settings(_env_file=None, **chosen)) as server:
        async with Client(server.url, patience=0) as client:
            with pytest.raises(Refused) as unknown:
                await client.list_sessions()
            assert (unknown.value.status, unknown.value.code) == (401, "unauthorized")
            await client.register("neil", "correct horse battery")
            tokens = await client.sign_in("neil", "correct horse battery")
            await client.refresh(tokens.refresh_token)
            assert (await client.read_account()).name == "neil"
            key = await client.make_key("a program")
            assert [known.name for known in (await client.list_keys()).data] == ["a program"]
            async with Client(server.url, token=key.key) as program:
                session = await program.create_session()
                await program.ask(session.id, "hello")
            assert session.id in await client.export_account()
            assert [run.status for run in (await client.list_runs(session.id)).data] == ["completed"]
            await client.revoke_key(key.id)
            await client.change_password("correct horse battery", "an even better one")
            await client.sign_in("neil", "an even better one")
            await client.delete_account()


# Problems


async def test_a_refusal_is_typed(llm_api: Client, upstream: Upstream) -> None:
    session = await llm_api.create_session()
    gate = Gate()
    upstream.queue(in_parts(gate))
    stream = llm_api.send_message(session.id, "Hello")
    first = await anext(stream)
    assert isinstance(first, RunCreated)
    with pytest.raises(Refused) as busy:
        await anext(llm_api.send_message(session.id, "Me too"))
    assert (busy.value.status, busy.value.code, busy.value.run_id) == (409, "run_in_progress", first.run.id)
    await llm_api.cancel_run(first.run.id)
    assert [event async for event in stream][-1].type == "run.cancelled"
    with pytest.raises(Refused) as wrong:
        await llm_api.list_movies(limit=1_000)
    assert (wrong.value.code, [error.path for error in wrong.value.errors]) == ("validation_error", ["query.limit"])
    gate.open()


async def test_a_key_belongs_to_its_message(api: Client) -> None:
    session = await api.create_session()
    await api.ask(session.id, "hello", key="k")
    with pytest.raises(Refused) as mismatch:
        await anext(api.send_message(session.id, "something else", key="k"))
    assert mismatch.value.code == "idempotency_mismatch"


@pytest.mark.parametrize("url", ["ftp://127.0.0.1", "127.0.0.1:8000", "http://", "http://[::1", ""])
def test_an_address_that_is_none_is_told_at_once(url: str) -> None:
    with pytest.raises(Unreachable, match="is no address"):
        Client(url)


async def test_nothing_at_the_address() -> None:
    async with Client("http://127.0.0.1:9", patience=0) as client:
        with pytest.raises(Unreachable, match=r"^Nothing answers at http://127\.0\.0\.1:9\.$"):
            await client.health()
        with pytest.raises(Unreachable):
            await anext(client.send_message("ses_1", "hello"))


async def test_another_service_at_the_address(upstream: Upstream) -> None:
    async with Client(upstream.url, patience=0) as client:
        for asked in (client.list_sessions(), anext(client.follow_run("run_1"))):
            with pytest.raises(Unexpected, match="Is another service at this address"):
                await asked


async def test_a_token_is_shown(server: Server) -> None:
    seen: list[str] = []

    class Transport(httpx.AsyncHTTPTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            seen.append(request.headers["Authorization"])
            return await super().handle_async_request(request)

    async with Client(server.url, token="t0ken", transport=Transport()) as client:
        await client.ask((await client.create_session()).id, "hello")
    assert set(seen) == {"Bearer t0ken"}


# Networks that break


async def collect(client: Client, session_id: str, network: Network, *steps: tuple[Gate, str]) -> list[Event]:
    """The events of a message; at each gate, the network suffers something before the answer goes on."""
    events: list[Event] = []
    left = list(steps)
    async for event in client.send_message(session_id, "hello"):
        events.append(event)
        if isinstance(event, TextDeltaEvent) and left:
            gate, harm = left.pop(0)
            getattr(network, harm)()
            gate.open()
    assert not left
    return events


@pytest.mark.parametrize("harm", ["drop", "freeze"])
async def test_a_stream_goes_on_where_the_network_lost_it(harm: str, llm_server: Server, upstream: Upstream) -> None:
    gates = [Gate(), Gate(), Gate()]
    upstream.queue(in_parts(*gates))
    losses: list[ClientError] = []
    with network(llm_server.address) as way:
        async with Client(way.url, silence=0.7, on_wait=lambda error, _: losses.append(error)) as client:
            session = await client.create_session()
            events = await collect(client, session.id, way, *((gate, harm) for gate in gates))
            messages = (await client.list_messages(session.id)).data
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    assert said(events) == "part0 part1 part2 part3 "
    assert [message.role for message in messages] == ["user", "assistant"]
    assert losses
    assert ("Nothing came from" if harm == "freeze" else "broke") in losses[0].detail


async def test_a_network_that_is_away_for_a_while(llm_server: Server, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(in_parts(gate))
    with network(llm_server.address) as way:
        waits: list[float] = []

        def note(_: ClientError, seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 3:
                way.mend()

        async with Client(way.url, on_wait=note) as client:
            session = await client.create_session()
            events = await collect(client, session.id, way, (gate, "cut"))
    assert said(events) == "part0 part1 "
    assert waits == sorted(waits)


async def test_a_lost_reply_does_not_double_a_message(llm_server: Server, upstream: Upstream) -> None:
    upstream.queue(text("Once."))
    with network(llm_server.address) as way:
        async with Client(way.url) as client:
            session = await client.create_session()
            way.drop()
            way.replies_lost = 2
            events = [event async for event in client.send_message(session.id, "Only once")]
            way.drop()
            way.replies_lost = 1
            opened = await client.create_session(SessionCreate(title="Also once"))
            messages = (await client.list_messages(session.id)).data
            sessions = (await client.list_sessions(limit=10)).data
            way.drop()
            way.replies_lost = 1
            await client.delete_session(opened.id)
    assert said(events) == "Once."
    assert [message.content for message in messages] == ["Only once", "Once."]
    assert {found.id for found in sessions} == {session.id, opened.id}


async def test_a_hundred_sends_with_one_key_are_one(llm_server: Server, upstream: Upstream) -> None:
    upstream.queue(text("Once."))
    async with Client(llm_server.url) as client:
        session = await client.create_session()

        async def send() -> list[Event]:
            return [event async for event in client.send_message(session.id, "Only once", key="k")]

        first, *others = await asyncio.gather(*(send() for _ in range(30)))
        assert all(other == first for other in others)
        assert len((await client.list_messages(session.id)).data) == 2


async def test_a_busy_service_is_left_alone_for_as_long_as_it_asks(server: Server) -> None:
    with network(server.address) as way:
        waits: list[float] = []
        async with Client(way.url, on_wait=lambda _, seconds: waits.append(seconds)) as client:
            session = await client.create_session()
            way.drop()
            way.turned_away = 1
            assert [event async for event in client.send_message(session.id, "hello")]
            assert waits[-1] == 1.0
        way.turned_away = 1
        async with Client(way.url, patience=0.5) as hurried:
            with pytest.raises(Unreachable) as busy:
                await hurried.health()
    assert busy.value.retry_after == 1.0


async def test_a_refusal_for_want_of_room_is_tried_again(llm_settings: Settings, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(in_parts(gate))
    with serving(llm_settings.model_copy(update={"max_live_runs": 1})) as server:
        async with Client(server.url, patience=2) as client:
            first, second = await client.create_session(), await client.create_session()
            stream = client.send_message(first.id, "Hello")
            await anext(stream)
            with pytest.raises(Refused) as busy:  # it asks for more seconds than this client's patience has
                await anext(client.send_message(second.id, "Me too"))
            assert (busy.value.code, busy.value.retry_after) == ("overloaded", 5.0)
            gate.open()
            assert [event async for event in stream][-1].type == "run.completed"


async def test_a_server_that_is_killed_and_started_again(data_dir: Path, upstream: Upstream) -> None:
    """Nothing that was seen is lost, the run's end is told, and the same key gives the same run."""
    upstream.queue(in_parts(Gate()), text("Whole."))
    env = environment(data_dir, upstream)
    server = Process(env)
    server.wait_until_ready()
    try:
        async with Client(server.url) as client:
            session = await client.create_session()
            events: list[Event] = []
            async for event in client.send_message(session.id, "hello", key="k"):
                events.append(event)
                if isinstance(event, TextDeltaEvent):
                    server.kill()
                    server = Process(env, port=int(server.url.rpartition(":")[2]))
            assert [event.sequence for event in events] == list(range(1, len(events) + 1))
            assert events[-1].type == "run.interrupted"
            assert [event async for event in client.send_message(session.id, "hello", key="k")] == events
            [question, cut] = (await client.list_messages(session.id)).data
            assert (cut.content, cut.status) == ("part0 ", "interrupted")
            again = [event async for event in client.retry_message(session.id, question.id)]
            assert said(again) == "Whole."
    finally:
        server.kill()


async def test_who_leaves_does_not_stop_a_run(llm_api: Client, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(in_parts(gate))
    session = await llm_api.create_session()
    stream = llm_api.send_message(session.id, "hello")
    first = await anext(stream)
    await stream.aclose()
    gate.open()
    assert isinstance(first, RunCreated)
    assert said([event async for event in llm_api.follow_run(first.run.id)]) == "part0 part1 "


async def test_silence_that_is_filled_with_pings_is_waited_for(llm_settings: Settings, upstream: Upstream) -> None:
    gate = Gate()
    upstream.queue(in_parts(gate))
    with serving(llm_settings.model_copy(update={"sse_ping": 0.1})) as server:
        async with Client(server.url, patience=0) as api:
            session = await api.create_session()
            events = []
            async for event in api.send_message(session.id, "hello"):
                events.append(event)
                if isinstance(event, RunCreated):
                    watching = asyncio.create_task(pings(server.url, event.run.id, gate))
            await watching
    assert said(events) == "part0 part1 "


async def pings(url: str, run_id: str, gate: Gate) -> None:
    """Open the gate after three pings."""
    async with httpx.AsyncClient(timeout=60) as client, client.stream("GET", f"{url}/runs/{run_id}/events") as stream:
        seen = b""
        async for block in stream.aiter_bytes():
            seen += block
            if seen.count(b": ping") == 3:
                gate.open()
