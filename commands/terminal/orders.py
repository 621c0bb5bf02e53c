"""The commands of the chat: what stands behind a slash."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import zip_longest
from pathlib import Path
from typing import Literal

from rich.table import Table
from rich.text import Text

from client import Client
from commands.terminal.chat import Chat
from commands.terminal.movies import Row, stars, table
from movies.models import Leaning, MovieName
from ratings.models import ImportCounts, ImportReport
from schemas import Session, SessionPatch
from text import one_line

MOST_SESSIONS = 20
MOST_CANDIDATES = 5
MOST_LEANINGS = 6
FORMATS: dict[str, Literal["json", "jsonl", "markdown"]] = {
    ".md": "markdown",
    ".markdown": "markdown",
    ".json": "json",
    ".jsonl": "jsonl",
}
_STARS = re.compile(r"(?:^|\s)([0-5](?:[.,]5|[.,]0)?)(?:\s*/\s*5|\s*(?:stars?|★))?$|(?:^|\s)(★{1,5})(½?)$")
_YEAR = re.compile(r"\s*\((\d{4})\)$")

Ask = Callable[[str], Awaitable[str]]
Edit = Callable[[str], Awaitable[str]]


class Wrong(Exception):
    """A command that cannot be carried out as it was given; the text says what to mend."""


class Quit(Exception):
    """The chat is over."""


@dataclass(frozen=True, slots=True)
class Order:
    """A command: its name, what is said behind it, what it does."""

    name: str
    takes: str
    does: str
    run: Callable[[Orders, str], Awaitable[None]]


class Orders:
    """The commands, bound to a chat.

    Args:
        chat: What they act on.
        ask: Asks the person a question.
        edit: Has the person change a text.
        secret: Asks for what nobody may see; None where no person is there.
    """

    def __init__(self, chat: Chat, ask: Ask, edit: Edit, secret: Ask | None = None) -> None:
        self.chat, self.ask, self.edit, self.secret = chat, ask, edit, secret

    @property
    def client(self) -> Client:
        """The service."""
        return self.chat.client

    async def carry_out(self, line: str) -> None:
        """Carry out a line that begins with a slash.

        Raises:
            Wrong: There is no such command, or it cannot be done.
            Quit: It is the one that ends the chat.
        """
        name, _, rest = line.strip().partition(" ")
        fitting = [order for order in ORDERS if order.name == name] or [
            order for order in ORDERS if order.name.startswith(name) and name != "/"
        ]
        if len(fitting) != 1:
            near = ", ".join(order.name for order in fitting)
            raise Wrong(f"Which one: {near}?" if near else f"There is no command {name}. /help lists them.")
        await fitting[0].run(self, rest.strip())

    # Accounts

    async def sign_in(self, name: str) -> None:
        """Sign in: the name, and a password that is not shown; kept until /signout."""
        if self.chat.sign_in is None or self.secret is None:
            raise Wrong("Who signs in is a person at a terminal; a program has a key in MARQUEE_API_KEY.")
        name = name or await self.ask("Name:")
        password = await self.secret("Password:") if name else ""
        if not password:
            raise Wrong("Nobody signed in.")
        tokens = await self.client.sign_in(name, password)
        self.chat.begin_anew()
        try:
            self.chat.sign_in.keep(tokens)
        except OSError as error:
            self.chat.screen.aside(f"The sign-in holds for this chat; it cannot be kept: {error.strerror}.")
        self.chat.screen.aside(f"Signed in as {name}. /signout ends it.")

    async def sign_out(self, _: str) -> None:
        """End the sign-in, here and at the service."""
        if self.chat.sign_in is None or not self.chat.sign_in.is_there:
            raise Wrong("Nobody is signed in.")
        try:
            await self.client.sign_out()
        finally:
            self.chat.sign_in.forget()
            self.chat.begin_anew()
        self.chat.screen.aside("Signed out. /signin signs in again.")

    # Sessions

    async def list_sessions(self, words: str) -> None:
        """List the sessions, or find those with certain words."""
        page = await self.client.list_sessions(q=words or None, limit=MOST_SESSIONS)
        self.chat.listed = page.data
        if not page.data:
            self.chat.screen.say("No session has these words." if words else "There are no sessions yet.")
            return
        drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in ("", "Session", "Last used"):
            drawn.add_column(column)
        for number, session in enumerate(page.data, 1):
            mark = "●" if self.chat.session is not None and session.id == self.chat.session.id else ""
            title = one_line(session.title or "without a title")
            drawn.add_row(f"{number}", Text(f"{title} {mark}"), _ago(session.updated_at))
        self.chat.screen.draw(drawn)
        more = " There are more: /sessions WORDS searches." if page.has_more else ""
        self.chat.screen.aside(f"/open NUMBER goes on with one.{more}")

    async def open_session(self, which: str) -> None:
        """Go on with a session."""
        if not which:
            await self.list_sessions("")
            which = await self.ask("Which one?")
        if which:
            await self.chat.take_up(await self._session(which))

    async def new_session(self, _: str) -> None:
        """Begin a new session."""
        self.chat.begin_anew()
        self.chat.screen.aside("A new session begins with what you say next.")

    async def name_session(self, title: str) -> None:
        """Give the session a title."""
        session = self._current()
        title = title or await self.ask("Its title?")
        if title:
            self.chat.session = await self.client.change_session(session.id, SessionPatch(title=title))
            self.chat.screen.aside(f"This session is called {self.chat.session.title}")

    async def delete_session(self, which: str) -> None:
        """Delete a session with all that was said in it."""
        session = await self._session(which) if which else self._current()
        if not await self._agrees(f"Delete {session.title or 'this session'} with all its messages? (y/N)"):
            self.chat.screen.aside("Nothing was deleted.")
            return
        await self.client.delete_session(session.id)
        if self.chat.session is not None and self.chat.session.id == session.id:
            self.chat.begin_anew()
        self.chat.screen.aside("Deleted.")

    async def choose_model(self, name: str) -> None:
        """Show the models, or have another one answer."""
        if not name:
            await self._show_models()
            return
        self.chat.model = name
        if self.chat.session is not None:
            self.chat.session = await self.client.change_session(self.chat.session.id, SessionPatch(model=name))
        self.chat.screen.aside(f"{name} answers from now on.")

    # Answers

    async def retry(self, _: str) -> None:
        """Have the last message answered again."""
        await self.chat.retry()

    async def edit_message(self, text: str) -> None:
        """Change the last message, and have it answered."""
        message = await self.chat.last_message()
        if message is None:
            raise Wrong("Nothing was said yet.")
        text = text or await self.edit(message.content)
        if text.strip():
            await self.chat.retry(text)

    async def why(self, title: str) -> None:
        """Ask why a movie was recommended."""
        movie = self._by_number(title)
        await self.chat.say(f"Why {movie.called if movie else title or 'the first one'}?")

    async def export(self, name: str) -> None:
        """Write the session into a file: .md, .json or .jsonl."""
        path = Path(name).expanduser()  # noqa: ASYNC240  nothing else happens meanwhile
        if not name or path.suffix.lower() not in FORMATS:
            raise Wrong(f"/export FILE wants a file whose name ends in {', '.join(FORMATS)}.")
        session = self._current()
        if path.exists() and not await self._agrees(f"{path} is there already. Overwrite it? (y/N)"):
            self.chat.screen.aside("Nothing was written.")
            return
        document = await self.client.export_session(session.id, FORMATS[path.suffix.lower()])
        try:
            path.write_text(document, encoding="utf-8")
        except OSError as error:
            raise Wrong(f"{path} cannot be written: {error.strerror}.") from None
        self.chat.screen.aside(f"Written to {path}")

    # Ratings

    async def rate(self, words: str) -> None:
        """Rate a movie: /rate Heat 4.5"""
        found = _STARS.search(words)
        if found is None or not words[: found.start()].strip():
            raise Wrong("/rate TITLE STARS wants a movie and half a star to five: /rate Heat (1995) 4.5")
        given = float(found[1].replace(",", ".")) if found[1] else len(found[2]) + 0.5 * bool(found[3])
        movie = await self._movie(words[: found.start()].strip())
        rated = await self.client.put_rating(movie.movie_id, given)
        self.chat.screen.say(f"{rated.movie.called}: {stars(rated.stars)} {rated.stars:g}")

    async def ratings(self, _: str) -> None:
        """Show your own ratings, newest first."""
        page = await self.client.list_own_ratings(limit=MOST_SESSIONS)
        if not page.data:
            self.chat.screen.say("You have not rated anything yet. /rate TITLE STARS does it.")
            return
        self.chat.shown = [Row(rating.movie, rating.stars) for rating in page.data]
        self.chat.screen.draw(table(self.chat.shown, MOST_SESSIONS))
        if page.has_more:
            self.chat.screen.aside("These are the latest; there are more.")

    async def import_ratings(self, name: str) -> None:
        """Take over the ratings of another service's export, after a look at what it holds."""
        path = Path(name).expanduser()  # noqa: ASYNC240  nothing else happens meanwhile
        if not name:
            raise Wrong("/import FILE wants an export of IMDb, Letterboxd, Trakt or MovieLens: CSV, JSON or ZIP.")
        try:
            file = path.read_bytes()
        except OSError as error:
            raise Wrong(f"{path} cannot be read: {error.strerror}.") from None
        report = await self.client.import_own_ratings(file, filename=path.name, preview=True)
        self._show_import(report)
        if not report.counts.new + report.counts.changed + report.counts.seen:
            self.chat.screen.aside("There is nothing new in it.")
        elif await self._agrees("Store them? (y/N)"):
            report = await self.client.import_own_ratings(file, filename=path.name)
            self.chat.screen.say(f"Stored: {_effects(report.counts)}.")
        else:
            self.chat.screen.aside("Nothing was stored.")

    async def taste(self, _: str) -> None:
        """Show what your ratings lean to, against everybody's."""
        found = await self.client.read_taste()
        if not found.count:
            self.chat.screen.say("You have not rated anything yet. /rate TITLE STARS does it.")
            return
        everybody = f"; everybody gives {found.everybody:.2f}" if found.everybody is not None else ""
        self.chat.screen.say(f"{found.count} ratings, {found.mean or 0:.2f} stars on average{everybody}")
        drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        leanings = [leaning for kind in (found.genres, found.decades, found.tags) for leaning in kind]
        up = sorted((each for each in leanings if each.lean > 0), key=lambda each: -each.lean)[:MOST_LEANINGS]
        down = sorted((each for each in leanings if each.lean < 0), key=lambda each: each.lean)[:MOST_LEANINGS]
        sides = [(head, side) for head, side in (("More than others", up), ("Less than others", down)) if side]
        for head, _side in sides:
            drawn.add_column(head)
            drawn.add_column()
        for row in zip_longest(*(side for _, side in sides)):
            drawn.add_row(*(cell for leaning in row for cell in _leaning(leaning)))
        if sides:
            self.chat.screen.draw(drawn)

    async def help(self, _: str) -> None:
        """Show the commands."""
        drawn = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), show_header=False)
        for order in ORDERS:
            drawn.add_row(Text(f"{order.name} {order.takes}".strip(), style="bold"), order.does)
        self.chat.screen.draw(drawn)
        self.chat.screen.aside("Anything else is a message. A movie of the last list has a number: /rate #2 4, /why #2")
        self.chat.screen.aside("Ctrl-C stops an answer, Ctrl-D leaves. Tab completes titles. Alt-Enter begins a line.")

    async def quit(self, _: str) -> None:
        """Leave."""
        raise Quit

    # What words mean

    def _current(self) -> Session:
        if self.chat.session is None:
            raise Wrong("There is no session yet: it begins with your first message.")
        return self.chat.session

    async def _session(self, which: str) -> Session:
        """The session of a number of the last list, or of an id."""
        if not which.isascii() or not which.isdigit():
            return await self.client.read_session(which)
        if not self.chat.listed:
            self.chat.listed = (await self.client.list_sessions(limit=MOST_SESSIONS)).data
        if not 1 <= int(which) <= len(self.chat.listed):
            raise Wrong(f"The list of /sessions has no number {which}.")
        return await self.client.read_session(self.chat.listed[int(which) - 1].id)

    def _by_number(self, words: str) -> MovieName | None:
        """The movie of `#2`."""
        if not re.fullmatch(r"#\d{1,3}", words):
            return None
        if not 1 <= int(words[1:]) <= len(self.chat.shown):
            raise Wrong(f"The last list has no number {words[1:]}.")
        return self.chat.shown[int(words[1:]) - 1].movie

    async def _movie(self, words: str) -> MovieName:
        """The movie that is meant: never a guess where several could be."""
        if movie := self._by_number(words):
            return movie
        found = (await self.client.list_movies(words, limit=MOST_CANDIDATES)).data
        year = _YEAR.search(words)
        title = _plain(_YEAR.sub("", words))
        named = [movie for movie in found if _plain(movie.title) == title]
        named = [movie for movie in named if year is None or movie.year == int(year[1])]
        if len(named) == 1:
            return named[0]
        candidates = named or found
        if not candidates:
            raise Wrong(f"There is no movie like {words!r}.")
        return await self._chosen(words, candidates)

    async def _chosen(self, words: str, candidates: Sequence[MovieName]) -> MovieName:
        for number, movie in enumerate(candidates, 1):
            self.chat.screen.say(f"{number}  {movie.called}")
        chosen = await self.ask(f"Which one is {words}? (1-{len(candidates)})")
        if not chosen.isdigit() or not 1 <= int(chosen) <= len(candidates):
            raise Wrong("None was chosen; nothing was rated.")
        return candidates[int(chosen) - 1]

    async def _agrees(self, question: str) -> bool:
        return (await self.ask(question)).lower().startswith("y")

    def _show_import(self, report: ImportReport) -> None:
        self.chat.screen.say(f"{report.detected}: {report.counts.rows} entries; {_effects(report.counts)}.")
        for note in report.notes:
            self.chat.screen.aside(note)
        left_out = [row for row in report.rows if row.status in ("ambiguous", "unknown", "invalid")]
        for row in left_out[:MOST_CANDIDATES]:
            could = ", ".join(movie.called for movie in row.candidates) or row.reason or row.status
            self.chat.screen.aside(f"Left out: {row.title}: {could}")
        if len(left_out) > MOST_CANDIDATES:
            self.chat.screen.aside(f"… and {len(left_out) - MOST_CANDIDATES} more")

    async def _show_models(self) -> None:
        models = await self.client.list_models()
        now = (self.chat.session.model if self.chat.session else self.chat.model) or models.default
        for name in models.data:
            self.chat.screen.say(f"{'●' if name == now else ' '} {name}")
        if models.detail:
            self.chat.screen.aside(models.detail)


