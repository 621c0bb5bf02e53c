"""A message taken apart: clauses with their intent, the movies that they name or refer to, and their conditions."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise, takewhile

from rapidfuzz import fuzz

from guide.calls import frame_of, names_of
from guide.dialogue import Dialogue, Turn
from guide.references import Pointed, people, pointed, rated_before
from guide.salience import focus, situation_of
from language.aggregates import together
from language.classifier import classifier
from language.conditions import NOTHING, Conditions, conditions
from language.frame import Frame, Ref
from language.intents import LISTS, SHORT, Intent, intent
from language.masking import DOUBTFUL, SURE, Clause, clauses, masked, tidied
from language.phrases import plain, table, vocabulary
from language.ratings import rating_links
from language.series import members, series_links
from language.stances import Said, Stance, refs_of, stances
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
COMMON, SHORTEST = 1_500, 5
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


def unknown_title(part: Part) -> str:
    """A title that the catalogue does not have: words with a capital that mean nothing else."""
    plain = set(table("asides", "plain").split())
    words = [token for token in part.clause.tokens[1:] if not token.link and token.word not in plain]
    return " ".join(token.said for token in words if token.said.istitle() and len(token.said) > 2)


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
        links = [link for turn in self.dialogue.turns[-MOST_TURNS:] for link in self.linker.link(turn.text, typed=True)]
        return {each.movie_id: as_ref(each) for link in links for each in link.candidates} | names_of(self.dialogue)

    @cached_property
    def told(self) -> Told:
        """All that was told in the turns before, since the person last started over."""
        told = Told()
        for number in range(max(len(self.dialogue.turns) - MOST_TURNS, 0), len(self.dialogue.turns)):
            told = _after(told, Dialogue(self.dialogue.turns[:number]), self.dialogue.turns[number].text, self.linker)
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

    def reread(self, text: str) -> list[Frame]:
        """The frames of another text, as if it had been said now."""
        return self.reader(text, replace(self, depth=self.depth + 1))

    @cached_property
    def last_list(self) -> Frame | None:
        """The frame of the list that was shown last."""
        return frame_of(self.dialogue.last_list, self.names) if self.dialogue.last_list else None


def as_ref(candidate: Candidate) -> Ref:
    """A movie that a title could mean, as the one that is meant."""
    return Ref(movie_id=candidate.movie_id, title=candidate.title, year=candidate.year)


def with_named(dialogue: Dialogue, linker: Linker) -> Dialogue:
    """A dialogue with the movies that the person named or pointed to in each turn, and the users."""
    turns: list[Turn] = []
    for turn in dialogue.turns:
        text, before = tidied(turn.text), Dialogue(tuple(turns))
        said = clauses(masked(text, linker.link(text, typed=True)))
        owned = list(_owned(said))
        named = each_once(ref for ref, _ in owned)
        meant = (each for clause in said for refs in pointed(clause, before, named).values() for each in refs)
        linked = [int(link.low or 0) for clause in said for _, link in clause.links("user")]
        members = (done.args.get("members") for done in turn.done)
        group = [
            each.get("user_id") for some in members if isinstance(some, list) for each in some if isinstance(each, dict)
        ]
        linked = [user for user in group if isinstance(user, int)] or linked
        users = linked or [user for done in turn.done if isinstance(user := done.args.get("user_id"), int)]
        turns.append(
            replace(
                turn,
                named=named,
                theirs=each_once(ref for ref, mine in owned if not mine),
                pointed=each_once(meant),
                users=tuple(dict.fromkeys(users)),
            )
        )
    return replace(dialogue, turns=tuple(turns))


def _owned(said: Iterable[Clause]) -> Iterator[tuple[Ref, bool]]:
    """The movies named in a text, and False for somebody else's."""
    mine = True
    for token in (token for clause in said for token in clause.tokens):
        mine = token.word in table("owner", "mine") or (mine and token.word not in table("owner", "theirs"))
        if token.link and token.link.kind in ("movie", "series"):
            yield from ((ref, mine) for ref in refs_of(token.link))


def _bare(title: str) -> str:
    """A title without its article, to compare: "The Heat" and "Heat"."""
    return re.sub(r"^(?:the|a|an) ", "", title.lower())


