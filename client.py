"""The reference client: the service's HTTP interface as typed methods that survive a bad network.

`python client.py` is a chat in the terminal that is made with it (commands/client.py).

    async with Client("http://127.0.0.1:8000") as client:
        session = await client.create_session()
        async for event in client.send_message(session.id, "recommend me three films like Heat"):
            if isinstance(event, TextDeltaEvent):
                print(event.delta, end="")

A method has the name of its operation in `/openapi.json`, takes and gives models of schemas.py and movies/models.py,
and raises one of these:

ClientError
  + Refused       the service said no: `code`, `detail`, `errors`, `run_id` of its problem (RFC 9457)
  + Unreachable   nothing answered, or the connection broke, for longer than the client's patience
  + Unexpected    what answered does not speak this interface: another service, or another version

Four rules make a client of this service safe, whatever language it is written in:

1. **Every POST that starts something carries an `Idempotency-Key`.** When the connection breaks, nobody knows whether
   the request arrived. Sent again with the same key and body it is the same run, also after a restart of the service:
   nothing is said twice, nothing is lost.
2. **A stream that breaks off is taken up again** at `GET /runs/{run_id}/events` with the `Last-Event-ID` that was seen
   last. Before the first event nobody knows the run; then the POST itself is repeated. A run ends with exactly one
   `run.completed`, `run.cancelled`, `run.failed`, `run.interrupted` or `run.requires_action`; a stream that ends
   without one has broken off.
3. **Silence is a broken connection.** The service sends a comment every 15 seconds while it has nothing to say.
4. **Leaving is not stopping.** A run goes on without its followers; only `cancel_run` stops it.
"""

from __future__ import annotations

import asyncio
import runpy
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from json import JSONDecodeError
from types import TracebackType
from typing import Any, Literal, Self, TypeVar
from urllib.parse import quote

import httpx
from httpx_sse import EventSource, SSEError, aconnect_sse
from pydantic import BaseModel, ValidationError

from movies.models import (
    Count,
    ExplainedRecommendations,
    Movie,
    MovieDetail,
    MovieList,
    MovieStats,
    OwnRating,
    Page,
    RatingOrder,
    Recommendation,
    RecommendationRequest,
    Sort,
    Span,
    TagStats,
    Taste,
    UserRating,
    UserStats,
)
from ratings.models import ImportReport
from schemas import (
    EVENT,
    Account,
    ActionResult,
    ActionResults,
    Answer,
    ApiKey,
    ErrorCode,
    Event,
    Feedback,
    FeedbackEntry,
    FieldError,
    Health,
    Live,
    Message,
    MessageCreate,
    MessageRetry,
    ModelList,
    NewApiKey,
    Problem,
    Prompt,
    PromptAnswer,
    ProviderAddress,
    Run,
    RunCreated,
    RunEnded,
    Session,
    SessionCreate,
    SessionPatch,
    SignInOptions,
    TokenPair,
)

PATIENCE = 60.0  # seconds for which a service that is gone is tried again: a restart takes a few
SILENCE = 40.0  # seconds: two of the service's pings and some more
FIRST_WAIT, LONGEST_WAIT = 0.25, 5.0  # seconds between attempts; each wait is twice the one before
WAITED_FOR = 630.0  # seconds that an answer which is not streamed may take: LLM_TOTAL_TIMEOUT and some more
_BROKEN = (httpx.NetworkError, httpx.TimeoutException, httpx.RemoteProtocolError, httpx.ProxyError)
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout)
_GATEWAYS = {502, 503, 504}  # of a proxy whose service is away for a moment
_LOOPBACK = {"localhost", "127.0.0.1", "::1"}

T = TypeVar("T")
Body = TypeVar("Body", bound=BaseModel)
Events = AsyncGenerator[Event, None]


class ClientError(Exception):
    """A request that came to nothing; the text may be shown. `retry_after`: seconds, where the service named them."""

    def __init__(self, detail: str, retry_after: float | None = None) -> None:
        self.detail, self.retry_after = detail, retry_after
        super().__init__(detail)