def _effects(counts: ImportCounts) -> str:
    """The doings of an import in words: `12 new, 3 changed`."""
    named = {
        "new": counts.new,
        "changed": counts.changed,
        "unchanged": counts.unchanged + counts.older,
        "seen without a rating": counts.seen,
        "left out": counts.ambiguous + counts.unknown + counts.invalid + counts.duplicate,
    }
    return ", ".join(f"{count} {name}" for name, count in named.items() if count) or "nothing"


def _leaning(leaning: Leaning | None) -> tuple[Text, Text]:
    if leaning is None:
        return Text(), Text()
    return Text(one_line(leaning.name)), Text(f"{stars(leaning.mean)} {leaning.mean:.1f}", style="yellow")


def _plain(title: str) -> str:
    return re.sub(r"^(the|a|an) |[^\w\s]", "", title.casefold()).strip()


def _ago(at: datetime) -> str:
    """A time as one speaks of it."""
    minutes = (datetime.now(UTC) - at).total_seconds() / 60
    for bound, size, unit in ((1, 1, ""), (60, 1, "min"), (60 * 24, 60, "h"), (60 * 24 * 14, 60 * 24, "days")):
        if minutes < bound:
            return f"{minutes / size:.0f} {unit} ago" if unit else "just now"
    return f"{at:%Y-%m-%d}"


