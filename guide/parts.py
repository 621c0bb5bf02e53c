"""A message taken apart: clauses with their intent, the movies that they name or refer to, and their conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import takewhile

from rapidfuzz import fuzz

from guide.dialogue import Dialogue, Turn, frame_of, names_of
from guide.references import Pointed, focus, people, pointed, rated_before, situation_of, told_apart
from language.aggregates import together
from language.classifier import classifier
from language.conditions import NOTHING, Conditions, conditions
from language.frame import Frame, Ref
from language.intents import LISTS, Intent, intent
from language.masking import DOUBTFUL, SURE, Clause, clauses, masked, tidied
from language.phrases import plain, table, vocabulary
from language.ratings import rating_links
from language.series import members, series_links
from language.stances import Said, refs_of, stances
from language.standing import Told, each_once, told_in
from movies.linking import Linker
from movies.links import Candidate, Link
from movies.words import UNKNOWN_RANK, ranks

MOST_TURNS, MOST_REREAD = 16, 3
SOUGHT, ALIKE = 0.6, 70
FAINT = 0.002
"""Confidence below which a word is no title, whatever is said around it."""
VAGUE, USUAL, A_TITLE, MOST_TRIALS = 0.45, 0.5, 0.1, 8
LONG_TALK = 800
"""Characters from which a message is talk, not a question with a title of plain words."""
_PHRASE = re.compile(r"(?:^|[,.;:!?]\s+|\b(?:for|of|called|is|rating|average)\s+)([A-Z0-9][\w' ]{0,40})(?=[,.;:!?]|$)")
FIGURES = ("statistic", "compare", "fact.rating", "fact.count", "fact.histogram", "fact.lately", "fact.good")
COMMON, SHORTEST, SHORT_CLAUSE = 1_500, 5, 16
"""The rank up to which a word is no title that the catalogue lacks."""
ABOUT = ("fact", "predict", "compare", "statistic", "rate", "outside")
_SUBJECT = re.compile(r"\b(?:[Ii]s|was) ([A-Z0-9][\w']*(?: [A-Z][\w']*)*)(?= (?:any good|good|worth|rated|about|bad))")
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_CALLED = re.compile(r"\b(?:called|titled|named|(?:the|a) (?:film|movie)) $", re.IGNORECASE)
NEED_TITLES = ("fact", "rate", "predict", "compare", "like", "statistic", "outside")


@dataclass(frozen=True)
class Part:
    """A clause and all that was understood of it by itself.

    Attributes:
        before: Movies that the message named earlier.
        people: MovieLens users that it refers to: "the first one", "both".
        ratings: Movies and the stars that they are given.
        strange: A title, named last, that the catalogue does not have.
    """

    clause: Clause
    intent: Intent
    said: tuple[Said, ...] = ()
    pointed: Pointed | None = None
    wants: Conditions = NOTHING
    before: tuple[Ref, ...] = ()
    people: tuple[int, ...] = ()
    ratings: tuple[tuple[tuple[Ref, ...], float], ...] = ()
    strange: str = ""

    @property
    def users(self) -> tuple[int, ...]:
        """The MovieLens users named or referred to."""
        return tuple(dict.fromkeys([*(int(link.low or 0) for _, link in self.clause.links("user")), *self.people]))

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
        """The tastes and exclusions in it; a name without a stance, where tastes are told, is liked."""
        told = self.intent.label == "tell.opinion" and not self.clause.asks
        named = told and {said.stance for said in self.said} == {"named"}
        said = [replace(each, stance="liked") for each in self.said] if named else self.said
        return told_in(said, self.wants)

    @property
    def stars(self) -> float | None:
        """The stars named."""
        return next((link.low for _, link in self.clause.links("stars")), None)

    def to(self, label: str) -> Part:
        """The same with another intent."""
        return replace(self, intent=Intent(label))


@dataclass(frozen=True)
class Context:
    """The conversation before a message, and the catalogue's linker.

    Attributes:
        reader: Reads a message in a context.
        depth: How often a message was read again.
        me: The MovieLens user that the person says to be in this message.
        they: The MovieLens user that this message names first.
    """

    dialogue: Dialogue
    linker: Linker
    reader: Callable[[str, Context], list[Frame]]
    depth: int = 0
    me: tuple[int, ...] = ()
    they: tuple[int, ...] = ()

    @property
    def user(self) -> tuple[int, ...]:
        """The MovieLens user that the person is: "I am user 6"."""
        return self.me or self.told.users

    @cached_property
    def situation(self) -> frozenset[str]:
        """The state of the conversation."""
        asked = any(frame.act in ("rate", "seen", "unclear") and frame.movies for frame in self.before)
        someone = bool(self.they) or any(done.args.get("user_id") for done in self.dialogue.done)
        return situation_of(self.dialogue) | {name for name, so in (("rated", asked), ("someone", someone)) if so}

    @cached_property
    def names(self) -> dict[int, Ref]:
        """Movies by id: as the person named them, and as results did."""
        links = (link for turn in self.dialogue.turns for link in turn.links)
        return {each.movie_id: as_ref(each) for link in links for each in link.candidates} | names_of(self.dialogue)

    @cached_property
    def told(self) -> Told:
        """All that was told in the turns before, since the person last started over."""
        told = self.dialogue.turns[-1].told if self.dialogue.turns else Told()
        return told | Told(seen=rated_before(self.dialogue))

    @cached_property
    def spoken(self) -> tuple[Ref, ...]:
        """The movie that was spoken of last."""
        return focus(self.dialogue)

    @cached_property
    def certain(self) -> tuple[Ref, ...]:
        """The same, but for the first of a list of several, of which nobody spoke."""
        lists = self.dialogue.turns[-1].done if self.dialogue.turns else ()
        first = [done.movies[0].movie_id for done in lists if done.is_list and len(done.movies) > 1]
        turn = self.dialogue.turns[-1] if self.dialogue.turns else None
        named = turn and (turn.singles or turn.named or turn.pointed)
        return () if first and not named and [ref.movie_id for ref in self.spoken] == first[-1:] else self.spoken

    def siblings(self, ref: Ref) -> list[Ref]:
        """The movies of the same title, the oldest first."""
        same = [each for each in self.linker.find(ref.title) if _bare(each.title) == _bare(ref.title)]
        return sorted(map(as_ref, same), key=lambda each: each.year or 0)

    def parts(self, ref: Ref) -> list[Ref]:
        """The movies of the same series, the oldest first."""
        name = re.split(r"(?: \d|[:³²]| Part | and the )", ref.title)[0]
        return list(map(as_ref, members(name, self.linker)))

    def versions(self, ref: Ref) -> list[Ref]:
        """The movies of the same title, else those of the same series."""
        same = self.siblings(ref)
        return same if len(same) > 1 else self.parts(ref) or same

    @cached_property
    def before(self) -> list[Frame]:
        """The frames of the message before, read again."""
        turns = self.dialogue.turns
        if not turns or self.depth >= MOST_REREAD:
            return []
        earlier = Context(Dialogue(turns[:-1]), self.linker, self.reader, self.depth + 1)
        return self.reader(turns[-1].text, earlier)

    @cached_property
    def figures(self) -> list[Frame]:
        """The figures of the messages before, as far back as they go on from each other, each subject once."""
        last = [frame for frame in self.before if frame.act == "statistic"]
        if not last or self.depth + 1 >= MOST_REREAD:
            return last
        before = Context(Dialogue(self.dialogue.turns[:-1]), self.linker, self.reader, self.depth + 1).figures
        known = [(frame.filters, frame.users, frame.text) for frame in last]
        return [*(frame for frame in before if (frame.filters, frame.users, frame.text) not in known), *last]

    @cached_property
    def last_list(self) -> Frame | None:
        """The frame of the list that was shown last."""
        return frame_of(self.dialogue.last_list, self.names) if self.dialogue.last_list else None


def as_ref(candidate: Candidate) -> Ref:
    """A movie that a title could mean, as the one that is meant."""
    return Ref(movie_id=candidate.movie_id, title=candidate.title, year=candidate.year)


def heard(dialogue: Dialogue, linker: Linker) -> Dialogue:
    """A dialogue with all that the person named, pointed to and told in each turn, and the users it was about."""
    turns: list[Turn] = []
    for turn in dialogue.turns[-MOST_TURNS:]:
        text, before = _mended(turn.text, linker), Dialogue(tuple(turns))
        links = tuple(linker.link(text, typed=True))
        said = clauses(masked(text, links))
        owned = list(_owned(said))
        named = each_once(ref for ref, _ in owned)
        points = [pointed(clause, before, named) for clause in said]
        told = turns[-1].told if turns else Told()
        for clause, meant in zip(said, points, strict=True):
            told = _after(told, clause, meant)
        turns.append(
            replace(
                turn,
                links=links,
                named=named,
                theirs=each_once(ref for ref, mine in owned if not mine),
                pointed=each_once(each for meant in points for refs in meant.values() for each in refs),
                users=_users(said, turn),
                told=told,
            )
        )
    return replace(dialogue, turns=tuple(turns))


def _users(said: Iterable[Clause], turn: Turn) -> tuple[int, ...]:
    """The MovieLens users of a turn: the group that a call was for, else those named, else those of the calls."""
    named = [int(link.low or 0) for clause in said for _, link in clause.links("user")]
    group = [user for done in turn.done for user in done.users if "members" in done.args]
    return tuple(dict.fromkeys(group or named or [user for done in turn.done for user in done.users]))


def _mended(text: str, linker: Linker) -> str:
    """A text with its misspelt plain words mended, but for those of a misspelt title: "the grean mile"."""
    titles = (link.text for link in linker.link(text, typed=True) if _is_sure(link) and " " in link.text)
    return tidied(text, frozenset(word.lower() for title in titles for word in title.split()))


def _owned(said: Iterable[Clause]) -> Iterator[tuple[Ref, bool]]:
    """The movies named in a text, and False for somebody else's."""
    mine = True
    for token in (token for clause in said for token in clause.tokens):
        mine = token.word in table("owner", "mine") or (mine and token.word not in table("owner", "theirs"))
        if token.link and token.link.kind in ("movie", "series"):
            yield from ((ref, mine) for ref in refs_of(token.link))


