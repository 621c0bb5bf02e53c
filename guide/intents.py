"""The intent of a clause: a few sure rules, and the classifier for all else."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from guide.classifier import classifier
from guide.dialogue import Dialogue
from guide.masking import Clause
from guide.phrases import table
from guide.references import focus
from guide.stances import Said
from tools.results import Questions

LEAST_ODDS = 0.1
"""Below these odds nothing is done on a guess: the person is asked."""
GUESS = 0.35
"""Odds below which talk beside the point is not believed where a movie or a condition is named."""
SHORT = 4
"""Words up to which a message in mid-conversation can be a bare condition: "thrillers please"."""
LISTS = frozenset({"recommend", "like", "find"})


@dataclass(frozen=True, slots=True)
class Intent:
    """A label of `examples.toml` and how sure it is."""

    label: str
    odds: float = 1.0

    @property
    def act(self) -> str:
        """The part before the dot."""
        return self.label.partition(".")[0]

    @property
    def aspect(self) -> str:
        """The part after the dot."""
        return self.label.partition(".")[2]


@dataclass(frozen=True, slots=True)
class Situation:
    """The state of the conversation, as far as it decides what a message can mean.

    Attributes:
        asked: The last list was a question which of its movies are liked.
        figured: The last answer was a figure, a fact or somebody's ratings, not a list to choose from.
    """

    begun: bool
    listed: bool
    asked: bool
    spoken_of: bool
    figured: bool
    rated: bool

    @classmethod
    def of(cls, dialogue: Dialogue) -> Situation:
        """The situation after the turns so far."""
        last = dialogue.turns[-1].done if dialogue.turns else ()
        asked = any(isinstance(done.result, Questions) for done in last)
        figured = bool(last) and last[-1].name in ("query_catalogue", "get_user_ratings", "get_movie", "taste_profile")
        rated = bool(last) and last[-1].name == "rate_movie"
        return cls(bool(dialogue.turns), dialogue.last_list is not None, asked, bool(focus(dialogue)), figured, rated)


def intent(clause: Clause, said: Sequence[Said], situation: Situation) -> Intent:
    """The likeliest label that is possible now."""
    ranked = [Intent(label, odds) for label, odds in classifier().odds(clause.text)]
    possible = [each for each in ranked if _possible(each, clause, said, situation)] or [Intent("small_talk.help", 0.0)]
    for rule in RULES:
        if label := rule(clause, said, situation, possible[0]):
            return Intent(label)
    total = sum(each.odds for each in possible) or 1.0
    return Intent(possible[0].label, possible[0].odds / total)


def _possible(each: Intent, clause: Clause, said: Sequence[Said], situation: Situation) -> bool:
    names = bool(said)
    match each.act:
        case "delta":
            return situation.begun
        case "answer":
            return situation.begun
        case "choose" | "recall":
            return situation.begun
        case "why":
            return situation.begun or names
        case "fact" | "predict":
            return names or situation.spoken_of or bool(clause.asks)
        case "compare":
            several = sum(len(each.refs) for each in said) + situation.spoken_of > 1 or situation.listed
            return several and clause.has("compare", "words")
        case "like":
            return names or situation.spoken_of
        case "rate":
            counted = clause.has("count", "things") and not clause.links("stars")
            asks = clause.tokens[0].word in table("asks", "starts") or (clause.asks and clause.has("asks", "words"))
            taken_back = each.aspect != "remove" or clause.has("rating_lines", "remove")
            return (names or situation.spoken_of) and taken_back and not counted and not asks
        case "outside" | "small_talk" if each.odds < GUESS:
            return not (names or clause.links()) and (each.aspect != "repeat" or situation.begun)
        case _:
            return True


Rule = Callable[[Clause, Sequence[Said], Situation, Intent], str]


def _names_alone(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """Nothing but titles: one is looked up, several are likes."""
    words = {token.word for token in clause.tokens if token.link is None} - {"and", ",", "or", "the", "please", "movie", "*"}
    movies = clause.links("movie", "series")
    if words or not movies or len(movies) != len(said) or len(movies) != sum(token.link is not None for token in clause.tokens):
        return ""
    if situation.asked or len(movies) > 1:
        return "compare" if clause.text.strip() in ("MOVIE or MOVIE",) else "tell.opinion"
    return "find" if movies[0][1].kind == "series" else "fact.everything"


def _fragment(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """"And 1996?", "of Alien?", "funny ones": a change of what was said before."""
    words = [token.word for token in clause.tokens if token.link is None]
    if not situation.begun or not clause.links() or set(words) - set(table("fragment", "words")) or guess.act == "answer":
        return ""
    if situation.rated and clause.links("number", "stars") and not clause.links("genre", "year", "years"):
        return "rate"
    first, last = clause.tokens[0].word, clause.tokens[-1].word
    corrects = set(words) & set(table("fragment", "corrects"))
    opens = first in table("fragment", "opens") or last in table("fragment", "closes") or clause.has("fragment", "asks")
    bare = situation.listed and not said and len(clause.tokens) <= SHORT and not clause.has("topic", "noun") and not clause.has("sort", "rating")
    if situation.figured or corrects or bare or (opens and guess.act in ("find", "recommend", "like", "fact", "compare", "statistic", "outside", "unclear")):
        return "delta.correct" if corrects else "delta.narrow"
    return ""


def _of_those(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """ "How many of those are comedies?", "which of them has the most ratings?" after a figure goes on from it."""
    goes_on = situation.figured and clause.has("refer", "of_those") and not clause.has("refer", "of_two")
    return "delta.narrow" if goes_on and not situation.listed else ""


def _compared(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """Genres, years or users that are set against each other: "are 80s films rated better than 90s films?"."""
    several = any(len(clause.links(*kinds)) > 1 for kinds in (("genre",), ("year", "years"), ("user",)))
    against = several and not said and clause.has("statistic", "against") and clause.has("statistic", "compared")
    return "statistic" if against and guess.act in ("find", "recommend", "delta", "taste", "compare", "ratings") else ""


def _liked_by_user(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """ "Which horror films does user 5 like" asks for ratings, not for a whole taste."""
    narrowed = clause.links("genre", "year", "years") and guess.act == "taste"
    owned = guess.act == "find" and not clause.has("statistic", "yet")
    return "ratings" if clause.links("user") and (narrowed or owned) else ""


def _of_groups(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """ "Which decade has the most ratings" asks for a decade, not for movies."""
    return "statistic" if not said and clause.has("statistic", "group") and guess.act in ("find", "recommend", "delta") else ""


def _rating_row(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """Nothing but titles and stars: ratings."""
    fill = {*table("rating_lines", "before"), *table("rating_lines", "between"), *table("rating_lines", "after"), ",", ":", "|"}
    numbers = [link.low for _, link in clause.links("number", "stars")]
    words = {token.word for token in clause.tokens if token.link is None}
    return "rate" if clause.links("movie", "series") and numbers and not clause.asks and not words - fill and all(0 < (n or 0) <= 10 for n in numbers) else ""


def _not_wanted(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """Nothing but what is not wanted."""
    stances = {each.stance for each in said}
    if stances != {"excluded"} or guess.act not in ("compare", "fact", "answer", "outside", "tell", "small_talk", "statistic"):
        return ""
    return "delta.narrow" if situation.begun else "recommend"


def _stars_given(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """Stars beside a title that are no bound and no question."""
    given = clause.links("stars") and (said or situation.spoken_of)
    asks = clause.asks or clause.has("statistic", "counts") or any(clause.has("bounds", name) for name in ("min_mean", "max_mean"))
    return "rate" if given and not asks and guess.act not in ("ratings", "statistic", "find", "fact", "delta") else ""


def _alike(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """"like Alien" asks for a list, whatever stands around it."""
    similar = any(each.stance == "similar" for each in said)
    return "like" if similar and guess.act in ("recommend", "find", "tell", "delta", "unclear", "small_talk", "answer", "rate") else ""


def _liked_alone(clause: Clause, said: Sequence[Said], situation: Situation, guess: Intent) -> str:
    """Tastes told without a question are taken up, whatever else the words resemble."""
    stances = {each.stance for each in said}
    if clause.asks or not stances & {"liked", "disliked", "seen"} or stances & {"similar"}:
        return ""
    if guess.act in ("fact", "find", "delta", "answer", "small_talk", "compare", "ratings", "like"):
        return "tell.opinion" if stances & {"liked", "disliked"} else "tell.seen"
    return ""


RULES: tuple[Rule, ...] = (_fragment, _liked_by_user, _of_those, _compared, _of_groups, _names_alone, _rating_row, _not_wanted, _stars_given, _alike, _liked_alone)
