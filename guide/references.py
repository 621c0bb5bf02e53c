"""The movies and people that a conversation speaks of, in groups, and the words that refer to them.

As in "it", "the second one", "the three", "the older one", "both users".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from guide.dialogue import Dialogue, Turn, as_ref
from language.frame import Ref
from language.masking import Clause
from language.phrases import Spot, table
from language.standing import each_once
from movies.links import Link
from movies.models import Movie, MovieName
from tools.results import Comparison, Questions, RatingList

FIGURES = ("compare_movies", "query_catalogue", "get_user_ratings", "get_movie", "taste_profile")
COUNTS = ("query_catalogue", "get_user_ratings", "taste_profile")
FEW_WORDS, LETTERS = 6, 5
PAIR = ("former", "latter")
"""Words that point into two."""
Group = tuple[MovieName | Ref, ...]
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
    spoken = tuple(named) or focus(dialogue)
    found = found or _other(clause, spoken, among)
    if siblings and not found:
        last = dialogue.turns[-1].done if dialogue.turns else ()
        alone = any(done.movies for done in last) and not any(done.is_list for done in last)
        found = _twin(clause, spoken, siblings, among, alone=alone) or _by_part(clause, spoken, siblings)
    apart = bool(clause.links("movie")) and not clause.has("compare", "words") and not clause.has("refer", "similar")
    if (not found or clause.has("compare", "set_against")) and not apart:  # "delete Alien, I only rated it by mistake"
        pronouns = _by_pronoun(clause, dialogue, named, among)
        found |= {at: movies for at, movies in pronouns.items() if not found or len(movies) == 1}
    return found


def people(clause: Clause, dialogue: Dialogue) -> tuple[int, ...]:
    """The MovieLens users that are referred to, where the last turn was about several: "the first one", "both"."""
    users = dialogue.turns[-1].users if dialogue.turns else ()
    if len(users) < 2 or clause.links("user", "movie", "series"):
        return ()
    if clause.has("refer", "regroups") and not clause.has("count", "words"):  # "take 606 out and put in 474"
        return tuple(int(link.low or 0) for _, link in clause.links("number"))
    if clause.has("refer", "both") or clause.has("refer", "them"):
        return users
    places = (table("ordinals").get(token.word, 0) for token in clause.tokens)
    return next(((users[place - 1 if place > 0 else place],) for place in places if 0 < abs(place) <= len(users)), ())


def rated_before(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movies that the person rated in this conversation."""
    return refs([movie for done in dialogue.done if done.name == "rate_movie" for movie in done.movies])


def _among(clause: Clause, dialogue: Dialogue, named: Sequence[Ref]) -> list[Group]:
    """The groups that a clause can point into, the likeliest first."""
    if clause.has("refer", "i_said") and (mine := _said_before(clause, dialogue)):
        return [mine]
    if clause.has("refer", "start"):
        return [first_list(dialogue)]
    return groups(dialogue, named)


def _said_before(clause: Clause, dialogue: Dialogue) -> tuple[Ref, ...]:
    """Movies that the person named: in the turn that shares most words with it, "the one I said my uncle likes"."""
    words = {token.word for token in clause.tokens if len(token.word) >= LETTERS}
    shared = [len(words & set(turn.text.lower().split())) if turn.named else 0 for turn in dialogue.turns]
    turns = [turn for turn, count in zip(dialogue.turns, shared, strict=True) if count == max(shared)]
    return tuple(dict.fromkeys(ref for turn in turns for ref in turn.named))


def told_apart(clause: Clause, same: Sequence[Ref], *kinds: str, alone: bool = False) -> tuple[Ref, ...]:
    """Of movies with one title, the oldest first, those that a clause tells: "the 1995 one", "the remake".

    Args:
        clause: What was said.
        same: The movies.
        kinds: Links that tell a year besides "year", such as a bare "number".
        alone: "The original", "the latest" count by themselves.
    """
    refused = {place for spot in clause.spots("refer", "not_the") for place in range(*spot)}
    same = [ref for ref in same if not any(ref.year == link.low for at, link in clause.links("year") if at in refused)]
    told = [link for at, link in clause.links("year", *kinds) if at not in refused]
    spans = [(link.low or 0, (link.high or 9999) if link.kind == "years" else link.low or 0) for link in told]
    dated = [
        ref for ref in same for low, high in spans if ref.year and (low <= ref.year <= high or ref.year % 100 == low)
    ]
    names = [name for name in ("earlier", "later") if clause.has("refer", f"{name}_alone" if alone else name)]
    twins = [same[0 if name == "earlier" else -1] for name in names if same]
    if dated and clause.has("compare", "words"):  # "is the original better than the 2012 remake"
        return each_once([*twins[:1], *dated])
    return tuple(dated or twins)