def _after(told: Told, clause: Clause, points: Pointed) -> Told:
    """The tastes that hold after one more clause: a light reading, of tastes alone."""
    if clause.has("told", "reset"):
        told = Told()
    elif clause.has("told", "words"):
        wants = conditions(clause, topics=False)
        told = told.without(wants) | told_in(stances(clause, points), wants)
    users = tuple(int(link.low or 0) for _, link in clause.links("user"))[:1]
    return replace(told, users=users) if clause.has("told", "i_am_user") else told


def _bare(title: str) -> str:
    """A title without its article, to compare: "The Heat" and "Heat"."""
    return re.sub(r"^(?:the|a|an) ", "", plain(title).replace("&", "and"))


def parts_of(text: str, context: Context) -> list[Part]:
    """The parts of a message. Where one makes no sense without a title, doubtful ones count too."""
    text = _mended(text, context.linker)
    found = context.linker.link(text, context=context.dialogue.shown, least=FAINT, typed=True)
    found = [_as_title(link) or link if _CALLED.search(text[: link.start]) else link for link in found]
    found = [_as_title(link) or link if _is_rated(link, found, text) else link for link in found]
    near = series_links(text, [link for link in found if link.confidence >= DOUBTFUL], context.linker)
    links = rating_links(text, near, context.linker)
    links += [link for link in found if link.confidence < DOUBTFUL and not any(_meet(link, other) for other in links)]
    parts = _parts(text, links, context, SURE)
    doubtful = any(_lacks_title(part) or part.intent.odds < VAGUE for part in parts)
    if not doubtful or len(text) > LONG_TALK:
        return parts
    trials = [_parts(text, trial, context, FAINT) for trial in _bolder(text, links, context.linker)]
    trials = [trial for trial in trials if _makes_more_sense(trial, parts)]
    return min(trials, key=_senseless, default=parts)


