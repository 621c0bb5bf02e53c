"""Words that refer to what was spoken of before: "it", "the second one", "the three", "the older one", "both users"."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from guide.dialogue import Dialogue
from guide.salience import Group, first_list, focus, groups, of_size, refs
from language.frame import Ref
from language.masking import Clause
from language.phrases import table
from language.standing import each_once
from movies.links import Link
from movies.models import Movie, MovieName

FEW_WORDS = 6
PAIR = ("former", "latter")
"""Words that point into two."""
Pointed = dict[int, tuple[Ref, ...]]
Siblings = Callable[[Ref], list[Ref]]


def pointed(clause: Clause, dialogue: Dialogue, named: Sequence[Ref] = (), siblings: Siblings | None = None) -> Pointed:
    """Movies that tokens refer to, by place.

    Args:
        clause: What was said.
        dialogue: The turns before.
        named: Movies that the same message named before this clause.
        siblings: Finds the movies of the same title, the oldest first.
    """
    found: Pointed = {}
    among = _among(clause, dialogue, named)
    for place in range(len(clause.tokens)):
        if meant := _by_place(clause, place, among) or _by_trait(clause, place, among):
            found[place] = meant
    if siblings and not found:
        alone = bool(dialogue.turns) and not any(done.is_list for done in dialogue.turns[-1].done)
        spoken = named or focus(dialogue)
        found = _twin(clause, spoken, siblings, alone=alone) or _by_part(clause, spoken, siblings)
        found = found or _other(clause, spoken, of_size(among, 2))
    apart = bool(clause.links("movie")) and not clause.has("compare", "words") and not clause.has("refer", "similar")
    if not found and not apart:  # "delete Alien, I only rated it by mistake"
        found = _by_pronoun(clause, dialogue, named, among)
    return found


def people(clause: Clause, dialogue: Dialogue) -> tuple[int, ...]:
    """The MovieLens users that are referred to, where the last turn was about several: "the first one", "both"."""
    users = dialogue.turns[-1].users if dialogue.turns else ()
    if len(users) < 2 or clause.links("user", "movie", "series"):
        return ()
    if clause.has("refer", "both") or clause.has("refer", "them"):
        return users
    places = (table("ordinals").get(token.word, 0) for token in clause.tokens)
    return next(((users[place - 1 if place > 0 else place],) for place in places if 0 < abs(place) <= len(users)), ())


def rated_before(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movies that the person rated in this conversation."""
    return refs([movie for done in dialogue.done if done.name == "rate_movie" for movie in done.movies])


def _among(clause: Clause, dialogue: Dialogue, named: Sequence[Ref]) -> list[Group]:
    """The groups that a clause can point into, the likeliest first."""
    if clause.has("refer", "i_said") and (mine := each_once(ref for turn in dialogue.turns for ref in turn.named)):
        return [mine]
    if clause.has("refer", "start"):
        return [first_list(dialogue)]
    return groups(dialogue, named)


def _twin(clause: Clause, movies: Sequence[Ref], siblings: Siblings, *, alone: bool) -> Pointed:
    """As in "the older one", "the remake", "the other one": another movie of the same title."""
    spots = {name: clause.spots("refer", name)[:1] for name in ("earlier", "later", "other", "dated")}
    if alone and not any(spots.values()) and len(clause.tokens) <= FEW_WORDS:
        spots = {name: clause.spots("refer", f"{name}_alone")[:1] for name in ("earlier", "later")}
    said = [name for name, spot in spots.items() if spot]
    same = siblings(movies[-1]) if said and movies else []
    others = [each for each in same if each.movie_id != movies[-1].movie_id]
    if not others:
        return {}
    years = [link.low for _, link in clause.links("year")]
    chosen = next((each for each in others if each.year in years), None)
    chosen = chosen or {"earlier": same[0], "later": same[-1], "other": others[0]}.get(said[0])
    return {spots[said[0]][0].first: (chosen,)} if chosen else {}


def _other(clause: Clause, movies: Sequence[Ref], pair: Group) -> Pointed:
    """As in "and the other one?" of a pair."""
    spots, here = clause.spots("refer", "other"), {each.movie_id for each in movies[-1:]}
    others = refs([each for each in pair if each.movie_id not in here])
    return {spots[0].first: others} if spots and len(pair) == 2 and len(others) == 1 else {}


