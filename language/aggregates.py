"""Questions for a figure: what is counted or averaged, over what, grouped by what."""

from __future__ import annotations

from collections.abc import Sequence

from language.conditions import Conditions
from language.frame import Aggregate, Group, Measure
from language.masking import Clause, Token
from language.phrases import table

GROUPS: tuple[Group, ...] = ("month", "rated_year", "decade", "year", "user", "tag", "genre", "stars")
FIRST_RATED = 1995
"""MovieLens began in that year: an earlier one says when a movie was released."""
LEAST_MEMBERS = 20
"""Fewest ratings of a group that is ranked by its mean: a year with one movie says little."""


SUBJECTS = ("genre", "tag", "year", "years", "user", "movie", "series")
FEW = 4
JOINS = ("vs", "or", "and", "against")


def together(said: Sequence[Clause]) -> list[Clause]:
    """The clauses, a question for a figure in one with what it is about: "users 4 and 9. Averages?"."""
    found: list[Clause] = []
    for clause in said:
        whole = clause
        if len(found) > 1 and _says_little(found[-1]) and _asks_of(clause, found[-2]):
            found.pop()  # "does it?"
        if found and _only_users(found[-1]) and not clause.links("user"):
            whole = Clause((*found.pop().tokens, Token(",", ","), *clause.tokens), asks=clause.asks)
        while found and _asks_of(whole, found[-1]):
            before = found.pop()
            tokens = (*before.tokens, Token(",", ","), *whole.tokens)
            whole = Clause(tokens, asks=before.asks or whole.asks, joined=True)
        found.append(whole)
    return found


def _asks_of(clause: Clause, before: Clause) -> bool:
    """True for a question for a figure that names nothing itself, after a clause that does and wants nothing else."""
    told = before.has("statistic", "told") or (before.links("stars") and not before.has("statistic", "measures"))
    told = told or before.tokens[0].word in table("rating_lines", "orders")
    whole = before.has("statistic", "how_many") and clause.has("refer", "one_of")
    ranks = any(_ranks_movies(each) for each in (clause, before))
    named = before.links("movie", "series")
    about = len(named) > 1 if named else before.links("genre", "tag", "year", "years", "user")
    bare = not clause.links(*SUBJECTS) or (before.links("user") and not clause.links("user", "movie", "series"))
    asks = clause.has("statistic", "measures") and not clause.has("statistic", "whole")
    return bool(asks and bare and about and not (told or ranks or whole))


def _ranks_movies(clause: Clause) -> bool:
    orders = ("rating", "worst", "popularity", "newest", "oldest")
    return clause.has("topic", "noun") and any(clause.has("sort", name) for name in orders)


def _says_little(clause: Clause) -> bool:
    asks = clause.has("asks", "aspects") or clause.has("statistic", "measures")
    return len(clause.tokens) <= FEW and not clause.links() and not asks


def _only_users(clause: Clause) -> bool:
    joins = (*JOINS, "+", ",", "&")
    return bool(clause.links("user")) and all(token.link or token.word in joins for token in clause.tokens)


def aggregate(clause: Clause, wants: Conditions, *, of_someone: bool) -> Aggregate:
    """The figure that a clause asks for.

    Args:
        clause: What was said.
        wants: The conditions in it.
        of_someone: A user's or the person's own ratings are meant.
    """
    if clause.has("statistic", "a_head") and clause.has("statistic", "average"):
        return Aggregate()  # "how many ratings per user on average": of the whole catalogue
    by = _group(clause)
    by = "rated_year" if by == "year" and of_someone and not clause.has("statistic", "released") else by
    measure = _measure(clause, by, wants)
    of_ratings = (
        of_someone or measure in ("mean", "min", "max", "histogram") or _of_ratings(clause, wants) or by in _OF_RATINGS
    )
    since, until = _when(clause, by, of_someone=of_someone)
    by = "year" if by == "rated_year" and clause.has("statistic", "by_release") and not of_someone else by
    falling = {spot.end for spot in clause.spots("statistic", "at_least")}
    rising = any(spot.end not in falling for spot in clause.spots("statistic", "ascending"))
    timely = by in ("month", "rated_year") or (by == "decade" and clause.has("statistic", "per"))
    in_time = timely and not clause.has("statistic", "superlative")
    ranked = by not in ("none", "month", "rated_year", "stars")
    return Aggregate(
        of="ratings" if of_ratings else "movies",
        measure=measure,
        by=by,
        ascending=rising,
        sort_by="name" if in_time else "mean" if measure == "mean" and by != "none" else "count",
        at_least=LEAST_MEMBERS if ranked and measure == "mean" and not of_someone else None,
        since=since,
        until=until,
    )


_ENDS: tuple[Measure, ...] = ("min", "max")
_OF_RATINGS: tuple[Group, ...] = ("user", "month", "rated_year", "stars")


def years_are_of_rating(clause: Clause, *, of_someone: bool) -> bool:
    """True where a year says when was rated, not when a movie was released: "ratings given in 2016"."""
    early = any((link.low or FIRST_RATED) < FIRST_RATED for _, link in clause.links("year", "years"))
    released = early or clause.has("statistic", "released")
    return not released and (clause.has("statistic", "given") or (of_someone and clause.has("statistic", "in_year")))


def _group(clause: Clause) -> Group:
    names = {"rated_year": "rated_year"} | {group: f"by_{group}" for group in GROUPS if group != "rated_year"}
    if clause.has("statistic", "users"):
        return "user"
    if len(clause.links("user")) > 1:
        return "none"
    named = {group for group in ("genre", "year") if clause.has("statistic", f"{group}_named")}
    return next((group for group in GROUPS if group not in named and clause.has("statistic", names[group])), "none")


def _measure(clause: Clause, by: Group, wants: Conditions) -> Measure:
    bounded = any(name.endswith("mean") for name in wants.bounds)
    if clause.has("statistic", "histogram") or by == "stars":
        return "histogram"
    if clause.has("statistic", "counts") and (bounded or not clause.has("statistic", "average")):
        return "count"
    ends: list[Measure] = [end for end in _ENDS if clause.has("statistic", end)]
    if ends:
        return ends[0] if len(ends) < 2 else "histogram"
    return "mean" if clause.has("statistic", "mean") and not bounded else "count"


def _of_ratings(clause: Clause, wants: Conditions) -> bool:
    return clause.has("statistic", "ratings") and not wants.bounds


def _when(clause: Clause, by: Group, *, of_someone: bool) -> tuple[str | None, str | None]:
    """The days between which was rated."""
    if not (years_are_of_rating(clause, of_someone=of_someone) or by in ("month", "rated_year")):
        return None, None
    since = until = None
    for place, link in clause.links("year", "years"):
        month = table("months").get(clause.tokens[place - 1].word if place else "")
        since = f"{int(link.low)}-{month or 1:02}-01" if link.low is not None else since
        until = f"{int(link.high)}-{month or 12:02}-{_LAST_DAYS[month or 12]}" if link.high is not None else until
    return since, until


_LAST_DAYS = {1: 31, 2: 28, 3: 31, 4: 30, 5: 31, 6: 30, 7: 31, 8: 31, 9: 30, 10: 31, 11: 30, 12: 31}