class Refused(ClientError):
    """The service's own refusal."""

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        self.problem = problem
        super().__init__(problem.detail, retry_after)

    @property
    def status(self) -> int:
        """The HTTP status."""
        return self.problem.status

    @property
    def code(self) -> ErrorCode:
        """The stable name of what went wrong: `not_found`, `run_in_progress`, `validation_error` …"""
        return self.problem.code

    @property
    def errors(self) -> list[FieldError]:
        """Each field at fault, with a path that leads to it, where the code is `validation_error`."""
        return self.problem.errors or []

    @property
    def run_id(self) -> str | None:
        """The run to wait for, follow or cancel, where the code is `run_in_progress`."""
        return self.problem.run_id


class Unreachable(ClientError):
    """No connection, a broken one, or a proxy whose service is away. The cause is the library's own error."""


class Unexpected(ClientError):
    """A reply that is none of this service's."""


OnWait = Callable[[ClientError, float], None]


class Client:
    """One service, and on whose behalf it is asked.

    Args:
        url: Its address, `http://127.0.0.1:8000`; a path before its routes is kept.
        token: A bearer token or an API key, for a service with accounts.
        auth: What else makes requests known, by httpx: a sign-in that is renewed, say.
        patience: Seconds for which a broken connection, or a service that asks to be left alone for a while
            (`Retry-After`), is tried again. It counts from the last sign of life, so a long answer may break off any
            number of times. 0: the first failure is the last.
        silence: Seconds without a byte after which a connection counts as broken; a stream has a ping every 15.
        on_wait: Told of each failure that will be tried again, and of the seconds until then.
        transport: Another transport of httpx's, for proxies, certificates, or to see the bytes.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        auth: httpx.Auth | None = None,
        patience: float = PATIENCE,
        silence: float = SILENCE,
        on_wait: OnWait | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        self.url = _address(url)
        self._patience, self._on_wait = patience, on_wait
        self._silence = httpx.Timeout(silence, connect=min(silence, 10.0))
        self._http = httpx.AsyncClient(
            base_url=self.url,
            timeout=self._silence,
            headers={"Authorization": f"Bearer {token}"} if token else None,
            auth=auth,
            transport=transport,
            trust_env=self.url.host not in _LOOPBACK,  # no proxy leads to this machine
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the connections; runs go on."""
        await self._http.aclose()

    # Sessions

    async def create_session(self, body: SessionCreate | None = None, *, key: str | None = None) -> Session:
        """Open a session. For one with a first message, which is answered at once, see `start_session`.

        Args:
            body: Title, model, instructions, MovieLens user, actions, metadata: all optional.
            key: The Idempotency-Key; one of its own by default. With a key that you keep, the same call after a crash
                of your program gives the same session.
        """
        response = await self._request("POST", _path("sessions"), body or SessionCreate(), key=key or new_key())
        return _read(response, Session)

    def start_session(self, body: SessionCreate, *, key: str | None = None) -> Events:
        """Open a session with its first `message`, and iterate the answer's events.

        The first, `run.created`, has the session's id: `event.run.session_id`.
        """
        return self._resumed(_Call("POST", _path("sessions"), _json(body), key or new_key()))

    async def list_sessions(
        self,
        *,
        q: str | None = None,
        user_id: int | None = None,
        live: bool | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Session]:
        """The sessions, latest activity first. `q`: words of titles or messages; `live`: only those that answer now."""
        params = {"q": q, "user_id": user_id, "live": live, "limit": limit, "after": after}
        return await self._get(Page[Session], _path("sessions"), **params)

    async def read_session(self, session_id: str) -> Session:
        """One session."""
        return await self._get(Session, _path("sessions", session_id))

    async def change_session(self, session_id: str, body: SessionPatch) -> Session:
        """Change what the body was made with; None clears: `SessionPatch(title="Heists", model=None)`."""
        return _read(await self._request("PATCH", _path("sessions", session_id), body), Session)

    async def delete_session(self, session_id: str) -> None:
        """Delete a session with its messages. One that answers right now must be cancelled first (409)."""
        await self._request("DELETE", _path("sessions", session_id))

    async def list_messages(
        self, session_id: str, *, limit: int | None = None, after: str | None = None, before: str | None = None
    ) -> Page[Message]:
        """The history, oldest first, with what a live run has said so far.

        `before`: those just before a message, or, with "latest", the end; then `next` leads to older ones.
        """
        params = {"limit": limit, "after": after, "before": before}
        return await self._get(Page[Message], _path("sessions", session_id, "messages"), **params)

    async def list_runs(self, session_id: str, *, limit: int | None = None, after: str | None = None) -> Page[Run]:
        """A session's runs, newest first: those that answered, that failed, that are live."""
        return await self._get(Page[Run], _path("sessions", session_id, "runs"), limit=limit, after=after)

    async def export_session(self, session_id: str, format: Literal["json", "jsonl", "markdown"] = "json") -> str:  # noqa: A002
        """The whole session as one document."""
        path = _path("sessions", session_id, "export")
        return (await self._request("GET", path, params={"format": format})).text

    # Messages and runs

    def send_message(self, session_id: str, message: str | MessageCreate, *, key: str | None = None) -> Events:
        """Send a message and iterate the events of its run, to its last: a `RunEnded`.

        A connection that breaks, or falls silent, is made anew, and the events go on after the last that was given.
        After a power cut at the service, which may have taken the latest events with it, they begin anew with
        `run.created`. To leave early, close the iterator (`contextlib.aclosing`): the run goes on without you.

        Args:
            session_id: The session. It answers one message at a time: a second one is refused, 409 `run_in_progress`.
            message: The text, or a message that names its `model` or asks for a structured answer (`response_format`).
            key: The Idempotency-Key; one of its own by default. The same key and message give the same run again.
        """
        body = MessageCreate(content=message) if isinstance(message, str) else message
        return self._resumed(_Call("POST", _path("sessions", session_id, "messages"), _json(body), key or new_key()))

    def retry_message(
        self,
        session_id: str,
        message_id: str,
        content: str | None = None,
        *,
        model: str | None = None,
        key: str | None = None,
    ) -> Events:
        """Answer the latest user message anew, and iterate the events; what was there stays as an alternative.

        `content`: what the message should have said, where it is edited; `model`: another one to answer it.
        """
        path = _path("sessions", session_id, "messages", message_id, "retry")
        changed = {name: value for name, value in (("content", content), ("model", model)) if value is not None}
        return self._resumed(_Call("POST", path, _json(MessageRetry(**changed)) or None, key or new_key()))

    def submit_actions(self, run_id: str, results: Sequence[ActionResult], *, key: str | None = None) -> Events:
        """Hand in what the actions gave that a `run.requires_action` asked for; iterates the run that goes on."""
        body = _json(ActionResults(results=list(results)))
        return self._resumed(_Call("POST", _path("runs", run_id, "actions"), body, key or new_key()))

    async def ask(self, session_id: str, message: str | MessageCreate, *, key: str | None = None) -> Answer:
        """Send a message and wait for the finished run with its messages, the user's first.

        It is followed as a stream, whose pings tell a long wait from a lost connection; then the same request is sent
        again with `Accept: application/json`, which is answered at once.
        """
        key = key or new_key()
        async for _ in self.send_message(session_id, message, key=key):
            pass
        body = MessageCreate(content=message) if isinstance(message, str) else message
        response = await self._request("POST", _path("sessions", session_id, "messages"), body, key=key)
        return _read(response, Answer)

    async def read_run(self, run_id: str) -> Run:
        """Status, model, usage, timings, error."""
        return await self._get(Run, _path("runs", run_id))

    def follow_run(self, run_id: str, after: int = 0) -> Events:
        """Iterate a run's events again, live while it is: from the start, or after a sequence that was seen."""
        return self._resumed(_follow(run_id), after)

    async def cancel_run(self, run_id: str) -> Run:
        """Stop generating; what was said is kept. A run that ended stays as it is."""
        return _read(await self._request("POST", _path("runs", run_id, "cancel"), again=True), Run)

    # Feedback

    async def put_feedback(
        self, session_id: str, message_id: str, rating: Literal["up", "down"], comment: str | None = None
    ) -> Message:
        """Say whether an answer was good."""
        path = _path("sessions", session_id, "messages", message_id, "feedback")
        return _read(await self._request("PUT", path, Feedback(rating=rating, comment=comment)), Message)

    async def list_feedback(self, *, limit: int | None = None, after: str | None = None) -> Page[FeedbackEntry]:
        """Answers that were rated, newest first, each with the message that it answers."""
        return await self._get(Page[FeedbackEntry], _path("feedback"), limit=limit, after=after)

    # Movies

    async def list_movies(
        self,
        q: str | None = None,
        *,
        genre: str | None = None,
        tag: str | None = None,
        exclude_tag: str | None = None,
        year_from: int | None = None,
        year_to: int | None = None,
        min_ratings: int | None = None,
        max_ratings: int | None = None,
        min_mean: float | None = None,
        max_mean: float | None = None,
        sort: Sort | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Movie]:
        """Find movies by title (typos are fine) or content, with filters; every one must hold."""
        filters = {"genre": genre, "tag": tag, "exclude_tag": exclude_tag, "year_from": year_from, "year_to": year_to}
        bounds = {"min_ratings": min_ratings, "max_ratings": max_ratings, "min_mean": min_mean, "max_mean": max_mean}
        listing = {"q": q, "sort": sort, "limit": limit, "after": after}
        return await self._get(Page[Movie], _path("movies"), **filters, **bounds, **listing)

    async def read_movie(self, movie_id: int) -> MovieDetail:
        """All that the data knows of a movie."""
        return await self._get(MovieDetail, _path("movies", movie_id))

    async def similar_movies(
        self,
        movie_id: int,
        *,
        by: Literal["taste", "content", "both"] | None = None,
        diversity: float | None = None,
        limit: int | None = None,
    ) -> MovieList:
        """Movies like this one. `diversity`: 0 to 1, the best only or as different from each other as can be."""
        params = {"by": by, "diversity": diversity, "limit": limit}
        return await self._get(MovieList, _path("movies", movie_id, "similar"), **params)

    async def rating_stats(self, movie_id: int, windows: str | None = None, *, by: Span | None = None) -> MovieStats:
        """Mean and count over windows that end with the newest rating, `12h,7d,all`, or also by month or year."""
        return await self._get(MovieStats, _path("movies", movie_id, "stats"), windows=windows, by=by)

    async def read_poster(self, movie_id: int) -> bytes:
        """The movie's poster: TMDB's where the operator has a key and TMDB has one, else one that is drawn, as SVG."""
        return (await self._request("GET", _path("movies", movie_id, "poster"))).content

    async def list_genres(self) -> Page[Count]:
        """All genres, with how many movies each has."""
        return await self._get(Page[Count], _path("genres"))

    async def list_tags(
        self, q: str | None = None, *, limit: int | None = None, after: str | None = None
    ) -> Page[Count]:
        """Tags, with how many movies each tells something of."""
        return await self._get(Page[Count], _path("tags"), q=q, limit=limit, after=after)

    async def tag_stats(self, tag: str, windows: str | None = None) -> TagStats:
        """Mean and count of the ratings of a tag's movies over windows."""
        return await self._get(TagStats, _path("tags", tag, "stats"), windows=windows)

    # MovieLens users, and recommendations

    async def user_ratings(
        self, user_id: int, *, order: RatingOrder | None = None, limit: int | None = None, after: str | None = None
    ) -> Page[UserRating]:
        """A MovieLens user's ratings."""
        params = {"order": order, "limit": limit, "after": after}
        return await self._get(Page[UserRating], _path("users", user_id, "ratings"), **params)

    async def user_stats(self, user_id: int, windows: str | None = None) -> UserStats:
        """Mean and count of a user's ratings over windows."""
        return await self._get(UserStats, _path("users", user_id, "stats"), windows=windows)

    async def recommend_for_user(
        self,
        user_id: int,
        *,
        limit: int | None = None,
        genre: str | None = None,
        year_from: int | None = None,
        exclude_seen: bool | None = None,
        diversity: float | None = None,
        novelty: float | None = None,
        explain: bool | None = None,
    ) -> ExplainedRecommendations:
        """Recommendations for a MovieLens user, each with the ratings it rests on. `explain`: in the model's words."""
        filters = {"limit": limit, "genre": genre, "year_from": year_from, "exclude_seen": exclude_seen}
        mixing = {"diversity": diversity, "novelty": novelty, "explain": explain}
        path = _path("users", user_id, "recommendations")
        return await self._get(ExplainedRecommendations, path, **filters, **mixing)

    async def recommend(self, body: RecommendationRequest) -> MovieList:
        """Recommendations for someone whom the data has never seen, by likes, dislikes, ratings or words."""
        return _read(await self._request("POST", _path("recommendations"), body, again=True), MovieList)

    async def list_recommendations(
        self,
        *,
        user_id: int | None = None,
        session_id: str | None = None,
        limit: int | None = None,
        after: str | None = None,
    ) -> Page[Recommendation]:
        """Lists that were served before, newest first."""
        params = {"user_id": user_id, "session_id": session_id, "limit": limit, "after": after}
        return await self._get(Page[Recommendation], _path("recommendations"), **params)

    # Own ratings

    async def list_own_ratings(self, *, limit: int | None = None, after: str | None = None) -> Page[OwnRating]:
        """The caller's ratings, newest first."""
        return await self._get(Page[OwnRating], _path("ratings"), limit=limit, after=after)

    async def put_rating(self, movie_id: int, stars: float) -> OwnRating:
        """Rate a movie, half a star to five, or change the rating; recommendations follow at once."""
        return _read(await self._request("PUT", _path("ratings", movie_id), {"stars": stars}), OwnRating)

    async def delete_rating(self, movie_id: int) -> None:
        """Forget a rating."""
        await self._request("DELETE", _path("ratings", movie_id))

    async def import_own_ratings(
        self, file: bytes, *, filename: str = "", preview: bool = False, choices: Mapping[int, int] | None = None
    ) -> ImportReport:
        """Take over the ratings of an export of IMDb, Letterboxd, Trakt or MovieLens: the file as it is.

        Args:
            file: Its content: CSV, JSON or ZIP.
            filename: What it is called, which helps to tell its kind.
            preview: Tell what would be stored, and store nothing.
            choices: Movie ids by the number of a row whose movie was not certain.
        """
        pairs = ",".join(f"{row}:{movie_id}" for row, movie_id in (choices or {}).items())
        params = {"filename": filename or None, "preview": preview, "choices": pairs or None}
        response = await self._request("POST", _path("ratings", "import"), file, params=params, again=True)
        return _read(response, ImportReport)

    async def export_own_ratings(self, format: Literal["csv", "json"] = "csv") -> str:  # noqa: A002
        """The caller's ratings, and what they saw, as a file that can be imported again."""
        return (await self._request("GET", _path("ratings", "export"), params={"format": format})).text

    async def read_taste(self, user_id: int | None = None) -> Taste:
        """The caller's taste by their ratings against everybody's, or that of a MovieLens user."""
        return await self._get(Taste, _path("taste"), user_id=user_id)

    # Accounts, where the service has them (AUTH=on)

    async def register(self, username: str, password: str, code: str | None = None) -> Account:
        """Make an account, where people may do so."""
        body = {"username": username, "password": password, "code": code}
        return _read(await self._request("POST", _path("auth", "register"), body), Account)

    async def sign_in(self, username: str, password: str) -> TokenPair:
        """Sign in; every later request of this client is made on behalf of the account."""
        form = {"username": username, "password": password, "grant_type": "password"}
        return self._signed_in(await self._request("POST", _path("auth", "token"), form=form))

    async def refresh(self, refresh_token: str) -> TokenPair:
        """Go on with a sign-in whose access token ends; the refresh token is used up by it."""
        return self._signed_in(await self._request("POST", _path("auth", "refresh"), {"refresh_token": refresh_token}))

    async def sign_in_options(self) -> SignInOptions:
        """The ways in: who may register, and the provider that people may sign in with."""
        return await self._get(SignInOptions, _path("auth", "options"))

    async def begin_sign_in(self, code: str | None = None) -> ProviderAddress:
        """Begin to sign in with the provider: the address for a browser that keeps the cookie of this answer."""
        response = await self._request("POST", _path("auth", "oidc", "login"), {"code": code})
        return _read(response, ProviderAddress)

    async def redeem_code(self, code: str) -> TokenPair:
        """Sign in by the code that a browser came back from the provider with."""
        return self._signed_in(await self._request("POST", _path("auth", "oidc", "token"), {"code": code}))

    async def sign_out(self) -> None:
        """End the sign-in: its tokens are worth nothing from now on."""
        await self._request("POST", _path("auth", "logout"))
        self._http.headers.pop("Authorization", None)

    async def change_password(self, password: str, new_password: str) -> None:
        """Change the password, which ends every sign-in of the account, this one too."""
        await self._request("POST", _path("auth", "password"), {"password": password, "new_password": new_password})

    async def read_account(self) -> Account:
        """The caller's account."""
        return await self._get(Account, _path("auth", "me"))

    async def delete_account(self) -> None:
        """Delete the account with all that belongs to it."""
        await self._request("DELETE", _path("auth", "me"))

    async def export_account(self) -> str:
        """All that belongs to the account as one JSON document."""
        return (await self._request("GET", _path("auth", "export"))).text

    async def make_key(self, name: str) -> NewApiKey:
        """Make an API key for a program, which takes it as its `token`. It is shown this once."""
        return _read(await self._request("POST", _path("auth", "keys"), {"name": name}), NewApiKey)

    async def list_keys(self) -> Page[ApiKey]:
        """The account's API keys, oldest first, by name."""
        return await self._get(Page[ApiKey], _path("auth", "keys"))

    async def revoke_key(self, key_id: str) -> None:
        """Revoke an API key at once."""
        await self._request("DELETE", _path("auth", "keys", key_id))

    def _signed_in(self, response: httpx.Response) -> TokenPair:
        tokens = _read(response, TokenPair)
        self._http.headers["Authorization"] = f"Bearer {tokens.access_token}"
        return tokens

    # The service

    async def list_prompts(self) -> Page[Prompt]:
        """The prompt templates and what they take."""
        return await self._get(Page[Prompt], _path("prompts"))

    async def ask_prompt(self, name: str, **values: Any) -> PromptAnswer:
        """Fill a prompt template in from the data, and have the model answer it: `user_id=7`, `tag="heist"` …"""
        response = await self._request("POST", _path("prompts", name), values, answer_within=WAITED_FOR)
        return _read(response, PromptAnswer)

    async def list_models(self) -> ModelList:
        """The models that the provider offers, and the default."""
        return await self._get(ModelList, _path("models"))

    async def health(self) -> Health:
        """The state of the service, and on what it rests."""
        return await self._get(Health, _path("health"))

    async def live(self) -> Live:
        """That the process answers."""
        return await self._get(Live, _path("health", "live"))

    # Requests

    async def _get(self, kind: type[Body], path: str, **params: Any) -> Body:
        return _read(await self._request("GET", path, params=params), kind)

    async def _request(
        self,
        method: str,
        path: str,
        body: BaseModel | dict[str, Any] | bytes | None = None,
        *,
        form: dict[str, str] | None = None,
        params: dict[str, Any] | None = None,
        key: str | None = None,
        again: bool | None = None,
        answer_within: float | None = None,
    ) -> httpx.Response:
        """The response of a success.

        Args:
            method: Of HTTP.
            path: Below the service's address.
            body: What is sent as JSON, or the bytes of a file.
            form: What is sent as a form.
            params: Of the query; those that are None are left out.
            key: The Idempotency-Key.
            again: True where the request may arrive twice: by default with a key, and unless it is a POST.
            answer_within: Seconds, where the service thinks before it answers.
        """
        headers = {"Accept": "application/json", **({"Idempotency-Key": key} if key else {})}
        given = {name: value for name, value in (params or {}).items() if value is not None}
        document = _json(body) if isinstance(body, BaseModel) else body
        sent = {"content": document} if isinstance(document, bytes) else {"json": document, "data": form}
        again = again if again is not None else (key is not None or method != "POST")
        timeout = httpx.Timeout(answer_within) if answer_within else self._silence
        patience = _Patience(self._patience, self._on_wait)
        while True:
            try:
                response = await self._http.request(
                    method, path, params=given, headers=headers, timeout=timeout, **sent
                )
                if response.is_success or (patience.waited and method == "DELETE" and response.status_code == 404):
                    return response
                raise _refusal(response)
            except _BROKEN as error:
                lost = self._lost(error)
                if not again and not isinstance(error, _NEVER_SENT):
                    raise lost from error
                await patience.wait(lost)
            except ClientError as error:
                if isinstance(error, Unreachable) and not again:
                    raise
                await patience.wait(error)

    async def _resumed(self, call: _Call, after: int = 0) -> Events:
        """The events of a run; a stream that breaks off is taken up again where it was."""
        patience = _Patience(self._patience, self._on_wait)
        while True:
            lost: ClientError = Unreachable(f"The stream from {self.url} broke off.")
            try:
                async with self._stream(call, after) as source:
                    if source is None:
                        return
                    async with aclosing(source.aiter_sse()) as blocks:
                        async for block in blocks:
                            if not block.data:  # a ping; no event without data (WHATWG HTML, section 9.2.6)
                                continue
                            event = _event(block.data)
                            patience.renew()
                            after = event.sequence
                            if isinstance(event, RunCreated):
                                call = _follow(event.run.id)
                            yield event
                            if isinstance(event, RunEnded):
                                return
            except _BROKEN as error:
                lost = self._lost(error)
            except ClientError as error:
                lost = error
            except SSEError as error:
                raise Unexpected(f"What {self.url} sends is no event stream.") from error
            await patience.wait(lost)

    @asynccontextmanager
    async def _stream(self, call: _Call, after: int) -> AsyncIterator[EventSource | None]:
        """The response to a call that asks for events; None where there are none left."""
        headers = {**call.headers, **({"Last-Event-ID": str(after)} if after else {})}
        async with aconnect_sse(self._http, call.method, call.path, json=call.body, headers=headers) as source:
            if not source.response.is_success:
                await source.response.aread()
                raise _refusal(source.response)
            yield None if source.response.status_code == httpx.codes.NO_CONTENT else source

    def _lost(self, error: Exception) -> Unreachable:
        """The failure of a connection in a user's terms."""
        if isinstance(error, _NEVER_SENT):
            reason = f"Nothing answers at {self.url}."
        elif isinstance(error, httpx.TimeoutException):
            reason = f"Nothing came from {self.url} for {self._silence.read:.0f} seconds."
        else:
            reason = f"The connection to {self.url} broke."
        lost = Unreachable(reason)
        lost.__cause__ = error
        return lost