def _is_rated(link: Link, links: Sequence[Link], text: str) -> bool:
    """True for a number that is a title and has stars of its own: "Seven 4"."""
    follows = (each for each in links if each.kind in ("number", "stars") and each.start > link.start)
    after = next(follows, None)
    return (
        link.kind == "number"
        and link.text[0].isupper()
        and after is not None
        and not text[link.end : after.start].strip(" :-")
    )


def _bolder(text: str, links: Sequence[Link], linker: Linker) -> Iterator[list[Link]]:
    """The links with doubtful titles among them: those that are likely, all, and each by itself."""
    sought = _sought(text, links, linker)
    links = [*(link for link in links if not any(_meet(link, title) for title in sought)), *sought]
    never = table("topic", "never_titles")
    open_ = [link for link in links if not _is_sure(link) and plain(link.text) not in never]
    open_ = [link for link in open_ if not (link.kind == "tag" and _is_topic(text, link))]
    titles = {link.start: title for link in open_ if (title := _as_title(link))}
    likely = [start for start, title in titles.items() if title.confidence >= DOUBTFUL]
    for starts in [likely, list(titles), *([start] for start in titles)][:MOST_TRIALS]:
        chosen = [titles[link.start] if link.start in starts else link for link in links]
        kept = (
            link for link in chosen if link.start in starts or link.kind not in ("movie", "series") or _is_sure(link)
        )
        yield [replace(link, confidence=max(link.confidence, FAINT)) for link in kept]


