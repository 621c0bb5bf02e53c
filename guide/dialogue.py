"""Which script plays for which intent.

A script is a generator: it yields calls, is sent what came of each, and returns what to say. Nothing is kept between
requests: offline.py plays a script again from its start with the results that the messages already hold.
"""

from __future__ import annotations

from collections.abc import Callable

from guide import follow_ups as offline_follow_ups
from guide import list_scripts as lists
from guide import movie_scripts as movies
from guide import small_talk as offline_small_talk
from guide import wording as offline_wording
from guide.intents import Intent
from guide.recall import Memory
from guide.scene import Scene, Script, say_text, says
from guide.vocabulary import GENRE_PLURALS


def script(intent: Intent, memory: Memory) -> Script:
    """The script for an intent; kinds without one of their own are fixed texts."""
    return SCRIPTS.get(intent.kind, say_text)(Scene(intent, memory))


def _help(_: Scene) -> Script:
    return says(offline_small_talk.HELP)


def _who(_: Scene) -> Script:
    return says(
        offline_wording.paragraphs([offline_small_talk.WHO, offline_small_talk.HELP, offline_small_talk.WHO_SHORT])
    )


def _genres(scene: Scene) -> Script:
    return says(
        offline_small_talk.say("genres", scene.memory.seed, genres=offline_wording.joined(GENRE_PLURALS.values()))
    )


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
    "more": offline_follow_ups.more,
    "refine": offline_follow_ups.refine,
    "seen": offline_follow_ups.seen,
    "why": offline_follow_ups.why,
    "meant": offline_follow_ups.meant,
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