def parts_of(text: str, context: Context) -> list[Part]:
    """The parts of a message. Where one makes no sense without a title, doubtful ones count too."""
    text = tidied(text)
    found = context.linker.link(text, context=context.dialogue.shown, least=FAINT, typed=True)
    found = [_as_title(link) or link if _CALLED.search(text[: link.start]) else link for link in found]
    near = series_links(text, [link for link in found if link.confidence >= DOUBTFUL], context.linker)
    row = _in_row(text, near, context.linker)
    near = [*(link for link in near if not any(_meet(link, title) for title in row)), *row]
    links = rating_links(text, near, context.linker)
    links += [link for link in found if link.confidence < DOUBTFUL and not any(_meet(link, other) for other in links)]
    parts = _parts(text, links, context, SURE)
    doubtful = any(_lacks_title(part) or part.intent.odds < VAGUE for part in parts)
    if not doubtful or len(text) > LONG_TALK:
        return parts
    trials = [_parts(text, trial, context, FAINT) for trial in _bolder(text, links, context.linker)]
    trials = [trial for trial in trials if _makes_more_sense(trial, parts)]
    return min(trials, key=_senseless, default=parts)


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


def _in_row(text: str, links: Sequence[Link], linker: Linker) -> list[Link]:
    """Plain words that begin a row of sure titles: "we know Up, WALL-E and Cars"."""
    ends = [link.start for link in links if _is_sure(link)]
    sought = _sought(text, links, linker) if len(ends) > 1 else []
    found = [link for link in sought if plain(link.text) == plain(link.candidates[0].title)]
    return [replace(link, confidence=SURE) for link in found if any(text[link.end : end] == ", " for end in ends)]


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
        apart = users or len(clause.links("genre", "year", "years")) > 1
        points = {} if apart else pointed(clause, context.dialogue, named, context.versions)
        said = tuple(_of_year(each, clause, context) for each in stances(clause, points))
        said = tuple(_subtitled(each, clause, named or context.spoken, context) for each in said)
        said += _against_twin(said, clause, context)
        by_name = any(each.place not in points for each in said)
        strange = "" if by_name else _strange(clause) or strange
        known = {name for name, holds in (("spoken", named), ("named", strange)) if holds}
        meant = intent(clause, said, situation | known)
        said, meant = _going_on(said, meant, clause, found)
        meant = Intent("statistic") if clause.joined and meant.label not in FIGURES else meant
        wants = conditions(clause, topics=_has_topic(meant, clause))
        found.append(Part(clause, meant, said, points, wants, tuple(named), users, strange=strange))
        situation |= {"spoken"} if said else frozenset()
        situation |= {"someone"} if clause.links("user") else frozenset()
        situation |= _AFTER.get("list" if meant.act in LISTS else meant.act, frozenset())
        named += [ref for each in said for ref in each.refs]
    return found


def _has_topic(meant: Intent, clause: Clause) -> bool:
    """True where words that are nothing else say what movies should be about."""
    return meant.act in LISTS or meant.label == "delta.narrow" or (meant.act == "delta" and clause.has("topic", "noun"))


def _going_on(
    said: tuple[Said, ...], meant: Intent, clause: Clause, before: Sequence[Part]
) -> tuple[tuple[Said, ...], Intent]:
    """Names alone behind a telling tell the same of more movies: "I've seen Heat. And Ronin"."""
    last = before[-1] if before else None
    names = {each.stance for each in said} == {"named"} and not clause.asks and len(clause.tokens) <= SHORT
    if last and names and len(clause.tokens) == 1 and last.intent.label == "fact.everything":
        return said, last.intent  # a row of titles
    if (
        last is None
        or last.intent.act != "tell"
        or not names
        or clause.tokens[0].word not in table("fragment", "opens")
    ):
        return said, meant
    stance: Stance = next((each.stance for each in last.said if each.stance != "named"), "named")
    return tuple(replace(each, stance=stance) for each in said), last.intent


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