def _is_topic(text: str, link: Link) -> bool:
    """True for what a movie should be about: "nothing with aliens"."""
    return bool(set(text[: link.start].lower().split()[-1:]) & set(table("topic", "tag_follows")))


def _is_sure(link: Link) -> bool:
    return link.kind in ("movie", "series") and link.confidence >= SURE


def _as_title(link: Link) -> Link | None:
    """A title, or a number, a year, a tag or a genre that is a title as well."""
    if link.kind in ("movie", "series"):
        return link
    title = next((other for other in link.also if other.kind == "movie" and other.candidates), None)
    return replace(title, start=link.start, end=link.end, confidence=SURE) if title else None


def _makes_more_sense(trial: Sequence[Part], parts: Sequence[Part]) -> bool:
    """True where a title makes a part less odd or gives it its subject, and none odder."""
    pairs = [
        (new, old) for new, old in zip(trial, parts, strict=False) if (new.clause, new.said) != (old.clause, old.said)
    ]
    if len(trial) != len(parts) or any(_usual(new) < 0.9 * _usual(old) for new, old in pairs):
        return False
    served = any(_lacks_title(old) and not _lacks_title(new) for new, old in zip(trial, parts, strict=True))
    clearer = (_usual(new) >= max(USUAL, 2 * _usual(old)) for new, old in pairs if new.intent.act in ABOUT)
    return served or any(clearer)


def _senseless(parts: Sequence[Part]) -> tuple[int, float]:
    return sum(map(_lacks_title, parts)), -min(map(_usual, parts)) - sum(len(part.said) for part in parts) * A_TITLE


def _usual(part: Part) -> float:
    """The classifier's own odds of what is said, whatever a rule made of it."""
    return part.intent.odds if part.intent.odds < 1 else classifier().odds(part.clause.text)[0][1]


def _sought(text: str, links: Sequence[Link], linker: Linker) -> list[Link]:
    """Whole phrases that are the very title of a movie: "Big, the one with …", "average for ET?"."""
    found: list[Link] = []
    for phrase in (*_PHRASE.finditer(text), *_SUBJECT.finditer(text)):
        start, end = phrase.span(1)
        best = next(iter(linker.find(phrase[1], limit=1)), None)
        known = best and best.odds >= SOUGHT and fuzz.ratio(plain(phrase[1]), plain(_bare(best.title))) >= ALIKE
        if best and known and not any(_is_sure(link) and link.start < end and link.end > start for link in links):
            found.append(Link(start, end, phrase[1], "movie", DOUBTFUL, (best,), (best.movie_id,)))
    return found