def _twin(clause: Clause, movies: Sequence[Ref], siblings: Siblings, among: Sequence[Group], *, alone: bool) -> Pointed:
    """As in "the older one", "the remake", "the other one": another movie of the same title, or one of a pair."""
    spots = [spot for name in ("earlier", "later", "dated") for spot in clause.spots("refer", name)]
    spots += _other_spots(clause)
    alone = alone and not spots and len(clause.tokens) <= FEW_WORDS
    spots += [spot for name in ("earlier", "later") for spot in clause.spots("refer", f"{name}_alone") if alone]
    spots += [Spot(place, place + 1) for place, _ in clause.links("year") if alone and not spots]  # "the cartoon, 1967"
    same = siblings(movies[-1]) if spots and movies else []
    pair = refs(of_size(among, 2)) if spots and len(same) < 2 else ()
    others = tuple(each for each in same if each.movie_id != movies[-1].movie_id) if _other_spots(clause) else ()
    same = sorted(pair, key=lambda ref: ref.year or 0) if len(pair) == 2 else same
    chosen = told_apart(clause, same, alone=alone) or others
    return {spots[0].first: chosen[:1]} if chosen and len(same) > 1 else {}


def _other(clause: Clause, movies: Sequence[Ref], among: Sequence[Group]) -> Pointed:
    """As in "and the other one?" of a pair."""
    if clause.links("movie", "series"):
        return {}
    rest = clause.spots("refer", "others")
    spots = rest or [spot for spot in _other_spots(clause) if "other" in clause.said(*spot).lower()]
    told = {each.movie_id for each in movies[-1:]}
    left = ([each for each in group if each.movie_id not in told] for group in among if (len(group) == 2) != bool(rest))
    found = (each for each in left if rest or len(each) == 1)
    others = refs(next(found, []))
    return {spots[0].first: others} if spots and others else {}


