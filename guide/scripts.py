"""Scripts: the calls that an intent needs, one by one, and what is said. Here those of a movie, two, or a person."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import dataclass, replace

from guide import wording
from guide.memory import Args, Done, Intent, Memory
from guide.wishes import Wish
from movies.models import MovieDetail, MovieList
from tools.results import Comparison, MovieResult, MovieStats, Prediction, Rated, RatingList, TasteProfile

DEFAULT_LIMIT = 3


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a script wants made."""

    name: str
    args: Args


Script = Generator[Call, Done, str]


@dataclass(frozen=True, slots=True)
class Scene:
    """The intent that a script works from, and what was said before."""

    intent: Intent
    memory: Memory

    @property
    def wish(self) -> Wish:
        """The intent's demands on a list."""
        return self.intent.wish

    @property
    def user_id(self) -> int | None:
        """The MovieLens user that was named, or that the person said they are."""
        return self.wish.users[0] if self.wish.users else self.memory.persona

    def wishing(self, wish: Wish) -> Scene:
        """The same scene with other demands."""
        return replace(self, intent=replace(self.intent, wish=wish))

    def say(self, kind: str, topic: str = "") -> str:
        """A fixed text."""
        if kind == "nothing_shown" and self.memory.trimmed:
            kind = "out_of_sight"
        return wording.say(kind, self.memory.seed, topic)

    @property
    def told(self) -> list[int]:
        """Movies of which it was said before how a title was understood."""
        return [found.movie.movie_id for done in self.memory.done for found in done.resolved]

    def read_as(self, done: Done) -> str:
        """A remark on how titles were understood, where that was not told before."""
        return wording.remarks(done.resolved, known=self.told)

    def news(self, notes: list[str]) -> list[str]:
        """The notes that were not said before."""
        said = {note for done in self.memory.done for note in getattr(done.result, "notes", [])}
        return [note for note in notes if note not in said]

    def way_on(self, listed: int) -> str:
        """Examples of what one can say next, told with the first two lists only."""
        lists = sum(isinstance(done.result, MovieList) for done in self.memory.done)
        if listed == 1:
            return wording.WAY_ON_FROM_ONE if not lists else ""
        return wording.WAYS_ON[lists] if lists < len(wording.WAYS_ON) else ""


def says(text: str) -> Script:
    """A script that calls nothing."""
    return text
    yield  # what makes this a generator


def repeat(scene: Scene) -> Script:
    """Say the last answer again."""
    return says((scene.memory.turns and scene.memory.turns[-1].answer) or scene.say("nothing_shown"))


def say_text(scene: Scene) -> Script:
    """A fixed text; for some kinds another as long as nothing was looked up."""
    kind = scene.intent.kind
    if not scene.memory.done and f"{kind}_early" in wording.TEXTS:
        kind = f"{kind}_early"
    return says(scene.say(kind if kind in wording.TEXTS else "unknown", scene.intent.topic))


def problem(scene: Scene, done: Done) -> str:
    """An error in the person's terms: tools write them in plain words, except that they failed."""
    if done.error.startswith(FAILED):
        return "Something went wrong while I looked that up. Please try again in a moment."
    return wording.paragraphs([wording.clean_note(done.error), suggest(scene)])


FAILED = "The tool failed"


def suggest(scene: Scene) -> str:
    """A sentence with requests to try."""
    return f"You could try {wording.EXAMPLES[scene.memory.seed % len(wording.EXAMPLES)]}."


def details(scene: Scene) -> Script:
    """All about one movie, or two."""
    parts: list[str] = []
    for ref in scene.intent.refs[:2]:
        done = yield Call("get_movie", {"movie": ref})
        if not isinstance(done.result, MovieResult):
            return problem(scene, done)
        told = _ASKED.get(scene.intent.topic, wording.details)(done.result.movie)
        parts += [told, scene.read_as(done)]
    if scene.intent.topic == "choice":
        parts.append("Enjoy it! Tell me afterwards how many stars you'd give it.")
    return wording.paragraphs(parts)


def _year(movie: MovieDetail) -> str:
    title = wording.clean(movie.title)
    return f"{title} is from {movie.year}." if movie.year else f"My data has no year for {title}."


def _genre(movie: MovieDetail) -> str:
    name, genres = wording.named(movie), wording.genres_of(movie)
    return f"{name} is filed under {genres}." if genres else f"My data has no genre for {name}."


def _tags(movie: MovieDetail) -> str:
    name, tags = wording.named(movie), wording.joined(wording.tags_of(movie, 10))
    return f"People tag {name} {tags}." if tags else f"Nobody has tagged {name} in my data."


def _links(movie: MovieDetail) -> str:
    return wording.named(movie) + (wording.links(movie) or ": my data has no links for it.")


_ASKED: dict[str, Callable[[MovieDetail], str]] = {"year": _year, "genre": _genre, "tags": _tags, "links": _links}


def rated(scene: Scene) -> Script:
    """The verdict on a movie: as in "is it any good?"."""
    done = yield Call("get_movie", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieResult):
        return problem(scene, done)
    movie = done.result.movie
    said = f"{wording.named(movie)} is {wording.rating_words(movie)}. {wording.spread(movie.histogram)}".strip()
    return wording.paragraphs([said, scene.read_as(done)])