async def every(listing: Callable[..., Awaitable[Page[T]]], *args: Any, **params: Any) -> AsyncIterator[T]:
    """A whole list, page after page.

    async for rating in every(client.list_own_ratings):
        ...
    """
    after: str | None = None
    while True:
        page = await listing(*args, **params, after=after)
        for entry in page.data:
            yield entry
        if not page.has_more:
            return
        after = page.next


def new_key() -> str:
    """An Idempotency-Key that nobody used before."""
    return str(uuid.uuid4())


@dataclass(frozen=True, slots=True)
class _Call:
    """A request for a run's events. With a `key` it can be sent twice."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    key: str | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"Idempotency-Key": self.key} if self.key else {}


def _follow(run_id: str) -> _Call:
    return _Call("GET", _path("runs", run_id, "events"))


@dataclass(slots=True)
class _Patience:
    """Waits between attempts, each twice as long as the one before, as long as patience lasts."""

    seconds: float
    on_wait: OnWait | None
    waited: bool = False
    _next: float = FIRST_WAIT
    _lost_at: float | None = field(default=None)

    def renew(self) -> None:
        """There was a sign of life."""
        self._next, self._lost_at = FIRST_WAIT, None

    async def wait(self, error: ClientError) -> None:
        """Wait until the next attempt.

        Raises:
            ClientError: Itself, where another attempt would not help, or not within the patience that is left.
        """
        if not isinstance(error, Unreachable) and error.retry_after is None:
            raise error
        now = asyncio.get_running_loop().time()
        self._lost_at = now if self._lost_at is None else self._lost_at
        seconds = self._next if error.retry_after is None else error.retry_after
        if now + seconds > self._lost_at + self.seconds:
            raise error
        self._next = min(2 * self._next, LONGEST_WAIT)
        self.waited = True
        if self.on_wait is not None:
            self.on_wait(error, seconds)
        await asyncio.sleep(seconds)


def _address(url: str) -> httpx.URL:
    """The service's address.

    Raises:
        Unreachable: It is none.
    """
    try:
        address = httpx.URL(url)
    except httpx.InvalidURL as error:
        raise Unreachable(f"{url!r} is no address: {error}.") from error
    if address.scheme not in ("http", "https") or not address.host:
        raise Unreachable(f"{url!r} is no address of a service: it should be like http://127.0.0.1:8000.")
    return address


def _path(*parts: str | int) -> str:
    """A path of parts that may hold anything.

    >>> _path("tags", "black/white?", "stats")
    '/tags/black%2Fwhite%3F/stats'
    """
    return "".join(f"/{quote(str(part), safe='')}" for part in parts)


def _json(body: BaseModel) -> dict[str, Any]:
    """The fields that a body was made with: what is left out is the service's to decide."""
    made: dict[str, Any] = body.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return made