def _other_spots(clause: Clause) -> list[Spot]:
    """The places of "the other one", but not of "the other sofa"."""
    ends = table("refer", "after_that")
    return [
        spot
        for spot in clause.spots("refer", "other")
        if clause.tokens[spot.end - 1].word != "other" or _word(clause, spot.end) in ends
    ]


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
        which = int(link.low or 0) if link and link.kind == "number" else table("numerals").get(word, which)
    apart = before in table("refer", "order") or _word(clause, place + 1) in table("refer", "never")
    of_a_group = _word(clause, place + 1) == "of" and _word(clause, place + 2) in table("refer", "groups")
    if word == "middle" and among:
        return refs(among[0][(len(among[0]) - 1) // 2 :][: 2 - len(among[0]) % 2])
    if (apart and not of_a_group) or not which:
        return ()
    pair = of_size(among, 2) if word in PAIR else ()
    group = pair or next((each for each in among if abs(which) <= len(each)), ())
    after = [number.low or 1 for at, number in clause.links("number") if at == place + 1 and abs(which) == 1]
    many = int(after[0]) if after and after[0] % 1 == 0 else 1
    return refs(group[-many:] if which < 0 else group[which - 1 : which - 1 + many])


def _by_trait(clause: Clause, place: int, among: Sequence[Group]) -> tuple[Ref, ...]:
    """As in "the 1995 one", "the one from the 90s", "the horror one"."""
    link = clause.tokens[place].link
    before = [_word(clause, place - 2), _word(clause, place - 3)]
    joined = {"from", "of", "in", "with"} & {_word(clause, place - 1), before[0]}
    one = _word(clause, place + 1) == "one" or ("one" in before and joined)
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
        "told": refs(among[0][-1:]) if clause.has("refer", "i_said") and among else (),
        "it": () if _is_wished(clause, dialogue, named) else tuple(named[-1:]) or focus(dialogue),
    }
    for name, movies in meant.items():
        for spot in clause.spots("refer", name) if movies else ():
            alone = clause.tokens[spot.first].word == "it" or _word(clause, spot.end) in table("refer", "after_that")
            counts = clause.tokens[spot.first].word == "all" and clause.links("movie")
            inside = _word(clause, spot.first - 1) == "in" and clause.links("genre", "tag")  # "without horror in them"
            if (name != "it" or alone) and not counts and not inside and not _is_relative(clause, spot):
                return {spot.first: movies}
    return {}


def _is_wished(clause: Clause, dialogue: Dialogue, named: Sequence[Ref]) -> bool:
    """True where "it" is what is wanted, not a movie: "only if it averages 4" of a list just shown."""
    opens = clause.tokens[0].word in table("fragment", "opens")
    last = dialogue.turns[-1].done if dialogue.turns else ()
    listed = not named and any(done.is_list and len(done.movies) > 1 for done in last)
    bounded = any(clause.has("bounds", name) for name in table("bounds"))
    moved = clause.has("refer", "decade") or clause.has("refer", "decade_later")
    wished = listed and (bounded or moved or bool(clause.links("genre", "tag", "year", "years")))
    return not clause.asks and (wished or (bounded and opens))


def _is_relative(clause: Clause, spot: Spot) -> bool:
    """True for the "that" of "one that is also funny"."""
    word, after = clause.tokens[spot.first].word, _word(clause, spot.end)
    opens = spot.first == 0 or _word(clause, spot.first - 1) in table("refer", "before_that")
    return word == "that" and spot.end == spot.first + 1 and after in table("refer", "verbs") and not opens


def _size(clause: Clause) -> int | None:
    """The number of a group: of "which of the three" 3."""
    for spot in clause.spots("refer", "them"):
        counts = [place for place in range(*spot) if _word(clause, place - 1) not in table("refer", "top")]
        inside = (link for place, link in clause.links("number") if place in counts)
        words = (table("numerals").get(clause.tokens[place].word) for place in counts)
        return next((int(link.low or 0) for link in inside), None) or next(filter(None, words), None)
    return None


def _word(clause: Clause, place: int) -> str:
    return clause.tokens[place].word if 0 <= place < len(clause.tokens) else ""


# Groups and the movie in focus


def situation_of(dialogue: Dialogue) -> frozenset[str]:
    """The state of the conversation, in the words of `language.intents.intent`."""
    last = dialogue.turns[-1].done if dialogue.turns else ()
    true = {
        "begun": bool(dialogue.turns),
        "listed": dialogue.last_list is not None,
        "asked": any(isinstance(done.result, Questions) for done in last),
        "spoken": bool(focus(dialogue)),
        "figured": bool(last) and last[-1].name in FIGURES,
        "counted": bool(last) and last[-1].name in COUNTS and not last[-1].is_list,
        "told": bool(dialogue.turns and dialogue.turns[-1].singles),
        "grouped": bool(shown_list(dialogue)),
        "showing": bool(last) and last[-1].is_list and len(last[-1].movies) > 1,
        "rated": bool(last) and last[-1].name == "rate_movie",
        "people": bool(dialogue.turns and len(dialogue.turns[-1].users) > 1),
    }
    return frozenset(name for name, holds in true.items() if holds)


def focus(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movie that was spoken of last."""
    return next(((turn.focus,) for turn in reversed(dialogue.turns) if turn.focus), ())


def groups(dialogue: Dialogue, named: Sequence[Ref] = ()) -> list[Group]:
    """Movies that belong together, those spoken of last first: lists, comparisons, those told one by one, those named.

    Args:
        dialogue: The turns before.
        named: Movies that the present message named.
    """
    found = [*_groups(dialogue, named)]
    return [group for group in found if len(group) > 1]


def _groups(dialogue: Dialogue, named: Sequence[Ref]) -> Iterator[Group]:
    yield tuple(named)
    run: tuple[Ref, ...] = ()
    for at, turn in reversed(list(enumerate(dialogue.turns))):
        lists = list(_lists(turn))
        run = each_once([*_told(turn, dialogue.turns[:at]), *run])
        inside = {each.movie_id for each in run} <= {each.movie_id for group in lists for each in group}
        if not (lists or len(turn.pointed) > 1 or not at):
            continue
        runs = [run[first:] for first in range(len(run))]
        yield from (turn.pointed, *lists, *runs) if inside else (*runs, turn.pointed, *lists)
        run = ()
        yield turn.named


def _told(turn: Turn, before: Sequence[Turn]) -> list[Ref]:
    """The movies that a turn told of one by one, without one that was picked out of what was shown before."""
    spoken = {each.movie_id for each in (*turn.named, *turn.pointed)}
    shown = {movie.movie_id for each in before for done in each.done for movie in done.movies}
    return [each for each in turn.singles if each.movie_id in spoken or each.movie_id not in shown]


def _lists(turn: Turn) -> Iterator[Group]:
    """The lists that a turn showed, the last first."""
    for done in reversed(turn.done):
        if done.is_list or isinstance(done.result, RatingList | Comparison):
            yield tuple(done.movies)


def first_list(dialogue: Dialogue) -> Group:
    """The list that was shown first."""
    return next((group for turn in dialogue.turns for group in reversed([*_lists(turn)])), ())


def shown_list(dialogue: Dialogue) -> tuple[Ref, ...]:
    """The movies of the last group."""
    return refs(next(iter(groups(dialogue)), ()))


def of_size(found: Sequence[Group], size: int | None) -> Group:
    """The last group of so many; where there is none, as many of the last one."""
    exact = next((group for group in found if size in (None, len(group))), None)
    return exact if exact is not None else (found[0][:size] if found else ())


def refs(movies: Sequence[MovieName | Ref]) -> tuple[Ref, ...]:
    """Movies as they are referred to."""
    return tuple(each if isinstance(each, Ref) else as_ref(each) for each in movies)


def known(dialogue: Dialogue) -> dict[int, Movie]:
    """Every movie of the results by id, as it was shown last."""
    movies = (movie for done in dialogue.done for movie in done.movies)
    return {movie.movie_id: movie for movie in movies if isinstance(movie, Movie)}