def lately(scene: Scene) -> Script:
    """The ratings of a movie over time, and their trend."""
    done = yield Call("rating_stats", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieStats):
        return problem(scene, done)
    return wording.paragraphs([wording.statistics(done.result), scene.read_as(done)])


def fact(scene: Scene) -> Script:
    """A fact that the data does not hold: say so, and tell what it does hold."""
    lack = f"My data has no {scene.intent.topic}"
    if not scene.intent.refs:
        if scene.intent.topic != "running times":
            return f"{lack}. It holds titles, years, genres, tags and ratings."
        return f"{lack}, so I can't sort films by length. I can go by genre, years, mood, and how well they are liked."
    done = yield Call("get_movie", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieResult):
        return problem(scene, done)
    movie, last = done.result.movie, scene.memory.last and scene.memory.last.result
    links = wording.links(movie) if "names" not in lack else ""
    if isinstance(last, MovieResult) and last.movie.movie_id == movie.movie_id:
        return f"{lack}, so I can't say." + (f" These may say:{links}" if links else "")
    more = " The links may tell you more." if links else ""
    told = f"{lack}, so I can't say.{more} What I do know: {wording.details(movie)}"
    return wording.paragraphs([told, scene.read_as(done)])


def trait(scene: Scene) -> Script:
    """As in "Is it scary?": what genres and tags say."""
    done = yield Call("get_movie", {"movie": scene.intent.refs[0]})
    if not isinstance(done.result, MovieResult):
        return problem(scene, done)
    movie, wanted = done.result.movie, scene.wish.genres or (scene.wish.mood.genres if scene.wish.mood else ())
    tags = wording.tags_of(movie, 20)
    labels = scene.wish.mood.tags if scene.wish.mood else ()
    hit = any(genre in movie.genres for genre in wanted) if not labels else any(tag in labels for tag in tags)
    if not wanted and not labels:
        return _tagged_so(scene, movie)
    told = f"it is filed under {wording.genres_of(movie)}" + (f" and tagged {wording.joined(tags[:5])}" if tags else "")
    return f"{'It seems so' if hit else 'Not as far as my data tells'}: {wording.named(movie)} \u2013 {told}. {wording.remarks(done.result.resolved)}".strip()


def _tagged_so(scene: Scene, movie: MovieDetail) -> str:
    """As in "is it violent?": a word that is no genre and no mood may still be a tag."""
    word, tags = scene.intent.topic.lower(), wording.tags_of(movie, 20)
    hit = next((tag for tag in tags if word in tag.lower().split()), None)
    if hit:
        return f"People do tag {wording.named(movie)} \u201c{hit}\u201d."
    known = f" What they do tag it: {wording.joined(tags[:5])}." if tags else ""
    return f"I can't tell: nobody tags {wording.named(movie)} \u201c{wording.clean(word)}\u201d, and all else I have is its genres, {wording.genres_of(movie)}.{known}"


def compare(scene: Scene) -> Script:
    """Movies side by side."""
    done = yield Call("compare_movies", {"movies": list(scene.intent.refs[:4])})
    if not isinstance(done.result, Comparison):
        return problem(scene, done)
    return wording.paragraphs([wording.comparison(done.result), scene.read_as(done)])


def rate(scene: Scene) -> Script:
    """Store stars for what was named: one movie, or each of "them"."""
    if not scene.intent.refs:
        return scene.say("which")
    if scene.intent.stars is None:
        return f"{scene.intent.given} doesn't fit: stars go from half a star to five. Try \u201crate it 4\u201d or \u201c8/10\u201d."
    parts: list[str] = []
    for ref in scene.intent.refs[:MOST_RATED]:
        done = yield Call("rate_movie", {"movie": ref, "stars": scene.intent.stars})
        if not isinstance(done.result, Rated):
            return wording.paragraphs([*parts, problem(scene, done)])
        parts += [wording.rated(done.result, scene.intent.given), scene.read_as(done)]
    return wording.paragraphs(parts)


MOST_RATED = 5


def ratings(scene: Scene) -> Script:
    """The ratings that somebody gave."""
    order = scene.intent.topic
    args: Args = {"order": order, "limit": scene.wish.limit or (10 if order == "newest" else 5)}
    done = yield Call("get_user_ratings", _of_user(scene, args))
    return wording.ratings(done.result, order) if isinstance(done.result, RatingList) else problem(scene, done)


def _of_user(scene: Scene, args: Args) -> Args:
    return args if scene.user_id is None else {"user_id": scene.user_id, **args}


def taste(scene: Scene) -> Script:
    """The kinds of movies that somebody likes."""
    done = yield Call("taste_profile", _of_user(scene, {}))
    if not isinstance(done.result, TasteProfile):
        return problem(scene, done)
    return wording.paragraphs([wording.taste(done.result), wording.remarks((), scene.news(done.result.notes))])


def predict(scene: Scene) -> Script:
    """The stars that somebody would give a movie."""
    done = yield Call("predict_rating", _of_user(scene, {"movie": scene.intent.refs[0]}))
    if not isinstance(done.result, Prediction):
        return problem(scene, done)
    return f"{wording.prediction(done.result)} {wording.remarks((), scene.news(done.result.notes))}".strip()