def strange_in_row(part: Part) -> list[str]:
    """Words that stand beside the numbers of a row and are no title: "heat 4, barbie 3"."""
    tokens, places = part.clause.tokens, {said.place for said in part.said}
    numbers = [place for place, _ in part.clause.links("stars", "number")]
    around = {",", "and", *table("rating_lines", "before"), *table("rating_lines", "between")}
    rows = [range(begin + 1, end) for begin, end in pairwise([-1, *numbers]) if places.isdisjoint(range(begin, end))]
    told = [[tokens[at] for at in row if tokens[at].word not in around] for row in rows]
    strange = [words for words in told if all(ranks().get(each.word, UNKNOWN_RANK) > COMMON for each in words)]
    return [" ".join(token.said for token in words) for words in strange if words]


_AFTER = {
    "list": frozenset({"begun", "listed"}),
    "statistic": frozenset({"begun", "figured"}),
    "fact": frozenset({"begun", "figured"}),
    "compare": frozenset({"begun", "figured", "told"}),
    "rate": frozenset({"begun", "rated"}),
    "tell": frozenset({"begun", "rated"}),
}
"""The state of the conversation once a part of a message was said: the next can go on from it."""


def _against_twin(said: Sequence[Said], clause: Clause, context: Context) -> tuple[Said, ...]:
    """As in "Toy Story 3 beats the original": the movie that the one named is set against."""
    spots = clause.spots("refer", "twin")
    if not spots or len(said) != 1 or not said[0].refs:
        return ()
    versions = context.versions(said[0].refs[0])
    one = versions[0 if clause.has("refer", "earlier") else -1] if versions else said[0].refs[0]
    return () if one.movie_id == said[0].refs[0].movie_id else (Said((one,), "named", spots[0].end - 1),)


def _subtitled(said: Said, clause: Clause, spoken: Sequence[Ref], context: Context) -> Said:
    """A name as the second half of a title like the one spoken of: of Jumanji "welcome to the jungle"."""
    if clause.tokens[said.place].link is None or len(said.refs) != 1 or not spoken:
        return said
    ends = f": {said.refs[0].title.lower()}"
    found = [each for each in context.parts(spoken[-1]) if each.title.lower().endswith(ends)]
    return replace(said, refs=tuple(found[:1])) if found else said


def _of_year(said: Said, clause: Clause, context: Context) -> Said:
    """A name with what the clause says besides: "the heat, the 2013 one", "the original Psycho"."""
    link = clause.tokens[said.place].link
    if link is None or len(said.refs) != 1:
        return said
    sequels = clause.has("compare", "sequels") and not clause.has("refer", "no_sequels")
    if sequels and len(parts := context.parts(said.refs[0])) > 1:
        return replace(said, refs=tuple(parts[1:]))
    years = [int(year.low or 0) for _, year in clause.links("year")]
    years += map(int, _YEAR.findall(link.text)) if years and clause.has("compare", "words") else ()
    years += [said.refs[0].year] if years and said.refs[0].year and str(said.refs[0].year) in link.text else []
    told = [name for name in ("earlier", "later") if clause.has("refer", name)]
    if said.refs[0].year in years and len(set(years)) < 2:
        return replace(said, refs=(said.refs[0].model_copy(update={"certainty": 1.0, "others": ()}),))
    if not (years or told) or len(same := context.siblings(said.refs[0])) < 2:
        return said
    wanted = [each for each in same if each.year in years][
        : None if len(years) > 1 or clause.has("statistic", "against") else 1
    ]
    twins = [same[0 if name == "earlier" else -1] for name in told]
    if years and told and clause.has("compare", "words"):  # "is the original better than the 2012 remake"
        wanted = list(each_once([*twins[:1], *wanted]))
    wanted = wanted if years else twins
    return replace(said, refs=tuple(wanted)) if wanted else said


def _after(told: Told, before: Dialogue, text: str, linker: Linker) -> Told:
    """The tastes that hold after one more message: a light reading, of tastes alone."""
    for clause in clauses(masked(text, linker.link(text, typed=True))):
        if clause.has("told", "reset"):
            told = Told()
        elif clause.has("told", "words"):
            said = stances(clause, pointed(clause, before))
            wants = conditions(clause, topics=False)
            told = told.without(wants) | told_in(said, wants)
        if clause.has("told", "i_am_user"):
            told = replace(told, users=tuple(int(link.low or 0) for _, link in clause.links("user"))[:1])
    return told
