"""The intent of a clause: the sure rules of `words.toml`, and the classifier for all else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from language.classifier import classifier
from language.making import runtime
from language.masking import Clause
from language.phrases import table
from language.stances import Said

LEAST_ODDS = 0.1
"""Below these odds nothing is done on a guess: the person is asked."""
GUESS = 0.35
"""Odds below which talk beside the point is not believed where a movie or a condition is named."""
LARGEST = 5
SHORT = 4
"""Words up to which a message in mid-conversation can be a bare condition: "thrillers please"."""
LISTS = frozenset({"recommend", "like", "find"})


@dataclass(frozen=True, slots=True)
class Intent:
    """A label of `examples.toml`, taken apart at its dot, and how sure it is."""

    label: str
    odds: float = 1.0

    @property
    def act(self) -> str:
        return self.label.partition(".")[0]

    @property
    def aspect(self) -> str:
        return self.label.partition(".")[2]


def intent(clause: Clause, said: Sequence[Said], situation: frozenset[str]) -> Intent:
    """The likeliest label that is possible now.

    Args:
        clause: What was said.
        said: The movies that it names.
        situation: The state of the conversation, as far as it decides what a message can mean. Of "begun", "listed"
            (there is a list to point into), "asked" (it asks which of its movies are liked), "spoken" (some movie was
            spoken of), "figured" (the last answer was a fact or a figure), "counted" (a figure over many movies),
            "grouped" (movies can be pointed into), "showing" (a list of several came last), "told" (of single movies),
            "rated" (stars were stored last).
    """
    ranked = [Intent(label, odds) for label, odds in classifier().odds(clause.text)]
    possible = [each for each in ranked if _possible(each, clause, said, situation)] or [Intent("small_talk.help", 0.0)]
    facts = situation | _facts(clause, said)
    for rule in table("rules"):
        if _applies(rule, clause, facts, possible[0]):
            return Intent(rule["label"])
    return Intent(possible[0].label, possible[0].odds / (sum(each.odds for each in possible) or 1.0))


def _possible(each: Intent, clause: Clause, said: Sequence[Said], situation: frozenset[str]) -> bool:
    """True where there is what a label needs: something before it in the conversation, or a movie."""
    needs = table("needs").get(each.act)
    begins = clause.tokens[0].word in table("asks", "starts")
    if (
        needs
        and each.aspect != "remove"
        and not (situation & set(needs) or (said and "named" in needs) or ((clause.asks or begins) and "asks" in needs))
    ):
        return False
    if each.act == "compare":
        several = (
            sum(max(len(name.refs), len(name.of_series)) for name in said) + ("spoken" in situation) > 1
            or "listed" in situation
        )
        return several and (clause.has("compare", "words") or len(said) > 1)
    if each.act == "rate":
        asks = begins or clause.has("statistic", "counts") or (clause.asks and clause.has("asks", "words"))
        asks = asks or (bool(clause.links("genre", "tag")) and not clause.links("number", "stars"))
        large = any((link.low or 0) > LARGEST for _, link in clause.links("number"))
        counted = (clause.has("count", "things") or large) and not clause.links("stars")
        theirs = clause.has("rating_lines", "others") and not clause.has("rating_lines", "own")
        return (
            not asks
            and not counted
            and not theirs
            and (each.aspect != "remove" or clause.has("rating_lines", "remove"))
        )
    named = clause.links("genre", "years") and each.aspect != "feelings"
    if each.act == "small_talk" and (named or (said and each.aspect in ("reset", "greet", "thanks", "bye"))):
        return False
    if each.act in ("outside", "small_talk") and each.odds < GUESS:
        return not (said or clause.links()) and (each.aspect != "repeat" or "begun" in situation)
    return True


def _facts(clause: Clause, said: Sequence[Said]) -> frozenset[str]:
    """The facts that the rules look at: stances, kinds of links, and of what words nothing else is left."""
    words = {token.word for token in clause.tokens if token.link is None}
    kinds = [link.kind for _, link in clause.links()]
    names = clause.links("movie", "series")
    rating = {
        *table("rating_lines", "before"),
        *table("rating_lines", "between"),
        *table("rating_lines", "after"),
        ",",
        ":",
        "|",
    }
    numbers = [link.low for _, link in clause.links("number", "stars")]
    first, last = clause.tokens[0].word, clause.tokens[-1].word
    true = {
        "said": bool(said),
        "several": len(names) > 1,
        "series": bool(names) and names[0][1].kind == "series",
        "whole": any(each.series for each in said),
        "asks": clause.asks,
        "theirs": clause.has("rating_lines", "others") and not clause.has("rating_lines", "own"),
        "names only": bool(names)
        and not words - set(table("fragment", "joins"))
        and len(names) == len(said) == len(kinds),
        "row": bool(names and numbers)
        and last not in table("fragment", "asked")
        and not words - rating
        and all(0 < (number or 0) <= 10 for number in numbers),
        "bare": not kinds,
        "numbers": kinds.count("number") > 1,
        "fragment": bool(kinds) and not set(_left(clause)) - set(table("fragment", "words")),
        "short": len(clause.tokens) <= SHORT,
        "opens": first in table("fragment", "opens") or last in table("fragment", "closes"),
        "pair": any(kinds.count(kind) > 1 for kind in ("genre", "user"))
        or kinds.count("year") + kinds.count("years") > 1,
        "versions": any(len(each.refs) > 1 and clause.tokens[each.place].word == "MOVIE" for each in said),
        "group": any(len(each.refs) > 1 and clause.tokens[each.place].link is None for each in said),
        "ordered": any(clause.has("sort", name) for name in table("sort"))
        or any(clause.has(*path) for path in _ORDERS),
        "made": "person" in kinds or runtime(clause) is not None,
        "bounded": any(clause.has("bounds", name) for name in table("bounds")),
        "only excluded": {each.stance for each in said} == {"excluded"},
    }
    return frozenset({name for name, holds in true.items() if holds} | {each.stance for each in said} | {*kinds})


_ORDERS = (("relative", "older"), ("relative", "newer"), ("choose", "low"), ("choose", "high"), ("choose", "fewest"))


def _left(clause: Clause) -> Iterator[str]:
    """The words of a clause that are in no phrase for a bound or an order."""
    paths = [(group, name) for group in ("bounds", "niche") for name in table(group)]
    spent = {place for path in paths for spot in clause.spots(*path) for place in range(*spot)}
    units = {"ratings", "votes", "reviews"} if spent else set()
    words = ((place, token.word) for place, token in enumerate(clause.tokens) if token.link is None)
    return (word for place, word in words if place not in spent and word not in units)


def _applies(rule: Mapping[str, Any], clause: Clause, facts: frozenset[str], guess: Intent) -> bool:
    """True where all that a rule asks for holds; `any` asks for one of several facts."""
    return (
        guess.act in rule.get("guess", (guess.act,))
        and facts.issuperset(rule.get("all", ()))
        and facts.isdisjoint(rule.get("none", ()))
        and ("any" not in rule or not facts.isdisjoint(rule["any"]))
        and all(clause.has(*path.split(".")) for path in rule.get("has", ()))
        and not any(clause.has(*path.split(".")) for path in rule.get("hasnt", ()))
    )
