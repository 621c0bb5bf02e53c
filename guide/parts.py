"""A message taken apart: clauses with their intent, the movies that they name or refer to, and their conditions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from guide.conditions import Conditions, conditions
from guide.dialogue import Dialogue
from guide.frame import Frame, Ref
from guide.intents import LISTS, Intent, Situation, intent
from guide.masking import DOUBTFUL, SURE, Clause, clauses, masked, tidied
from guide.rating_lines import rating_links
from guide.references import Pointed, last_list_frame, names_of, pointed, rated_before
from guide.stances import Said, stances
from guide.standing import Told, each_once, told_in
from movies.linking import Linker
from movies.links import Link

MOST_TURNS = 16
NEED_TITLES = ("fact", "rate", "predict", "compare", "like", "statistic", "outside")


@dataclass(frozen=True)
class Part:
    """A clause and all that was understood of it by itself."""

    clause: Clause
    intent: Intent
    said: tuple[Said, ...] = ()
    pointed: Pointed | None = None
    wants: Conditions = Conditions()

    @property
    def users(self) -> tuple[int, ...]:
        """The MovieLens users named."""
        return tuple(dict.fromkeys(int(link.low or 0) for _, link in self.clause.links("user")))

    @property
    def refs(self) -> tuple[Ref, ...]:
        """All the movies named or referred to."""
        return each_once(ref for said in self.said for ref in said.refs)

    @property
    def series(self) -> str:
        """The series that is asked for as a whole."""
        return next((said.series for said in self.said if said.series and said.stance not in ("excluded", "seen")), "")

    @property
    def told(self) -> Told:
        """The tastes and exclusions in it."""
        return told_in(self.said, self.wants)

    @property
    def stars(self) -> float | None:
        """The stars named."""
        return next((link.low for _, link in self.clause.links("stars")), None)

    def to(self, label: str) -> Part:
        """The same with another intent."""
        return replace(self, intent=Intent(label))


@dataclass(frozen=True)
class Context:
    """The conversation before a message, and the catalogue's linker. `depth`: how often a message was read again."""

    dialogue: Dialogue
    linker: Linker
    depth: int = 0

    @cached_property
    def situation(self) -> Situation:
        """The state of the conversation."""
        return Situation.of(self.dialogue)

    @cached_property
    def names(self) -> dict[int, Ref]:
        """Movies by id: as the person named them, and as results did."""
        found: dict[int, Ref] = {}
        for turn in self.dialogue.turns[-MOST_TURNS:]:
            for link in self.linker.link(turn.text):
                found |= {each.movie_id: Ref(movie_id=each.movie_id, title=each.title, year=each.year) for each in link.candidates}
        return found | names_of(self.dialogue)

    @cached_property
    def told(self) -> Told:
        """All that was told in the turns before, since the person last started over."""
        told = Told()
        for number in range(max(len(self.dialogue.turns) - MOST_TURNS, 0), len(self.dialogue.turns)):
            told = _after(told, Dialogue(self.dialogue.turns[:number]), self.dialogue.turns[number].text, self.linker)
        return told | Told(seen=rated_before(self.dialogue))

    def siblings(self, ref: Ref) -> list[Ref]:
        """The movies of the same title, the oldest first."""
        same = [each for each in self.linker.find(ref.title) if each.title.lower() == ref.title.lower()]
        found = [Ref(movie_id=each.movie_id, title=each.title, year=each.year) for each in same]
        return sorted(found, key=lambda each: each.year or 0)

    @cached_property
    def last_list(self) -> Frame | None:
        """The frame of the list that was shown last."""
        return last_list_frame(self.dialogue, self.names)


def parts_of(text: str, context: Context) -> tuple[list[Part], str]:
    """The parts of a message, and its language. Where one lacks the title that it is about, doubtful ones count too."""
    text = tidied(text)
    links = context.linker.link(text, context=context.dialogue.shown, least=DOUBTFUL)
    links = rating_links(text, links, context.linker)
    parts, language = _parts(text, links, context, SURE)
    if any(_lacks_title(part) for part in parts) and any(DOUBTFUL <= link.confidence < SURE for link in links):
        again, _ = _parts(text, links, context, DOUBTFUL)
        if sum(map(_lacks_title, again)) < sum(map(_lacks_title, parts)):
            return again, language
    return parts, language


def _lacks_title(part: Part) -> bool:
    return part.intent.act in NEED_TITLES and not part.said and not part.users and part.wants.empty


def _parts(text: str, links: Sequence[Link], context: Context, sure: float) -> tuple[list[Part], str]:
    tokens, language = masked(text, links, sure)
    found: list[Part] = []
    named: list[Ref] = []
    for clause in clauses(tokens):
        points = pointed(clause, context.dialogue, named, context.siblings)
        said = tuple(_of_year(each, clause) for each in stances(clause, points))
        meant = intent(clause, said, context.situation)
        wants = conditions(clause, topics=meant.act in LISTS or meant.label == "delta.narrow")
        found.append(Part(clause, meant, said, points, wants))
        named += [ref for each in said if each.place not in points for ref in each.refs]
    return found, language


def _of_year(said: Said, clause: Clause) -> Said:
    """A name with the year that the clause says besides: "the heat, the 2013 one"."""
    link = clause.tokens[said.place].link
    years = [int(year.low or 0) for _, year in clause.links("year")]
    if link is None or len(said.refs) != 1 or said.refs[0].year in years:
        return said
    other = next((each for each in link.candidates if each.year in years), None)
    if other is None:
        return said
    return replace(said, refs=(Ref(movie_id=other.movie_id, title=other.title, year=other.year),))


def _after(told: Told, before: Dialogue, text: str, linker: Linker) -> Told:
    """What holds after one more message: a light reading, of tastes alone."""
    for clause in clauses(masked(text, linker.link(text))[0]):
        if clause.has("told", "reset"):
            told = Told()
        elif clause.has("told", "words"):
            said = stances(clause, pointed(clause, before))
            wants = conditions(clause, topics=False)
            told = told.without(wants) | told_in(said, wants)
        if clause.has("told", "i_am_user"):
            told = replace(told, users=tuple(int(link.low or 0) for _, link in clause.links("user"))[:1])
    return told
