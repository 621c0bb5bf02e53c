"""A message into frames: what was wanted, typed and whole, with what it says of earlier turns worked in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from itertools import groupby
from operator import or_
from typing import Any, Literal, get_args

from guide.dialogue import Dialogue, Turn
from guide.facts import RATED
from guide.framing import but, filtered, framed, listed, with_told
from guide.makers import of_people
from guide.parts import Context, Part, as_ref, heard, parts_of
from guide.rating import with_ratings
from guide.reactions import changed, corrected, narrowed, reaction
from guide.references import told_apart
from language.conditions import NOTHING, Conditions
from language.foreign import in_english
from language.frame import Frame
from language.intents import GUESS, LISTS
from language.phrases import table
from language.standing import Told, each_once
from movies.linking import Linker

MOST_FRAMES, MOST_RATINGS = 4, 12
FIGURES = ("statistic", "fact", "ratings")
NOISE, ASIDE, TALK, PLAIN = 0.2, 0.4, 0.6, 0.8
"""Odds below which a sentence beside a wish is taken for talk around it."""
OPPOSITE = ({"worst", "rating"}, {"newest", "oldest"})
SHARED = ("year_from", "year_to", "min_ratings", "max_ratings", "min_mean", "max_mean")
SEVERAL = 3
"""The movies of each of several lists, where no number is said."""
Role = Literal["request", "condition", "telling", "talk"]
ROLES: tuple[Role, ...] = get_args(Role)
POLITE = ("mentioned", "greet", "thanks", "praise", "feelings", "bye", "stop", "insult", "reset", "help")


def read(text: str, dialogue: Dialogue, linker: Linker) -> list[Frame]:
    """The wishes of a message, in its order; at least one frame."""
    turns, language = list[Turn](), "en"
    for turn in dialogue.turns:
        said, language = in_english(turn.text, linker, language)
        turns.append(replace(turn, text=said))
    said, language = in_english(text, linker, language)
    context = Context(heard(replace(dialogue, turns=tuple(turns)), linker), linker, _read)
    return [but(frame, language=language) for frame in _read(said, context)]


def _read(text: str, context: Context) -> list[Frame]:
    parts = [of_people(part, context) for part in with_ratings(parts_of(text, context), context)]
    if any(part.clause.has("told", "reset") for part in parts):
        context = replace(context, dialogue=Dialogue())
    me = tuple(user for part in parts if part.clause.has("told", "i_am_user") for user in part.users)[:1]
    they = tuple(dict.fromkeys(user for part in parts for user in part.users))
    context = replace(context, me=me, they=they) if they else context
    if chosen := next((found for part in parts for found in _chosen(part, context)), None):
        return [chosen]
    frames = _weighty(_united(_folded(parts, context))) or [Frame(act="unclear", confidence=0.0)]
    ratings = sum(frame.act == "rate" for frame in frames[:MOST_RATINGS])
    return frames[: max(MOST_FRAMES, ratings + 1)]


def _chosen(part: Part, context: Context) -> list[Frame]:
    """The rating for which it was asked which movie was meant, once that is said: "the 2005 one", "the remake"."""
    asked = [frame for frame in context.before if frame.act == "rate" and frame.movies and frame.movies[-1].others]
    if not asked or asked[-1].movies[-1].certainty >= RATED or part.clause.links("stars"):
        return []
    unsure = asked[-1].movies[-1]
    could_be = sorted(
        map(as_ref, context.linker.movies((unsure.movie_id, *unsure.others))), key=lambda ref: ref.year or 0
    )
    ids = {each.movie_id for each in part.refs}
    meant = told_apart(part.clause, could_be, "number") or told_apart(part.clause, could_be, alone=True)
    meant = meant or tuple(ref for ref in could_be if ref.movie_id in ids)
    return [but(asked[-1], movies=meant)] if len(meant) == 1 else []


def _roles(parts: Sequence[Part], *, going_on: bool) -> list[Role]:
    """The part that each sentence plays: a request is asked, all else is said for it, or around it.

    `going_on`: there is a list that a message can change.
    """
    asked = [_asks(part) for part in parts]
    loose = [part.intent.act in ("tell", "delta", "answer") for part in parts]
    changes = going_on and any(
        part.intent.label in ("choose", "delta.more") or (part.intent.act == "delta" and not _is_empty(part))
        for part in parts
    )
    figures = any(asks and part.intent.act not in (*LISTS, "rate") for part, asks in zip(parts, asked, strict=True))
    open_ = ("asks", "would_like" if changes else "list")
    asked = [
        asks
        and not ((figures or changes) and part.intent.act in LISTS and _is_empty(part) and not part.clause.has(*open_))
        for part, asks in zip(parts, asked, strict=True)
    ]
    firm = any(asks and _names(part) and not _tells(part) for part, asks in zip(parts, asked, strict=True))
    asked = [asks and not (firm and _tells(part)) for part, asks in zip(parts, asked, strict=True)]
    plain = all(part.intent.act in ("small_talk", "outside") for part in parts)
    roles: list[Role] = []
    for part, asks, is_loose in zip(parts, asked, loose, strict=True):
        act, odds = part.intent.act, part.intent.odds
        beside = any(other.intent.odds > odds for other in parts)
        talks = act in ("small_talk", "outside") and (part.wants.empty or odds >= ASIDE)
        weak = not is_loose or part.intent.label in ("delta.narrow", "answer.yes") or odds < NOISE
        idle = _is_empty(part) and beside and odds < TALK and weak
        adds = bool(roles) and act in LISTS and part.clause.tokens[0].word == "but"
        if (asks and not adds) or not (is_loose or any(asked) or any(loose) or (talks and not plain)):
            roles.append("request")
        elif talks or idle:
            roles.append("talk")
        else:
            roles.append("condition" if act in ("delta", "answer") else "telling")
    return roles


def _names(part: Part) -> bool:
    """True for a list of a kind that is named."""
    return part.intent.act in LISTS and bool(part.wants.genres or part.wants.tags or part.said)


def _tells(part: Part) -> bool:
    """True for a story that could be taken for a wish: "grandma loves westerns, my brother superhero stuff"."""
    return (
        part.intent.act in LISTS
        and not (part.clause.asks or part.clause.has("wish", "one"))
        and part.clause.has("wish", "others")
    )


def _asks(part: Part) -> bool:
    """True for a question or a wish: said in so many words, or the bare name of what is wanted, but no story."""
    clause, mine = part.clause, part.intent
    if mine.act in ("tell", "delta", "answer", "small_talk", "choose"):
        return mine.act == "choose" and mine.odds >= ASIDE
    direct = clause.asks or clause.has("wish", "words")
    tells = clause.has("wish", "tells") and not direct
    if mine.act in LISTS:
        return direct or not (_is_empty(part) or (tells and mine.odds < TALK))
    if mine.act == "outside":
        return (
            (clause.asks and mine.odds >= GUESS)
            or mine.aspect == "instructions"
            or bool(part.said)
            or mine.odds >= TALK
        )
    begins = clause.has("asks", "words") or any(token.word in table("asks", "starts") for token in clause.tokens[:1])
    about = part.said or clause.links("genre", "tag", "user", "year", "years") or begins
    about = about or mine.odds >= PLAIN or mine.act not in ("fact", "statistic", "compare", "predict")
    least = NOISE if part.said and begins else ASIDE
    return clause.asks or bool(mine.odds >= least and about and (part.said or begins or not tells))


def _is_empty(part: Part) -> bool:
    """True for what names nothing, at most what was spoken of."""
    named = any(said.place not in (part.pointed or {}) or said.stance != "named" for said in part.said)
    return part.wants.empty and not (
        named or part.people or [link for _, link in part.clause.links() if link.kind != "number"]
    )


def _folded(parts: Sequence[Part], context: Context) -> list[Frame]:
    """One frame a wish; tastes, and conditions that stand apart, are worked into the lists that they are about."""
    begun = next((at for at, part in enumerate(parts) if part.intent.act in LISTS), len(parts))
    parts = [_anew(part, context, listed=at > begun) for at, part in enumerate(parts)]
    parts = [_gone_on(part, parts[:at], context) for at, part in enumerate(parts)]
    parts = _set_apart([_completed(part, parts[:at]) for at, part in enumerate(parts)])
    at = next((at for at, part in enumerate(parts) if at and part.intent.label == "delta.correct"), 0)
    told = [part for part in parts[:at] if part.clause.links()]
    if told and (before := _folded(parts[:at], context)):
        meant = corrected(parts[at], before[-1], context)
        return _united([*before[:-1], *meant, *(_folded(parts[at + 1 :], context) if parts[at + 1 :] else [])])
    roles = _roles(parts, going_on=bool(context.last_list))
    requests, changes, tells, talk = (
        [part for part, role in zip(parts, roles, strict=True) if role == each] for each in ROLES
    )
    frames = _of_both(_united(_inherited([(part, framed(part, context)) for part in requests])))
    if any(frame.act in LISTS for frame in frames):
        wishes = (at for at, role in enumerate(roles) if role == "request" and parts[at].intent.act in LISTS)
        first = next(wishes, 0)
        said = [part if role in ("condition", "telling") else None for part, role in zip(parts, roles, strict=True)]
        early, late = ([part for part in half if part] for half in (said[:first], said[first:]))
        frames = [frame for frame in frames if frame.act != "why" or frame.movies]  # each list says why
        return [_told_beside(frame, early, late, talk) if frame.act in LISTS else frame for frame in frames]
    changes = _one(changes)
    if frames and frames[-1].act in FIGURES:
        kind = [part for part in changes if frames[-1].act == "fact" and (part.wants.genres or part.wants.tags)]
        anew = kind or [part for part in changes if part.intent.label == "delta.more"]
        lists = [frame for part in anew for frame in reaction(part, context)]
        return [*frames, *(changed(part, context, frames[-1]) for part in changes if not lists), *lists]
    stored = any(frame.act in ("rate", "recall", "choose") for frame in frames)
    changes = [part for part in changes if not (stored and part.wants.empty and part.intent.label != "delta.more")]
    frames += [frame for part in changes for frame in reaction(part, context)]
    if changes and frames and frames[-1].act in LISTS:
        aside = Conditions() if context.last_list else _joined(tells).beside(frames[-1].filters)
        return [*frames[:-1], _by_taste(narrowed(frames[-1], aside), _told([*tells, *talk]))]
    taken_up = _telling(tells, context)
    return [frame for frame in frames if frame.aspect not in (*POLITE, "other")] or taken_up or frames


def _told_beside(frame: Frame, early: Sequence[Part], late: Sequence[Part], talk: Sequence[Part]) -> Frame:
    """A list with what is said beside it; of what is said before it, and of talk, only what it does not say itself."""
    loose = [*early, *late, *talk]
    known = tuple(ref for part in loose for said in part.said if said.stance == "named" for ref in said.refs)
    asked = narrowed(frame, _joined(late)).filters
    wants = (
        (NOTHING if frame.movies else _heard(talk))
        .beside(asked)
        .joined(_joined(early).beside(asked))
        .joined(_joined(late))
    )
    firm = _joined(part for part in loose if part.intent.act == "delta")
    wants = replace(wants, sort=firm.sort, count=firm.count)
    named = Conditions(genres=tuple(frame.filters.genres), tags=tuple(frame.filters.tags))
    return _by_taste(narrowed(frame, wants), _told(loose).without(named) | Told(seen=known))


def _heard(talk: Sequence[Part]) -> Conditions:
    """The genres and tags that talk names; its years, numbers and words are none of a list."""
    heard = _joined(
        part for part in talk if part.clause.links("genre", "tag") or part.clause.has("stance", "before", "liked")
    )
    young = tuple(name for name in _joined(talk).genres if name == "Children")
    return Conditions(genres=heard.genres or young, tags=heard.tags, exclude_genres=heard.exclude_genres)


def _anew(part: Part, context: Context, *, listed: bool) -> Part:
    """A wish that resembles a change or a telling: "can you tell me some other cartoon" where there is no list yet."""
    turned = context.last_list and not part.refs and {context.last_list.sort, part.wants.sort} in OPPOSITE
    if part.intent.act == "choose" and turned:  # "and the best, same condition" after the worst
        return part.to("delta.narrow")
    new = part.clause.has("wish", "words") and bool(part.wants.genres or part.wants.tags or part.wants.years)
    told = part.intent.act == "tell" or part.intent.label == "small_talk.feelings"
    if new and told and (part.wants.genres or part.wants.tags) and part.clause.has("wish", "plain"):
        return part.to("recommend")
    more = part.intent.label == "delta.more" and part.clause.has("asks", "list")
    unsure = part.intent.label in ("delta.narrow", "delta.correct") and part.intent.odds < 1
    listed = listed or bool(context.last_list or context.situation & {"figured"})
    return part.to("recommend" if more else "find") if (more or (new and unsure)) and not listed else part


def _gone_on(part: Part, before: Sequence[Part], context: Context) -> Part:
    """A wish that names no kind, after a word on the list that was shown: "seen all of them. Hidden gems?"."""
    kind = part.wants.genres or part.wants.tags or part.wants.text or part.said or part.users
    reacts = any(each.intent.label in ("delta.more", "tell.seen") and not each.clause.links() for each in before)
    goes_on = part.intent.act in LISTS and reacts and context.last_list and not (kind or part.wants.empty)
    return part.to("delta.narrow") if goes_on else part


def _completed(part: Part, before: Sequence[Part]) -> Part:
    """A part with what it leaves to those before it: "from that year", "… and which western?" of the most rated."""
    wants, last = part.wants, before[-1].wants if before else Conditions()
    if last.sort and not wants.sort and part.clause.has("asks", "each_kind"):
        return replace(part.to("find"), wants=replace(wants, sort=last.sort, count=last.count))
    if wants.count and wants.years and last.count and last.years and not (wants.genres or wants.tags or part.said):
        wants = replace(wants, genres=last.genres, tags=last.tags)  # "one western from the 60s and one from the 80s"
        return replace(part, wants=wants)
    years = _joined(before).years
    if wants.years or not years or not part.clause.has("refer", "same_year"):
        return part
    return replace(part, wants=replace(wants, years=years))


def _set_apart(parts: Sequence[Part]) -> list[Part]:
    """The parts, where several name a kind each as lists of their own: "1 horror, 1 comedy"."""
    together = any(part.clause.has("wish", "together") for part in parts)
    kinds = [part for part in parts if not together and _names_kind(part)]
    kinds = kinds if len(kinds) <= MOST_RATINGS else []
    apart = [part for part in kinds if all(_is_other(part, each) for each in kinds if each is not part)]
    if len(apart) < 2:
        return list(parts)
    each = next((other.wants.count for other in parts if other.clause.has("count", "each")), SEVERAL)
    return [_counted(part, each) if part in apart else part for part in parts]


def _counted(part: Part, count: int | None) -> Part:
    wants = part.wants if part.wants.count else replace(part.wants, count=count)
    return replace(part if part.intent.act in LISTS else part.to("find"), wants=wants)


def _names_kind(part: Part) -> bool:
    wants = part.wants
    return (
        bool(wants.genres or wants.tags)
        and (part.intent.act in LISTS or part.intent.label == "delta.narrow")
        and (bool(wants.count or wants.sort) or part.clause.has("wish", "one"))
        and not part.clause.has("asks", "each_kind")
    )


def _is_other(part: Part, other: Part) -> bool:
    """True for kinds that no movie need be of at once."""
    mine, theirs = ({*each.wants.genres, *each.wants.tags} for each in (part, other))
    whole = mine <= theirs or theirs <= mine
    years = part.wants.years != other.wants.years and None not in (part.wants.years, other.wants.years)
    return not mine & theirs or (bool(part.wants.count and other.wants.count) and (years or not whole))


def _one(parts: Sequence[Part]) -> list[Part]:
    """Several changes of one list as one: "argh, thrillers. I meant thrillers"."""
    changes = [part for part in parts if part.intent.act == "delta"]
    if len(changes) < 2:
        return list(parts)
    order = ("delta.correct", "delta.narrow", "delta.more")
    first = min(changes, key=lambda part: order.index(part.intent.label))
    named = [part for part in (first, *changes) if part.said]
    names = next((part for part in named if part.clause.links("movie", "series")), (named or [first])[0])
    others = (each for part in changes if part is not names for each in part.said if each.stance == "excluded")
    tokens = [
        token for part in (names, *(each for each in changes if each is not names)) for token in part.clause.tokens
    ]
    clause = replace(names.clause, tokens=tuple(tokens))
    people = tuple(user for part in changes for user in part.people)
    told = replace(
        names, clause=clause, people=people, intent=first.intent, wants=_joined(changes), said=(*names.said, *others)
    )
    return [part for part in parts if part not in changes] + [told]


def _inherited(framed_parts: Sequence[tuple[Part, list[Frame]]]) -> list[Frame]:
    """The frames of a message; "and how many from 1991?", "the most rated one?" are of the genre before."""
    found: list[Frame] = []
    for part, frames in framed_parts:
        last, counts = (found[-1] if found else None), part.intent.act == "statistic"
        bare = not (part.wants.genres or part.wants.tags or part.refs)
        picks = part.clause.has("refer", "one_of") or part.wants.sort or part.wants.count
        refers = counts or (part.intent.act in LISTS and bool(picks))
        groups = last and last.aggregate and last.aggregate.by != "none"
        told = groups and (part.wants.empty if counts else part.wants.count and not part.clause.asks)
        if last and last.act == "statistic" and bare and (told or part.clause.has("refer", "each")):
            found[-1] = but(last, count=part.wants.count or last.count)  # "movies per genre, top 4"
            continue
        if last and last.act == "statistic" and bare and refers:
            kept: dict[str, Any] = {"genres": last.filters.genres, "tags": last.filters.tags}
            kept |= {} if part.wants.years else {"year_from": last.filters.year_from, "year_to": last.filters.year_to}
            whose = {"users": last.users, "own": last.own} if counts and not part.users else {}
            found += [but(filtered(frame, **kept), **whose) for frame in frames]
        else:
            found += frames
    return found


def _of_both(frames: Sequence[Frame]) -> list[Frame]:
    """Lists of which the last alone has years or bounds, all under these: "a comedy and a western from 1990"."""
    lists = [frame.filters for frame in frames if frame.act in LISTS]
    shared = lists[-1].model_dump(include=set(SHARED), exclude_none=True) if len(lists) > 1 else {}
    if any(getattr(each, name) for each in lists[:-1] for name in SHARED):
        shared = {}
    return [filtered(frame, **shared) if frame.act in LISTS else frame for frame in frames]


def _telling(parts: Sequence[Part], context: Context) -> list[Frame]:
    """Tastes, or seen movies, told without asking for anything."""
    told, wants = _told(parts), _joined([part for part in parts if not part.said])
    if not parts:
        return []
    if told.liked or told.disliked:
        taste = Frame(act="recommend", filters=wants.filters())
        return [but(with_told(taste, context.told | told), act="opinion")]
    asked = replace(_joined(parts), count=None)
    if context.last_list and not asked.empty:  # "I know these, less famous ones"
        return reaction(replace(parts[-1].to("delta.narrow"), wants=asked), context)
    if told.seen or told.exclude_series:
        return [Frame(act="seen", movies=told.seen, exclude_series=told.exclude_series)]
    if not wants.empty:
        return [narrowed(listed(parts[-1].to("recommend"), context), wants)]
    named = each_once(ref for part in parts for ref in part.refs)
    return [Frame(act="small_talk", aspect="mentioned" if named else "praise", movies=named)]


def _told(parts: Iterable[Part]) -> Told:
    return reduce(or_, (part.told for part in parts), Told())


def _joined(parts: Iterable[Part]) -> Conditions:
    wants = (wants for wants, _ in groupby(part.wants for part in parts))  # what is said again changes nothing
    return reduce(Conditions.joined, wants, Conditions())


def _by_taste(frame: Frame, told: Told) -> Frame:
    """A list with what was told beside it; a plain one with likes goes by these."""
    plain = frame.act == "find" and frame.sort is None and told.liked
    return with_told(but(frame, act="recommend") if plain else frame, told)


def _united(frames: Sequence[Frame]) -> list[Frame]:
    """Lists that say one wish in several sentences become one."""
    found: list[Frame] = []
    for frame in frames:
        at = next((at for at, other in enumerate(found) if _one_wish(other, frame)), None)
        if at is None:
            found.append(frame)
        else:
            found[at] = _merged(found[at], frame)
    return found


def _one_wish(frame: Frame, other: Frame) -> bool:
    if frame.act not in LISTS or other.act not in LISTS:
        told = [(each.act, each.aspect, each.movies, each.stars, each.users, each.filters) for each in (frame, other)]
        return told[0] == told[1] and frame.aggregate == other.aggregate
    mine, theirs = ({*each.filters.genres, *each.filters.tags} for each in (frame, other))
    if {frame.sort, other.sort} in OPPOSITE:
        return False
    if mine and theirs and frame.count and other.count and not mine < theirs:
        return False
    if frame.filters.genres == other.filters.genres and None in (frame.filters.year_from, other.filters.year_from):
        return True
    bare = not (other.filters.genres or other.filters.tags or other.movies or other.text or other.sort)
    acts = {frame.act, other.act}
    return bare or "recommend" in acts or (len(acts) > 1 and None in (frame.sort, other.sort))


def _merged(frame: Frame, other: Frame) -> Frame:
    """Two halves of one wish: of lists both, of all else what was said last."""
    sorted_ = "find" if (frame.sort or other.sort) and frame.act in LISTS else frame.act
    act = "like" if "like" in (frame.act, other.act) else sorted_
    both = frame.filters.model_dump(exclude_defaults=True)
    if other.filters.year_from or other.filters.year_to:
        both = {name: value for name, value in both.items() if not name.startswith("year_")}
    for name, value in other.filters.model_dump(exclude_defaults=True).items():
        most = 10 if name.startswith("exclude") else 5
        both[name] = list(dict.fromkeys([*both.get(name, []), *value]))[:most] if isinstance(value, list) else value
    update = {name: getattr(other, name) for name in other.model_fields_set if getattr(other, name)}
    for name in ("movies", "liked", "disliked", "exclude"):
        update[name] = each_once([*getattr(frame, name), *getattr(other, name)])
    text = " ".join(dict.fromkeys(part for part in (frame.text, other.text) if part)) or None
    filters = type(frame.filters).model_validate(both)
    return but(frame, **update | {"act": act, "filters": filters, "text": text, "unmet": frame.unmet + other.unmet})


def _weighty(frames: Sequence[Frame]) -> list[Frame]:
    """Courtesies, and what was not understood, only where nothing else was said; of these help first."""
    told = [each for each in frames if (each.act != "unclear" or each.text) and each.aspect not in POLITE]
    whole = [each for each in told if each.act != "small_talk" or each.confidence > ASIDE]
    return whole or told or sorted(frames, key=lambda frame: frame.aspect != "help")[:1]
