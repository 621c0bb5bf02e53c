"""Every route there is, by every credential that is worth nothing, and with every id of somebody else: no leak.

The tables are made from the service's own routes and its OpenAPI document: a route that is added is in them.
"""

from __future__ import annotations

import base64
import json
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import jwt
import pytest
from starlette.routing import Mount

from settings import Settings
from tests.accounts.test_accounts import SECRET, Person, bearer, operate, person, token, with_accounts
from tests.support.serving import Server, serving

JSON = {"Accept": "application/json"}
MARK = "zzmark"  # in every text that is Ana's
OPEN = {  # to everybody; whoever adds to it has thought about it
    ("GET", "/"),
    ("HEAD", "/"),
    ("GET", "/docs"),
    ("GET", "/docs/start.js"),
    ("GET", "/docs/assets/favicon.png"),
    ("GET", "/static/app.js"),
    ("GET", "/openapi.json"),
    ("HEAD", "/openapi.json"),
    ("GET", "/health/live"),
    ("GET", "/auth/options"),
    ("POST", "/auth/register"),
    ("POST", "/auth/token"),
    ("POST", "/auth/refresh"),
    ("GET", "/auth/oidc/login"),
    ("POST", "/auth/oidc/login"),
    ("GET", "/auth/oidc/callback"),
    ("POST", "/auth/oidc/token"),
}
FILES = {"/static": "app.js", "/docs/assets": "favicon.png"}  # one of each folder
CLAIMS = ("jti", "exp", "iat", "iss", "aud", "sub", "sid", "use")  # that every token has
IN_PERSON = {"sign_out", "change_password", "delete_account", "make_key", "revoke_key"}  # not by an API key
VALUES = {"movie_id": "1", "user_id": "7", "tag": "crime", "name": "x"}  # of what belongs to nobody
PASSWORDS = {"password": "password of it", "new_password": "password of it"}
BODIES: dict[str, Any] = {
    "create_session": {"message": {"content": "which films did I rate, and what was said before?"}},
    "send_message": {"content": "hello"},
    "change_session": {"title": "mine now"},
    "put_feedback": {"rating": "up"},
    "submit_actions": {"results": [{"call_id": "call", "output": 1}]},
    "recommend": {"limit": 3, "own": True},
    "put_rating": {"stars": 2},
    "make_key": {"name": "k"},
    "change_password": PASSWORDS,
    "change_conversation": {"metadata": {"m": "mine"}},
    "create_conversation_items": {"items": [{"role": "user", "content": "mine"}]},
}


@dataclass(frozen=True)
class Operation:
    """An operation of the document, with the names of its parameters."""

    method: str
    path: str
    name: str
    queries: tuple[str, ...]
    takes_form: bool

    @property
    def names(self) -> set[str]:
        return set(re.findall(r"{(\w+)}", self.path))


@pytest.fixture(scope="module")
def guarded(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("access") / "data"))
    settings = Settings(_env_file=None, data_dir=folder, log_level="WARNING", shutdown_grace=1)
    with serving(with_accounts(settings)) as running:
        yield running


@pytest.fixture(scope="module")
def ana(guarded: Server) -> Iterator[Person]:
    with person(guarded, "ana") as ana:
        yield ana