def _by_part(clause: Clause, movies: Sequence[Ref], siblings: Siblings) -> Pointed:
    """As in "and part 3?", "the sequels": movies of the series that is spoken of."""
    sequels = clause.spots("compare", "sequels")
    spots = [spot for spot in clause.spots("refer", "part") if movies]
    parts = siblings(movies[0]) if movies and (spots or sequels) else []
    if len(parts) < 2:
        return {}
    if not spots:
        return {sequels[0].first: tuple(parts[1:])}
    numbers = [int(link.low or 0) for place, link in clause.links("number") if spots[0].first <= place < spots[0].end]
    return {spots[0].first: tuple(parts[number - 1 : number][0] for number in numbers if 1 <= number <= len(parts))}


def _by_place(clause: Clause, place: int, among: Sequence[Group]) -> tuple[Ref, ...]:
    """As in "the second", "the first two", "number 3", "the former"."""
    link, word, before = clause.tokens[place].link, clause.tokens[place].word, _word(clause, place - 1)
    which = table("ordinals").get(word, 0)
    if before in ("number", "#", "nr"):
        which = int(link.low or 0) if link and link.kind == "number" else table("numerals").get(word, 0)
    apart = before in table("refer", "order") or _word(clause, place + 1) in table("refer", "never")
    if apart or not which:
        return ()
    pair = of_size(among, 2) if word in PAIR else ()
    group = pair or next((each for each in among if abs(which) <= len(each)), ())
    after = [int(number.low or 1) for at, number in clause.links("number") if at == place + 1 and abs(which) == 1]
    many = after[0] if after else 1
    return refs(group[-many:] if which < 0 else group[which - 1 : which - 1 + many])


def _by_trait(clause: Clause, place: int, among: Sequence[Group]) -> tuple[Ref, ...]:
    """As in "the 1995 one", "the one from the 90s", "the horror one"."""
    link = clause.tokens[place].link
    one = "one" in (_word(clause, place + 1), _word(clause, place - 2), _word(clause, place - 3))
    if link is None or not one or link.kind not in ("year", "years", "genre"):
        return ()
    return next((refs([each]) for group in among for each in group if _is_so(each, link)), ())


def _is_so(movie: MovieName | Ref, link: Link) -> bool:
    if link.kind == "genre":
        return isinstance(movie, Movie) and set(link.name.split("|")) <= set(movie.genres)
    return movie.year is not None and (link.low or 0) <= movie.year <= (link.high or 9999)


def _by_pronoun(clause: Clause, dialogue: Dialogue, named: Sequence[Ref], among: Sequence[Group]) -> Pointed:
    owned = next((turn for turn in reversed(dialogue.turns) if turn.theirs), None)
    ours = tuple(each for each in owned.named if each not in owned.theirs) if owned else ()
    meant = {
        "hers": owned.theirs[-1:] if owned else (),
        "ours": ours[-1:],
        "both": refs(of_size(among, 2)),
        "them": refs(of_size(among, _size(clause))),
        "it": tuple(named[-1:]) or focus(dialogue),
    }
    for name, movies in meant.items():
        for spot in clause.spots("refer", name) if movies else ():
            alone = clause.tokens[spot.first].word == "it" or _word(clause, spot.end) in table("refer", "after_that")
            counts = clause.tokens[spot.first].word == "all" and clause.links("movie")
            if (name != "it" or alone) and not counts:
                return {spot.first: movies}
    return {}


def _size(clause: Clause) -> int | None:
    """The number of a group: of "which of the three" 3."""
    for spot in clause.spots("refer", "them"):
        inside = (link for place, link in clause.links("number") if spot.first <= place < spot.end)
        words = (table("numerals").get(clause.tokens[place].word) for place in range(*spot))
        return next((int(link.low or 0) for link in inside), None) or next(filter(None, words), None)
    return None


def _word(clause: Clause, place: int) -> str:
    return clause.tokens[place].word if 0 <= place < len(clause.tokens) else ""
