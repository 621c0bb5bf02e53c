"""Which script plays for which intent.

A script is a generator: it yields calls, is sent what came of each, and returns what to say. Nothing is kept between
requests: offline.py plays a script again from its start with the results that the messages already hold.
"""

from __future__ import annotations

from collections.abc import Callable

from guide import follow_ups, small_talk, wording
from guide import list_scripts as lists
from guide import movie_scripts as movies
from guide.intents import Intent
from guide.recall import Memory
from guide.scene import Scene, Script, say_text, says
from guide.vocabulary import GENRE_PLURALS


def script(intent: Intent, memory: Memory) -> Script:
    """The script for an intent; kinds without one of their own are fixed texts."""
    return SCRIPTS.get(intent.kind, say_text)(Scene(intent, memory))


def _help(_: Scene) -> Script:
    return says(small_talk.HELP)


def _who(_: Scene) -> Script:
    return says(wording.paragraphs([small_talk.WHO, small_talk.HELP, small_talk.WHO_SHORT]))


def _genres(scene: Scene) -> Script:
    return says(small_talk.say("genres", scene.memory.seed, genres=wording.joined(GENRE_PLURALS.values())))


def _repeat(scene: Scene) -> Script:
    last = scene.memory.turns[-1].answer if scene.memory.turns else ""
    return says(last or scene.say("nothing_shown"))


SCRIPTS: dict[str, Callable[[Scene], Script]] = {
    "help": _help,
    "who": _who,
    "genres": _genres,
    "repeat": _repeat,
    "recommend": lists.recommend,
    "unsure": lists.unsure,
    "none": lists.none_of_them,
    "likes": lists.likes,
    "similar": lists.similar,
    "popular": lists.popular,
    "group": lists.group,
    "more": follow_ups.more,
    "refine": follow_ups.refine,
    "seen": follow_ups.seen,
    "why": follow_ups.why,
    "meant": follow_ups.meant,
    "details": movies.details,
    "rated": movies.rated,
    "lately": movies.lately,
    "fact": movies.fact,
    "trait": movies.trait,
    "compare": movies.compare,
    "lookup": movies.lookup,
    "rate": movies.rate,
    "ratings": movies.ratings,
    "taste": movies.taste,
    "predict": movies.predict,
}