@pytest.fixture(scope="module")
def hers(ana: Person) -> dict[str, str]:
    """An id of everything that Ana has; she has one of each."""
    new = {
        "title": f"{MARK} title",
        "instructions": f"{MARK} instructions",
        "metadata": {"m": MARK},
        "message": {"content": f"my film is Heat, {MARK}"},
    }
    answer = ana.client.post("/sessions", json=new, headers={**JSON, "Idempotency-Key": MARK}).json()
    run = answer["run"]
    rated = f"/sessions/{run['session_id']}/messages/{answer['messages'][-1]['id']}/feedback"
    ana.client.put(rated, json={"rating": "up", "comment": MARK}).raise_for_status()
    ana.client.put("/ratings/1", json={"stars": 5}).raise_for_status()
    listed = ana.client.post("/recommendations", json={"limit": 2, "own": True}).raise_for_status().json()
    return {
        "session_id": run["session_id"],
        "run_id": run["id"],
        "response_id": run["id"].replace("run_", "resp_"),
        "conversation_id": run["session_id"].replace("ses_", "conv_"),
        "item_id": run["message_id"],
        "message_id": run["message_id"],
        "answer_id": answer["messages"][-1]["id"],
        "recommendation_id": listed["recommendation_id"],
        "key_id": ana.client.post("/auth/keys", json={"name": MARK}).json()["id"],
        "account_id": ana.claims["sub"],
        "chat_id": run["session_id"],
    }


def operations(server: Server) -> list[Operation]:
    with server.client() as client:
        paths = client.get("/openapi.json").json()["paths"]
    return [
        Operation(
            method.upper(),
            path,
            one["operationId"],
            tuple(known["name"] for known in one.get("parameters", ()) if known["in"] == "query"),
            "form" in str(list(one.get("requestBody", {}).get("content", ()))),
        )
        for path, each in paths.items()
        for method, one in each.items()
    ]


def hidden(server: Server) -> list[Operation]:
    """The operations that the document leaves out and that name something."""
    return [
        Operation(method, route.path_format, route.name, ("after",), takes_form=False)
        for route in every_route(server.app.routes)
        if not isinstance(route, Mount) and not route.include_in_schema and "{" in route.path_format
        for method in sorted(route.methods)
    ]


def everything(server: Server) -> set[tuple[str, str]]:
    """Method and path of every route of the application, those that the document leaves out and folders, too."""
    found = {(one.method, one.path) for one in operations(server)}
    for route in every_route(server.app.routes):
        if isinstance(route, Mount):
            found.add(("GET", f"{route.path}/{FILES[route.path]}"))
        else:
            found |= {(method, route.path_format) for method in route.methods}
    return {(method, filled(path)) for method, path in found}


def every_route(routes: Iterable[Any]) -> Iterator[Any]:
    """The routes themselves, whatever router they stand in."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from every_route(inner.routes)
        elif isinstance(route, Mount) or hasattr(route, "methods"):
            yield route


def is_refused(response: httpx.Response) -> bool:
    """Whether nobody in particular may ask that; the way back from a provider refuses in its own words."""
    return response.status_code == 401 and code_of(response) == "unauthorized"


def code_of(response: httpx.Response) -> str | None:
    """The code of a problem, or of an error in the words of OpenAI's clients; none of what is neither."""
    if not response.headers["content-type"].endswith("json"):
        return None
    body = response.json()
    code: str | None = body.get("error", body).get("code")
    return code


def filled(path: str, **ids: str) -> str:
    """A path with something in the place of each parameter."""
    return re.sub(r"{(\w+)}", lambda found: {**VALUES, **ids}.get(found[1], found[1]), path)


