"""The tastes that a person told, in a message and in the turns before: likes, dislikes, seen, not wanted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from language.conditions import Conditions
from language.frame import Ref
from language.stances import Said, Stance


@dataclass(frozen=True, slots=True)
class Told:
    """Tastes and exclusions. They hold until they are taken back or the person starts over.

    Attributes:
        users: the MovieLens user that the person is: "I am user 6".
    """

    liked: tuple[Ref, ...] = ()
    disliked: tuple[Ref, ...] = ()
    seen: tuple[Ref, ...] = ()
    excluded: tuple[Ref, ...] = ()
    exclude_series: tuple[str, ...] = ()
    exclude_genres: tuple[str, ...] = ()
    exclude_tags: tuple[str, ...] = ()
    users: tuple[int, ...] = ()

    def __or__(self, other: Told) -> Told:
        """Both; where they disagree, what was said later."""
        return Told(
            liked=_apart(self.liked, other.disliked) + other.liked,
            disliked=_apart(self.disliked, other.liked) + other.disliked,
            seen=self.seen + other.seen,
            excluded=self.excluded + other.excluded,
            exclude_series=self.exclude_series + other.exclude_series,
            exclude_genres=self.exclude_genres + other.exclude_genres,
            exclude_tags=self.exclude_tags + other.exclude_tags,
            users=other.users or self.users,
        )

    def without(self, wants: Conditions) -> Told:
        """The tastes that are left once genres and tags were asked for again."""
        back = {*wants.back, *wants.genres, *wants.tags}
        genres = tuple(name for name in self.exclude_genres if name not in back)
        tags = tuple(name for name in self.exclude_tags if name not in back)
        return replace(self, exclude_genres=genres, exclude_tags=tags)


def told_in(said: Iterable[Said], wants: Conditions) -> Told:
    """The tastes and exclusions of a clause. Whoever likes or dislikes a movie has seen it."""
    said = list(said)
    return Told(
        liked=_refs(said, "liked"),
        disliked=_refs(said, "disliked"),
        seen=each_once([*_refs(said, "seen"), *_of_series(said, "seen")]),
        excluded=each_once([*_refs(said, "excluded"), *_of_series(said, "excluded")]),
        exclude_series=tuple(
            each.series for each in said if each.series and each.stance in ("excluded", "seen", "disliked")
        ),
        exclude_genres=wants.exclude_genres,
        exclude_tags=wants.exclude_tags,
    )


def each_once(refs: Iterable[Ref]) -> tuple[Ref, ...]:
    """Movies without repetition, in their order."""
    return tuple({ref.movie_id: ref for ref in reversed(list(refs))}.values())[::-1]


def _refs(said: Iterable[Said], stance: Stance) -> tuple[Ref, ...]:
    return each_once(ref for each in said if each.stance == stance for ref in each.refs)


def _of_series(said: Iterable[Said], stance: Stance) -> tuple[Ref, ...]:
    """Every movie of the series that are meant as a whole."""
    meant = (each for each in said if each.series and each.stance == stance)
    return tuple(Ref(movie_id=movie_id, title=each.series) for each in meant for movie_id in each.of_series)


def _apart(refs: tuple[Ref, ...], others: tuple[Ref, ...]) -> tuple[Ref, ...]:
    gone = {ref.movie_id for ref in others}
    return tuple(ref for ref in refs if ref.movie_id not in gone)