def _meet(link: Link, other: Link) -> bool:
    return link.start < other.end and link.end > other.start


def _lacks_title(part: Part) -> bool:
    """True for what can only be about a movie, where none is named."""
    wants, clause, act = part.wants, part.clause, part.intent.act
    unknown = act == "rate" and any(token.said.istitle() and not token.link for token in clause.tokens[1:])
    if part.said or part.users or (part.before and not unknown):
        return False
    row = all(clause.has("aspect", name) for name in ("joined", "year", "rating"))
    about_others = bool(wants.genres or wants.tags or wants.years or wants.bounds) or clause.has("statistic", "whole")
    about_others = about_others or clause.has("statistic", "group")
    alike = act in LISTS and clause.has("stance", "before", "similar") and not clause.has("asks", "would_like")
    loved = part.intent.label == "small_talk.feelings" and clause.has("stance", "before", "liked")
    return (
        row
        or loved
        or alike
        or (act == "find" and clause.asks and clause.has("asks", "stock"))
        or (act in NEED_TITLES and (act in ("fact", "predict", "compare") or not about_others))
    )


def _parts(text: str, links: Sequence[Link], context: Context, sure: float) -> list[Part]:
    found: list[Part] = []
    named: list[Ref] = []
    situation, strange = context.situation, ""
    for clause in together(clauses(masked(text, links, sure))):
        users = people(clause, context.dialogue)
        apart = users or any(len(clause.links(*kinds)) > 1 for kinds in (("genre",), ("year", "years")))
        points = {} if apart else pointed(clause, context.dialogue, named, context.versions)
        said = tuple(_of_year(each, clause, context) for each in stances(clause, points))
        if numbered := _by_ordinal(said, clause, context):
            points |= {at: refs for at, refs in numbered.items() if clause.tokens[at].link is None}
            said = tuple(stances(clause, points | numbered))
        by_name = any(each.place not in points for each in said)
        strange = "" if by_name else _strange(clause) or strange
        known = {name for name, holds in (("spoken", named), ("named", strange)) if holds}
        meant = intent(clause, said, situation | known)
        meant = Intent("statistic") if clause.joined and meant.label not in FIGURES else meant
        if meant.label == "find.title" or meant.act in ("fact", "rate", "compare", "predict"):
            said, strange = _really(said, clause, context, strange)
            meant = Intent("fact.everything") if strange and not said and meant.label == "find.title" else meant
        wants = conditions(clause, topics=_has_topic(meant, clause))
        found.append(Part(clause, meant, said, points, wants, tuple(named), users, strange=strange))
        situation |= {"spoken"} if said else frozenset()
        situation |= {"someone"} if clause.links("user") else frozenset()
        situation |= _AFTER.get("list" if meant.act in LISTS else meant.act, frozenset())
        named += [ref for each in said for ref in each.refs]
        plainly = [ref for each in said if each.stance == "named" for ref in each.refs]
        situation |= {"grouped"} if len(plainly) > 1 else frozenset()
    return found


def _has_topic(meant: Intent, clause: Clause) -> bool:
    """True where words that are nothing else say what movies should be about."""
    return meant.act in LISTS or meant.label == "delta.narrow" or (meant.act == "delta" and clause.has("topic", "noun"))


def _strange(clause: Clause) -> str:
    """A title that the catalogue does not have: "delete Oppenheimer", "rate barbie 5", "is tenet any good"."""
    tokens, plain_words = clause.tokens, {*table("asides", "plain").split(), *vocabulary()}
    begins = {spot.end: UNKNOWN_RANK for spot in clause.spots("rating_lines", "asked")}
    begins |= {spot.end: COMMON for spot in clause.spots("rating_lines", "object")}
    begins |= {0: COMMON} if tokens[-1].link and not clause.has("refer", "it") and len(tokens) < SHORTEST else {}
    for begin, least in begins.items():
        words = list(takewhile(lambda token: not token.link and token.word.isalpha(), tokens[begin:]))
        named = list(takewhile(lambda token: token.word not in plain_words, words))
        capital = begin > 0 and any(token.said.istitle() for token in named)
        named = [token for token in named if token.said.istitle()] if capital else named
        if capital or any(ranks().get(token.word, UNKNOWN_RANK) >= least for token in named):
            return " ".join(token.said for token in named)
    return ""


