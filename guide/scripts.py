"""The frame for scripts: generators that yield the calls they need, are sent what came of them, and return the words.

A script is played from its start at each request, with the results that are already there.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from dataclasses import dataclass

from pydantic import JsonValue

from guide.dialogue import Args, Dialogue, Done
from guide.wording import counted, joined, named, paragraphs, sentence, texts, tidy
from language.frame import Act, Frame, Ref
from movies.models import CatalogueInfo, MovieName
from tools.results import MovieResult


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a script wants made."""

    name: str
    args: Args


Calls = tuple[Call, ...]
Dones = tuple[Done, ...]
Script = Generator[Calls, Dones, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """The frame that a script works from, what was said before, the acts of the message's other frames, and the data.

    `frames` are all those of the message. `info` is None where the guide runs without a catalogue.
    """

    frame: Frame
    dialogue: Dialogue
    beside: tuple[Act, ...] = ()
    info: CatalogueInfo | None = None
    frames: tuple[Frame, ...] = ()

    @property
    def plural(self) -> str:
        """The catalogue's word for its items."""
        return self.info.plural if self.info else "movies"

    def counted(self, count: int) -> str:
        """So many of the catalogue's items."""
        return counted(count, self.info.noun if self.info else "movie", self.plural)

    @property
    def whose(self) -> Args:
        """The argument that names the MovieLens user whom the frame is about; empty for the person."""
        return {"user_id": self.frame.users[0]} if self.frame.users else {}

    @property
    def filters(self) -> Args:
        """The frame's conditions as arguments."""
        filters: Args = self.frame.filters.model_dump(mode="json", exclude_defaults=True)
        return filters

    def say(self, kind: str, **words: str) -> str:
        """A fixed text, another each turn, filled in."""
        variants = texts().say[kind]
        text = variants[self.dialogue.seed % len(variants)]
        examples = {"examples": self.examples} if "{examples}" in text else {}
        noun = self.info.noun if self.info else "movie"
        return tidy(text.format_map({"noun": noun, "plural": self.plural, **examples, **words}))

    @property
    def examples(self) -> str:
        """Requests to try: the catalogue's own where it brings some."""
        own = self.info.examples[:3] if self.info else []
        return joined((f"\u201c{example}\u201d" for example in own), "or") or self.say("examples")


def ask(name: str, args: Args) -> Generator[Calls, Dones, Done]:
    """Make one call; arguments that are None or empty are left out."""
    [done] = yield (Call(name, given(args)),)
    return done


def ask_each(name: str, refs: Iterable[JsonValue], args: Args | None = None) -> Generator[Calls, Dones, Dones]:
    """Make a call for each of some movies, all at once."""
    calls = tuple(Call(name, given({"movie": ref, **(args or {})})) for ref in refs)
    return (yield calls) if calls else ()


def given(args: Args) -> Args:
    """The arguments that say something."""
    return {name: value for name, value in args.items() if value is not None and value not in ([], "", False)}


def details_of(refs: Iterable[JsonValue]) -> Generator[Calls, Dones, list[MovieResult]]:
    """All that is known of each of some movies."""
    dones = yield from ask_each("get_movie", refs)
    return [done.result for done in dones if isinstance(done.result, MovieResult)]


def ids(*refs: Ref) -> list[JsonValue]:
    """The movies' ids, each once."""
    return list(dict.fromkeys(ref.movie_id for ref in refs))


def called(refs: Iterable[Ref]) -> list[str]:
    """The movies by title and year."""
    return [named(MovieName(movie_id=ref.movie_id, title=ref.title, year=ref.year)) for ref in refs]


def problem(scene: Scene, done: Done) -> str:
    """An error in the person's terms: tools write them in plain words, except that they failed."""
    if done.error.startswith("user_id: "):
        return scene.say("no_user")
    if done.error.startswith("The tool failed") or "The arguments are: " in done.error:
        return scene.say("failed")
    return paragraphs([sentence(done.error), scene.say("try")])