ORDERS = [
    Order("/sessions", "[WORDS]", "list the sessions, or search them", Orders.list_sessions),
    Order("/open", "[NUMBER]", "go on with one of them", Orders.open_session),
    Order("/new", "", "begin a new one", Orders.new_session),
    Order("/name", "TITLE", "name this one", Orders.name_session),
    Order("/delete", "[NUMBER]", "delete this one, or one of the list", Orders.delete_session),
    Order("/rate", "TITLE STARS", "rate a movie, half a star to five", Orders.rate),
    Order("/ratings", "", "show what you rated", Orders.ratings),
    Order("/taste", "", "show what your ratings lean to", Orders.taste),
    Order("/import", "FILE", "take over ratings from IMDb, Letterboxd, Trakt, MovieLens", Orders.import_ratings),
    Order("/why", "[TITLE]", "ask why a movie was recommended", Orders.why),
    Order("/retry", "", "have the last message answered again", Orders.retry),
    Order("/edit", "[TEXT]", "change the last message, and have it answered", Orders.edit_message),
    Order("/export", "FILE", "write the session into a file: .md, .json, .jsonl", Orders.export),
    Order("/model", "[NAME]", "show the models, or have another one answer", Orders.choose_model),
    Order("/signin", "[NAME]", "sign in, at a service with accounts", Orders.sign_in),
    Order("/signout", "", "end the sign-in", Orders.sign_out),
    Order("/help", "", "show this", Orders.help),
    Order("/quit", "", "leave", Orders.quit),
]
WITH_TITLES = ("/rate", "/why")