_AFTER = {
    "list": frozenset({"begun", "listed"}),
    "statistic": frozenset({"begun", "figured"}),
    "fact": frozenset({"begun", "figured"}),
    "compare": frozenset({"begun", "figured", "told"}),
    "rate": frozenset({"begun", "rated"}),
    "tell": frozenset({"begun", "rated"}),
}
"""The state of the conversation once a part of a message was said: the next can go on from it."""


def _by_ordinal(said: Sequence[Said], clause: Clause, context: Context) -> Pointed:
    """Parts of the series of which the clause names a movie: "the second Matrix 4 and the third 2"."""
    ordinals, follow = table("ordinals"), table("refer", "after_ordinal")
    places = [at for at, token in enumerate(clause.tokens) if at and token.word in ordinals and not token.link]
    places = [at for at in places if clause.tokens[at - 1].word == "the"]
    name = said[0].place if len(said) == 1 and clause.tokens[said[0].place].link else 0
    parts = context.parts(said[0].refs[0]) if name and places and len(clause.tokens) <= SHORT_CLAUSE else []
    titles = [_bare(each.title) for each in parts]
    if (
        clause.has("fragment", "correcting")
        or len({*titles}) < 2
        or titles[0] != _bare(said[0].series or said[0].refs[0].title)
    ):
        return {}
    words = {at: clause.tokens[at + 1].word if at + 1 < len(clause.tokens) else "and" for at in places}
    ends = {name if at == name - 1 else at: ordinals[clause.tokens[at].word] for at in places}
    meant = {at: number for at, number in ends.items() if at == name or (words[at] in follow and number > 0)}
    return {at: (parts[number - (number > 0)],) for at, number in meant.items() if number <= len(parts)}


def _really(said: tuple[Said, ...], clause: Clause, context: Context, strange: str) -> tuple[tuple[Said, ...], str]:
    """The names without one whose year no movie of that title has: "Parasite from 2019" is no movie of 1982."""
    for each in said:
        link = clause.tokens[each.place].link
        after = [token for token in clause.tokens[each.place + 1 : each.place + 4] if token.word not in _BEFORE_YEAR]
        year = after[0].link.low if after and after[0].word == "YEAR" and after[0].link else None
        if (
            link
            and link.kind == "movie"
            and year
            and not any(abs((ref.year or 0) - year) < 2 for one in each.refs for ref in (one, *context.siblings(one)))
        ):
            return tuple(other for other in said if other is not each), f"{link.text} ({int(year)})"
    return said, strange


_BEFORE_YEAR = ("from", "(", ",", "of", "the")


def _of_year(said: Said, clause: Clause, context: Context) -> Said:
    """A name with what the clause says besides: "the heat, the 2013 one", "the original Psycho", "the Saw sequels"."""
    link = clause.tokens[said.place].link
    if link is None or len(said.refs) != 1:
        return said
    [own] = said.refs
    near = any(-3 <= spot.first - said.place <= 2 for spot in clause.spots("compare", "sequels"))
    if near and not clause.has("refer", "no_sequels"):
        sequels = context.parts(own)[1:]
        found = told_apart(clause, sequels, alone=True) or tuple(sequels)
        found = (own, *found) if clause.has("compare", "words") else found
    elif clause.links("year") or clause.has("refer", "earlier") or clause.has("refer", "later"):
        found = told_apart(clause, context.siblings(own))
        if str(own.year) in link.text:
            found = each_once([own, *found]) if clause.has("compare", "words") else (own,)
    else:
        return said
    return replace(said, refs=found) if found else said
