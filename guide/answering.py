"""The script of a frame: that of its act, with what every answer must say besides."""

from __future__ import annotations

from collections.abc import Callable

from guide import facts, lists, makers, person, talk
from guide.scripts import Scene, Script
from guide.wording import paragraphs
from language.frame import Act

_SCRIPTS: dict[Act, Callable[[Scene], Script]] = {
    "recommend": lists.listing,
    "like": lists.listing,
    "find": lists.listing,
    "fact": facts.fact,
    "statistic": facts.statistic,
    "compare": facts.compare,
    "rate": person.rate,
    "opinion": lists.opinion,
    "seen": lists.seen,
    "ratings": person.ratings,
    "taste": person.taste,
    "predict": person.predict,
    "why": person.why,
    "recall": talk.recall,
    "choose": talk.choose,
    "small_talk": talk.small_talk,
    "outside": talk.outside,
    "unclear": talk.unclear,
}


def script(scene: Scene) -> Script:
    """The frame's own script; before it what could not be applied, after it how an ambiguous title was taken."""
    scene, lacking = makers.with_facts(scene)
    remark = yield from facts.alternatives(scene)
    said = yield from _SCRIPTS[scene.frame.act](scene)
    return paragraphs([lacking, talk.unmet(scene), said, remark])
