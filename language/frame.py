"""The frame of a message: all that the guide understood of one wish, typed, before anything is looked up."""

from __future__ import annotations

from typing import Literal

from movies.models import Filters, Model

Act = Literal[
    "recommend",  # what to watch: from likes, from one's own ratings, for a user or a group, by words
    "like",  # movies like one or several others
    "find",  # a list by filters, words and order alone: "best comedies of the 80s", "do you have Heat?"
    "fact",  # of one movie or more: `aspect` says which
    "statistic",  # a count, a mean, a ranking of groups: `aggregate` says which
    "compare",
    "rate",  # the person tells stars, or takes them back (`stars` None)
    "opinion",  # likes and dislikes told without stars
    "seen",  # the person has seen these and asks for nothing more in this message
    "ratings",  # the ratings of the person or of a user, as a list
    "taste",
    "predict",
    "why",
    "recall",  # what was shown or said before
    "choose",  # pick one of the list that was shown
    "small_talk",  # `aspect`: greet, thanks, bye, help, who, praise, feelings, insult, reset, stop, repeat
    "outside",  # nothing that the data knows: `aspect` names it (weather, code, plot, cast, streaming …)
    "unclear",
]
Measure = Literal["count", "mean", "min", "max", "histogram", "list"]
Group = Literal["none", "genre", "decade", "year", "tag", "user", "month", "stars", "rated_year"]


class Ref(Model):
    """A movie that is spoken of, by id where it is sure; `others` could have been meant as well, best first."""

    movie_id: int
    title: str
    year: int | None = None
    certainty: float = 1.0
    others: tuple[int, ...] = ()


class Aggregate(Model):
    """A figure over the catalogue, as the tool `query_catalogue` takes it."""

    of: Literal["movies", "ratings"] = "movies"
    measure: Measure = "count"
    by: Group = "none"
    ascending: bool = False
    sort_by: Literal["count", "mean", "name"] = "count"
    at_least: int | None = None
    since: str | None = None
    until: str | None = None


class Frame(Model):
    """One wish of a message, whole: what it says of earlier turns ("only comedies", "the second one") is worked in.

    Attributes:
        movies: what it is about: seeds, subjects, what was rated or seen.
        exclude: movies that must not appear; `exclude_series`: names of series, likewise.
        text: words for what it should be about that are neither genre nor tag nor title.
        users: MovieLens users by number; several for a group. `own`: the person is meant ("my ratings").
        again: others than those that were shown are wanted ("more", "another one").
        follows: the last list once more, under other conditions; what was not taken back is kept.
        unmet: conditions that were understood and cannot be applied, in the person's words ("running time").
        ambiguous: choices to ask about where confidence is low.
        language: ISO 639-1 code of the message.
    """

    act: Act
    movies: tuple[Ref, ...] = ()
    liked: tuple[Ref, ...] = ()
    disliked: tuple[Ref, ...] = ()
    exclude: tuple[Ref, ...] = ()
    exclude_series: tuple[str, ...] = ()
    filters: Filters = Filters()
    text: str | None = None
    sort: Literal["relevance", "rating", "popularity", "worst", "newest", "oldest"] | None = None
    count: int | None = None
    novelty: float | None = None
    diversity: float | None = None
    window_days: int | None = None
    users: tuple[int, ...] = ()
    own: bool = False
    order: Literal["newest", "oldest", "highest", "lowest"] | None = None
    aggregate: Aggregate | None = None
    aspect: str = ""
    stars: float | None = None
    again: bool = False
    follows: bool = False
    unmet: tuple[str, ...] = ()
    ambiguous: tuple[str, ...] = ()
    language: str = "en"
    confidence: float = 1.0