def worthless(server: Server, ana: Person, stack: ExitStack) -> dict[str, dict[str, str]]:
    """Credentials that are worth nothing, each for one reason."""
    gone, out = (stack.enter_context(person(server, name)) for name in ("gone", "out"))
    keys = [who.client.post("/auth/keys", json={"name": "k"}).json() for who in (gone, out, ana)]
    assert gone.client.delete("/auth/me").status_code == 204
    assert operate(server.settings.data_dir, "disable", "out").returncode == 0
    assert ana.client.delete(f"/auth/keys/{keys[2]['id']}").status_code == 204
    revoked = token(server, "ana").json()
    assert httpx.post(f"{server.url}/auth/logout", headers=bearer(revoked["access_token"])).status_code == 204
    claims = ana.claims
    head, body, signature = ana.access.split(".")

    def signed(changed: Mapping[str, Any], by: str = SECRET, algorithm: str = "HS256") -> dict[str, str]:
        given = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        return bearer(jwt.encode(given, by, algorithm))

    def unsigned(end: str = "", alg: str = "none") -> dict[str, str]:
        header = base64.urlsafe_b64encode(json.dumps({"alg": alg, "typ": "JWT"}).encode()).rstrip(b"=").decode()
        return bearer(f"{header}.{body}.{end}")

    past = int(datetime.now(UTC).timestamp()) - 1
    return {
        "no token": {},
        "no bearer": {"Authorization": "Basic YW5hOnBhc3N3b3Jk"},
        "an empty one": {"Authorization": "Bearer"},
        "garbage": bearer("x.y.z"),
        "expired": signed({"exp": past}),
        "wrong signature": signed({}, by="another secret of thirty-two bytes"),
        "half a signature": bearer(f"{head}.{body}.{signature[:20]}"),
        "wrong algorithm": signed({}, by=SECRET * 2, algorithm="HS512"),
        "alg none": unsigned(),
        "alg none, with a signature": unsigned(signature),
        "alg NONE": unsigned(alg="NoNe"),
        "wrong audience": signed({"aud": "others"}),
        "of the way back from a provider": signed({"aud": "marquee-return"}),
        "wrong issuer": signed({"iss": "others"}),
        **{f"without {name}": signed({name: None}) for name in CLAIMS},
        "another's sign-in": signed({"sub": "acc_other"}),
        "a refresh token": bearer(ana.refresh),
        "a code": signed({"use": "code"}),
        "revoked": bearer(revoked["access_token"]),
        "deleted account": bearer(gone.access),
        "deleted account's key": bearer(keys[0]["key"]),
        "disabled account": bearer(out.access),
        "disabled account's key": bearer(keys[1]["key"]),
        "revoked key": bearer(keys[2]["key"]),
        "no such key": bearer("mq_" + "x" * 43),
    }


def test_every_route_refuses_every_credential_that_is_worth_nothing(guarded: Server, ana: Person) -> None:
    closed = sorted(everything(guarded) - OPEN)
    assert len(closed) > 45
    with ExitStack() as stack, guarded.client() as client:
        for why, headers in worthless(guarded, ana, stack).items():
            for method, path in closed:
                response = client.request(method, path, headers=headers)
                assert response.status_code == 401, (why, method, path, response.text)
                assert response.headers["www-authenticate"] == "Bearer"
                assert method == "HEAD" or code_of(response) == "unauthorized"
    assert ana.client.get("/auth/me").json()["name"] == "ana"


def test_what_is_open_is_what_was_meant_to_be(guarded: Server) -> None:
    """Fails for a route that is open and not named here, and for one that is named here and gone."""
    with guarded.client() as client:
        answering = {(m, p) for m, p in everything(guarded) if not is_refused(client.request(m, p))}
        assert answering == OPEN
        assert client.get("/nowhere").status_code == 401
        document = client.get("/openapi.json").json()
    assert document["security"] == [{"bearer": []}]
    told = {(m.upper(), p) for p, each in document["paths"].items() for m, o in each.items() if o.get("security") == []}
    assert told == {(one.method, one.path) for one in operations(guarded)} & OPEN


@pytest.mark.parametrize("by", ["token", "key"])
def test_what_belongs_to_another_does_not_exist(by: str, guarded: Server, ana: Person, hers: dict[str, str]) -> None:
    before = ana.client.get("/auth/export").content
    private = {*hers.values(), MARK}
    tried = 0
    with person(guarded, f"eve-with-{by}") as eve:
        key = eve.client.post("/auth/keys", json={"name": "of eve"}).json()["key"]
        credential = eve.access if by == "token" else key
        with guarded.client(headers={**bearer(credential), **JSON, "Idempotency-Key": MARK}) as client:
            for one in in_order(operations(guarded) + hidden(guarded)):
                foreign = one.names & hers.keys()
                body = None if one.takes_form else BODIES.get(one.name)
                for query in queries(one, hers):
                    response = client.request(one.method, filled(one.path, **hers), params=query, json=body)
                    assert not [it for it in private if it in response.text], (one, query)
                    assert response.status_code < 500, (one, query, response.text)
                    if foreign and not (query and response.status_code == 422):  # a cursor of another form
                        tried += 1
                        allowed = {404, 403} if by == "key" and one.name in IN_PERSON else {404}
                        assert response.status_code in allowed, (one, response.text)
                    elif by == "key" and one.name in IN_PERSON:
                        assert response.status_code == 403, one
    assert tried > 30
    assert ana.client.get("/auth/export").content == before


