"""A message into frames: what was wanted, typed and whole, with what it says of earlier turns worked in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce
from operator import or_

from guide.dialogue import Dialogue
from guide.facts import RATED
from guide.framing import but, filtered, framed, listed, with_told
from guide.parts import Context, Part, as_ref, parts_of, with_named
from guide.rating import with_ratings
from guide.reactions import changed, corrected, narrowed, reaction
from language.conditions import Conditions
from language.frame import Frame
from language.intents import LISTS
from language.standing import Told, each_once
from movies.linking import Linker

MOST_FRAMES, MOST_RATINGS = 4, 12
FIGURES = ("statistic", "fact", "ratings")
ASIDE, NOISE, TALK = 0.4, 0.2, 0.6
"""Odds below which a sentence beside a wish is taken for talk around it."""
QUESTIONS = ("fact", "statistic", "compare", "ratings", "taste", "predict", "why", "rate")
POLITE = ("mentioned", "greet", "thanks", "praise", "feelings", "bye", "stop", "insult", "reset", "help")


def read(text: str, dialogue: Dialogue, linker: Linker) -> list[Frame]:
    """The wishes of a message, in its order; at least one frame."""
    return _read(text, Context(with_named(dialogue, linker), linker, _read))


def _read(text: str, context: Context) -> list[Frame]:
    parts, language = parts_of(text, context)
    parts = [_beyond_shown(part, context) for part in with_ratings(parts, context)]
    parts = _without_chat([part for part in parts if not _says_nothing(part, among=parts)] or parts)
    if any(part.clause.has("told", "reset") for part in parts):
        context = replace(context, dialogue=Dialogue())
    me = tuple(user for part in parts if part.clause.has("told", "i_am_user") for user in part.users)[:1]
    they = next((part.users[:1] for part in parts if part.users), ())
    context = replace(context, me=me, they=they) if they else context
    if chosen := next((found for part in parts for found in _chosen(part, context)), None):
        return [but(chosen, language=language)]
    frames = _weighty(_united(_folded(parts, context))) or [Frame(act="unclear", confidence=0.0)]
    most = MOST_RATINGS if all(frame.act in ("rate", "unclear") for frame in frames) else MOST_FRAMES
    return [but(frame, language=language) for frame in frames[:most]]


def _beyond_shown(part: Part, context: Context) -> Part:
    """A choice among what was shown, of which nothing is so, asks for others: "sci-fi ones among that?"."""
    genres, last = set(part.wants.genres), context.dialogue.last_list
    some = last is None or any(genres <= set(getattr(movie, "genres", ())) for movie in last.movies)
    if part.intent.act != "choose" or not genres or some:
        return part
    return part.to("find" if part.wants.sort else "delta.narrow")


def _chosen(part: Part, context: Context) -> list[Frame]:
    """The rating for which it was asked which movie was meant, once that is said: "the 2005 one", "the remake"."""
    asked = [frame for frame in context.before if frame.act == "rate" and frame.movies and frame.movies[-1].others]
    if not asked or asked[-1].movies[-1].certainty >= RATED or part.clause.links("stars"):
        return []
    unsure = asked[-1].movies[-1]
    could_be = list(map(as_ref, context.linker.movies((unsure.movie_id, *unsure.others))))
    by_year = sorted(could_be, key=lambda ref: ref.year or 0)
    numbers = [int(link.low or 0) for _, link in part.clause.links("year", "number")]
    meant = [ref for ref in could_be if ref.year and {ref.year, ref.year % 100} & set(numbers)]
    meant = meant or [ref for ref in could_be if ref.movie_id in {each.movie_id for each in part.refs}]
    for name, place in (("earlier", 0), ("later", -1)):
        if not meant and (part.clause.has("refer", name) or part.clause.has("refer", f"{name}_alone")):
            meant = by_year[place:][:1]
    return [but(asked[-1], movies=(meant[0],))] if len(meant) == 1 else []


def _folded(parts: Sequence[Part], context: Context) -> list[Frame]:
    """One frame a wish; tastes, and conditions that stand apart, are worked into the list that they are about."""
    at = next((at for at, part in enumerate(parts) if at and part.intent.label == "delta.correct"), 0)
    told = [part for part in parts[:at] if part.clause.links()]
    if told and (before := _folded(parts[:at], context)):
        meant = corrected(parts[at], before[-1], context)
        return _united([*before[:-1], *meant, *(_folded(parts[at + 1 :], context) if parts[at + 1 :] else [])])
    parts = [part.to("find") if _is_list_of_its_own(part, parts) else part for part in parts]
    loose = [part for part in parts if part.intent.act in ("tell", "delta", "answer") or _is_aside(part, parts)]
    frames = _of_both(
        _united(_inherited([(part, framed(part, context)) for part in parts if part not in loose])), parts
    )
    place = next((at for at, frame in enumerate(frames) if frame.act in LISTS), None)
    if place is not None:
        known = tuple(ref for part in loose for said in part.said if said.stance == "named" for ref in said.refs)
        first = next((at for at, part in enumerate(parts) if part not in loose and part.intent.act in LISTS), 0)
        aside, wants = (_joined(part for part in loose if (part in parts[:first]) == early) for early in (True, False))
        asked = narrowed(frames[place], wants).filters
        firm = _joined(part for part in loose if part.intent.act == "delta")
        wants = replace(aside.beside(asked).joined(wants), sort=firm.sort, count=firm.count)
        frames[place] = _by_taste(narrowed(frames[place], wants), _told(loose) | Told(seen=known))
        return frames
    changes = _one([part for part in loose if part.intent.act in ("delta", "answer")])
    if frames and frames[-1].act in FIGURES:
        return [*frames, *(changed(part, context, frames[-1]) for part in changes)]
    stored = any(frame.act == "rate" for frame in frames)
    changes = [part for part in changes if not (stored and part.wants.empty and part.intent.label != "delta.more")]
    frames += [frame for part in changes for frame in reaction(part, context)]
    tells = [part for part in loose if part.intent.act not in ("delta", "answer")]
    if changes and frames and frames[-1].act in LISTS:
        aside = Conditions() if context.last_list else _joined(tells).beside(frames[-1].filters)
        return [*frames[:-1], _by_taste(narrowed(frames[-1], aside), _told(tells))]
    taken_up = _telling(tells, context)
    return [frame for frame in frames if frame.aspect not in (*POLITE, "other")] or taken_up or frames


def _is_list_of_its_own(part: Part, parts: Sequence[Part]) -> bool:
    """True for the second half of "2 comedies from 1990 and 2 dramas from 2010"."""
    counted = [each for each in parts if each.wants.count and (each.wants.genres or each.wants.tags)]
    return part.intent.label == "delta.narrow" and part in counted[1:] and counted[0].intent.act in LISTS


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
    told = replace(first, wants=_joined(changes), said=(*names.said, *others), pointed=names.pointed)
    return [part for part in parts if part not in changes] + [told]


def _says_nothing(part: Part, among: Sequence[Part]) -> bool:
    """True for talk that resembles nothing, or less than what stands beside it: "anyway", "lol ok"."""
    mine = part.intent
    if part.said or part.clause.links() or not part.wants.empty:
        return False
    beside = any(other.intent.odds > mine.odds for other in among)
    idle = mine.odds < TALK and not (part.clause.asks or part.clause.has("asks", "list"))
    return mine.odds < NOISE or (beside and (idle or mine.label == "delta.narrow"))


def _without_chat(parts: Sequence[Part]) -> list[Part]:
    """The parts but for talk before a question, which may name what the question is about: "nobody makes westerns"."""
    asked = [part for part in parts if part.intent.act in QUESTIONS and part.clause.has("asks", "words")]
    chat = [part for part in parts if asked and parts.index(part) < parts.index(asked[-1]) and _is_chat(part)]
    about = Conditions(genres=_joined(chat).genres, tags=_joined(chat).tags)
    bare = [part for part in asked if part.intent.act == "statistic" and not (part.wants.genres or part.wants.tags)]
    kept = [part for part in parts if part not in chat]
    return [replace(part, wants=about.joined(part.wants)) if part in bare else part for part in kept]


def _is_chat(part: Part) -> bool:
    clause = part.clause
    return part.intent.act in LISTS and not (clause.asks or part.said or part.users or clause.has("wish", "words"))


def _inherited(framed_parts: Sequence[tuple[Part, list[Frame]]]) -> list[Frame]:
    """The frames of a message; "and how many from 1991?", "the most rated one?" are of the genre before."""
    found: list[Frame] = []
    for part, frames in framed_parts:
        last, counts = (found[-1] if found else None), part.intent.act == "statistic"
        bare = not (part.wants.genres or part.wants.tags or part.refs)
        refers = counts or (part.intent.act == "find" and part.clause.has("refer", "one_of"))
        if last and last.act == "statistic" and bare and part.clause.has("refer", "each"):
            continue
        if last and last.act == "statistic" and bare and refers:
            kept = {"genres": last.filters.genres, "tags": last.filters.tags}
            whose = {"users": last.users, "own": last.own} if counts and not part.users else {}
            found += [but(filtered(frame, **kept), **whose) for frame in frames]
        else:
            found += frames
    return found


def _is_aside(part: Part, parts: Sequence[Part]) -> bool:
    """True beside a wish for a list for what is no question: "nothing too long", "night shift again", "she left"."""
    mine, others = part.intent, [other.intent for other in parts if other is not part]
    if mine.act in LISTS and not _wishes(part):
        return any(other.intent.act in LISTS and _wishes(other) for other in parts)
    if not _requests(part) and any(each.act in QUESTIONS and each.odds > NOISE for each in others):
        return True
    idle = mine.label in ("fact.everything", "fact.lately") or mine.odds < ASIDE
    if mine.act in QUESTIONS and idle and not part.clause.asks and any(each.act in QUESTIONS for each in others):
        return all(each.odds >= mine.odds or each.act == "rate" for each in others)
    if part.clause.asks or mine.act in LISTS or not any(each.act in LISTS and each.odds > mine.odds for each in others):
        return False
    beside = mine.act == "outside" and mine.aspect != "instructions" and not part.said
    return mine.odds < ASIDE or mine.act == "small_talk" or beside


def _requests(part: Part) -> bool:
    """False for what becomes a list only where nothing else is asked: "long story", "need it for a spreadsheet"."""
    asks = part.clause.asks or part.clause.has("asks", "list") or part.clause.has("refer", "similar")
    similar = any(said.stance == "similar" for said in part.said)
    return part.intent.act not in LISTS or asks or similar or part.wants.sort is not None


def _of_both(frames: Sequence[Frame], parts: Sequence[Part]) -> list[Frame]:
    """Lists of which years are said once for all: "one action film, one romance, both from 2006"."""
    years = next((part.wants.years for part in parts if part.clause.has("refer", "both_from")), None)
    first, last = years or (None, None)
    return [filtered(each, year_from=first, year_to=last) if years and each.act in LISTS else each for each in frames]


def _wishes(part: Part) -> bool:
    """True for what asks for a list, and does not only tell of what lists are made of."""
    return part.clause.asks or part.clause.has("wish", "words") or not part.clause.has("wish", "tells")


def _telling(parts: Sequence[Part], context: Context) -> list[Frame]:
    """Tastes, or seen movies, told without asking for anything."""
    told, wants = _told(parts), _joined([part for part in parts if not part.said])
    if not parts:
        return []
    if told.liked or told.disliked:
        taste = Frame(act="recommend", filters=wants.filters())
        return [but(with_told(taste, context.told | told), act="opinion")]
    if told.seen or told.exclude_series:
        return [Frame(act="seen", movies=told.seen, exclude_series=told.exclude_series)]
    if wants != Conditions() and context.last_list:
        return reaction(replace(parts[-1].to("delta.narrow"), wants=wants), context)
    if wants != Conditions():
        return [narrowed(listed(parts[-1].to("recommend"), context), wants)]
    named = each_once(ref for part in parts for ref in part.refs)
    return [Frame(act="small_talk", aspect="mentioned" if named else "praise", movies=named)]


def _told(parts: Iterable[Part]) -> Told:
    return reduce(or_, (part.told for part in parts), Told())


def _joined(parts: Iterable[Part]) -> Conditions:
    return reduce(Conditions.joined, (part.wants for part in parts), Conditions())


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
    if frame.filters.genres and other.filters.genres and frame.count and other.count:
        return False
    if frame.filters.genres == other.filters.genres and None in (frame.filters.year_from, other.filters.year_from):
        return True
    bare = not (other.filters.genres or other.filters.tags or other.movies or other.text or other.sort)
    acts = {frame.act, other.act}
    return bare or "recommend" in acts or (len(acts) > 1 and None in (frame.sort, other.sort))


def _merged(frame: Frame, other: Frame) -> Frame:
    """Two halves of one wish: of lists both, of all else what was said last."""
    act = "like" if "like" in (frame.act, other.act) else "find" if frame.sort or other.sort else frame.act
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
    """Courtesies, what was not understood and what has no subject, only where nothing else was said."""
    told = [each for each in frames if (each.act != "unclear" or each.text) and each.aspect not in POLITE]
    whole = [each for each in told if each.act != "small_talk" or each.confidence > ASIDE]
    return [each for each in whole if not _is_hollow(each)] or whole or told or list(frames[:1])


def _is_hollow(frame: Frame) -> bool:
    """True for a fact of nothing, and for a wish for anything at all: "and from what year?", "two decimals please"."""
    said = frame.model_fields_set - {"act", "aspect", "own", "confidence", "language"}
    about = any(getattr(frame, name) not in (None, (), False, type(frame.filters)()) for name in said)
    return not about and frame.act in ("fact", "recommend")
