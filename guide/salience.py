"""The movies and people that a conversation speaks of: the one in focus, and the groups that can be pointed into."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from guide.dialogue import Dialogue, Turn, as_ref
from language.frame import Ref
from language.standing import each_once
from movies.models import Movie, MovieName
from tools.results import Comparison, Questions, RatingList

Group = tuple[MovieName | Ref, ...]
FIGURES = ("compare_movies", "query_catalogue", "get_user_ratings", "get_movie", "taste_profile")
COUNTS = ("query_catalogue", "get_user_ratings", "taste_profile")


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