def test_a_response_builds_on_nothing_of_anothers(guarded: Server, hers: dict[str, str]) -> None:
    item = {"type": "item_reference", "id": hers["item_id"]}
    result = {"type": "function_call_output", "call_id": f"{hers['run_id']}.call_1", "output": "1"}
    with person(guarded, "eve-who-responds") as eve:
        own = eve.client.post("/v1/conversations").json()["id"]
        for status, asked in (
            (404, {"input": "hello", "previous_response_id": hers["response_id"]}),
            (404, {"input": "hello", "conversation": hers["conversation_id"]}),
            (400, {"input": [item, {"role": "user", "content": "hello"}]}),
            (409, {"input": [result], "conversation": own}),
        ):
            response = eve.client.post("/v1/responses", json=asked)
            assert response.status_code == status, response.text
            assert MARK not in response.text
        mixed = eve.client.get(f"/v1/conversations/{own}/items", params={"after": hers["item_id"]})
        assert (mixed.status_code, code_of(mixed)) == (404, "not_found")
        assert eve.client.get(f"/v1/conversations/{own}/items/{hers['item_id']}").status_code == 404
        assert eve.client.get("/sessions").json()["data"][0]["id"].endswith(own.removeprefix("conv_"))


def test_a_chat_of_another_does_not_exist(guarded: Server, ana: Person, hers: dict[str, str]) -> None:
    """By the session's id; an id of a client's own choosing means a chat of the caller's."""
    said = [{"id": "m", "role": "user", "parts": [{"type": "text", "text": f"hello, {MARK}"}]}]
    mine = ana.client.post("/ui/chat", json={"id": "mine", "messages": said})
    assert '"finish"' in mine.text
    session = hers["session_id"]
    paths = {("POST", "/ui/chat"), ("GET", "/ui/chat/{}"), ("GET", "/ui/chat/{}/stream"), ("POST", "/ui/chat/{}/stop")}
    with person(guarded, "mallory") as mallory:
        for method, path in paths:
            answer = mallory.client.request(method, path.format(session), json={"id": session, "messages": said})
            assert (answer.status_code, code_of(answer)) == (404, "not_found"), path
        assert mallory.client.get("/ui/chat/mine").json()["messages"] == []
        assert mallory.client.get("/ui/chat/mine/stream").status_code == 204
        assert mallory.client.get("/sessions").json()["data"] == []
    assert len(ana.client.get("/ui/chat/mine").json()["messages"]) == 2


def in_order(found: list[Operation]) -> list[Operation]:
    """With what ends a sign-in last, and one's own rating before it is deleted."""
    last = ["put_rating", "delete_rating", "change_password", "sign_out", "delete_account"]
    return sorted(found, key=lambda one: last.index(one.name) if one.name in last else -1)


def queries(one: Operation, hers: dict[str, str]) -> Iterator[dict[str, str]]:
    """No query, and one with an id of Ana's in each parameter that takes one."""
    yield {}
    for name in one.queries:
        if name in hers:
            yield {name: hers[name]}
        elif name in {"after", "before"}:
            for kind in ("session_id", "run_id", "message_id", "answer_id", "recommendation_id"):
                yield {name: hers[kind]}
        elif name == "q":
            yield {name: MARK}