def _read(response: httpx.Response, kind: type[Body]) -> Body:
    try:
        return kind.model_validate_json(response.content)
    except ValidationError as error:
        raise _unexpected(response) from error


def _event(data: str) -> Event:
    try:
        return EVENT.validate_json(data)
    except ValidationError as error:
        raise Unexpected(
            "The service sends events that this client does not know: is it of another version?"
        ) from error


def _refusal(response: httpx.Response) -> ClientError:
    """A response that is no success as an error."""
    retry_after = _seconds(response.headers.get("Retry-After", ""))
    try:
        return Refused(Problem.model_validate(response.json()), retry_after)
    except (ValidationError, JSONDecodeError, UnicodeDecodeError):
        if response.status_code in _GATEWAYS:
            return Unreachable(
                f"{response.url.host} cannot reach the service (HTTP {response.status_code}).", retry_after
            )
        return _unexpected(response, retry_after)


def _unexpected(response: httpx.Response, retry_after: float | None = None) -> Unexpected:
    asked = f"{response.request.method} {response.request.url.copy_with(query=None)}"
    kind = response.headers.get("Content-Type", "nothing").partition(";")[0]
    return Unexpected(
        f"{asked} gave {kind} with HTTP status {response.status_code}, which this service never gives there. "
        "Is another service at this address, or one of another version?",
        retry_after,
    )


def _seconds(value: str) -> float | None:
    """Seconds from now that a Retry-After names: a number, or a date (RFC 9110, section 10.2.3).

    >>> _seconds("7"), _seconds("Fri, 31 Dec 1999 23:59:59 GMT"), _seconds("")
    (7.0, 0.0, None)
    """
    if value.isascii() and value.isdigit():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() - datetime.now(UTC).timestamp())


if __name__ == "__main__":
    runpy.run_module("commands.client", run_name="__main__")  # it stands above this module: started, not imported
