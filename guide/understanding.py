"""Reading a person's message into intents: sentences, the rules for them in order, and joining what belongs together.

No tools and no answers here. What no rule understands is an intent of its own, so that it can be said.
"""

from __future__ import annotations

import re
from dataclasses import replace

from guide import list_requests as lists
from guide import opinions, questions
from guide.intents import Intent, Rule, Sentence
from guide.manners import SOCIAL, foreign, scope
from guide.recall import Memory
from guide.references import MARK, guard, tidy
from guide.vocabulary import OPENERS
from guide.wishes import merge

MAX_SENTENCE = 300
MAX_SENTENCES = 12
MAX_INTENTS = 5

RULES: tuple[Rule, ...] = (
    opinions.rate,
    scope,
    opinions.unrate,
    questions.why,
    lists.meant,
    questions.predict,
    questions.same_of_user,
    questions.taste,
    questions.ratings,
    lists.group,
    questions.compare,
    opinions.seen,
    questions.genre_list,
    lists.more,
    lists.lacks,
    lists.similar,
    opinions.likes,
    questions.rated,
    questions.facts,
    questions.trait,
    lists.pick,
    lists.popular,
    questions.details,
    lists.refine,
    opinions.answered,
    lists.recommend,
    lists.lookup,
)
"""Tried in this order; the first that reads an intent wins."""

_ADDS_NOTHING = {"greet", "thanks", "feelings", "yes", "no", "praise", "unknown", "bye", "empty"}
_TELLS_ENOUGH = {"rated", "fact", "predict", "lately", "trait"}
_JOINS: dict[tuple[str, str], str] = {
    ("likes", "likes"): "likes",
    ("likes", "recommend"): "likes",
    ("likes", "popular"): "likes",
    ("likes", "refine"): "likes",
    ("likes", "more"): "likes",
    ("recommend", "likes"): "likes",
    ("popular", "likes"): "likes",
    ("recommend", "recommend"): "recommend",
    ("recommend", "refine"): "recommend",
    ("recommend", "popular"): "popular",
    ("recommend", "similar"): "similar",
    ("recommend", "group"): "group",
    ("popular", "refine"): "popular",
    ("similar", "refine"): "similar",
    ("similar", "recommend"): "similar",
    ("group", "recommend"): "group",
    ("group", "refine"): "group",
    ("more", "refine"): "more",
    ("refine", "refine"): "refine",
    ("refine", "recommend"): "recommend",
    ("refine", "popular"): "popular",
    ("lookup", "refine"): "lookup",
    ("who", "help"): "who",
    ("recommend", "seen"): "recommend",
    ("similar", "seen"): "similar",
    ("popular", "seen"): "popular",
    ("likes", "seen"): "likes",
    ("seen", "more"): "more",
    ("seen", "recommend"): "recommend",
    ("seen", "similar"): "similar",
    ("greet", "who"): "who",
    ("unsure", "recommend"): "recommend",
    ("unsure", "likes"): "likes",
    ("recommend", "unsure"): "recommend",
    ("likes", "unsure"): "likes",
    ("seen", "likes"): "likes",
    ("likes", "similar"): "similar",
}
"""Pairs of intents that, one after the other, are one: "I loved Heat. What should I watch?"."""

_STOP = re.compile(
    r"(?<!\bdr\.)(?<!\bmr\.)(?<!\bms\.)(?<!\bst\.)(?<!\bvs\.)(?<!\bno\.)(?<!\bmrs\.)(?<!\bvol\.)(?<!\binc\.)(?<!\bjr\.)"
    r"(?<!\b[a-z]\.)(?<=\.)\s+|(?<=[!?;])\s+",
    re.IGNORECASE,
)
_AND = re.compile(r"(?:and|also|plus|oh and|as well as)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"(?:\s*,\s*(?:and |so |but )?|\s+(?:and|so)\s+|\s+[-\u2013]\s+)"
    r"(?=(?:what (?:should|can|could|else|to|would|do)|can you|could you|would you|please (?:recommend|suggest|give|show)"
    r"|rec+om+[ae]nd|sugg?est|give me|show me|find me|which (?:movie|film)|is there|got any|do you have"
    r"|any (?:suggestions?|recommendations?|ideas?|tips)|i (?:want|need)|i'?m (?:looking|in the mood)|i'd like)\b)"
    r"|\s+(?=what (?:should|else|would|can|could) (?:i|you|we)\b)"
    r"|\s*,?\s+(?:and|but) (?=(?:it|that) (?:was|is)\b)"
    r"|\s*,\s*(?:and |but )?(?=(?:i )?(?:really |absolutely )?(?:loved|hated|liked|enjoyed|disliked) (?:it|that|them)\b)",
    re.IGNORECASE,
)


def understand(text: str, memory: Memory) -> list[Intent]:
    """The person's wants, in the order they said them; at most three, at least one."""
    tidied = tidy(text)
    if not any(char.isalnum() for char in tidied):
        return [Intent("empty", topic=tidied[:20])]
    if language := foreign(tidied):
        return [Intent("foreign", topic=language)]
    guarded = guard(tidied, memory)
    intents: list[Intent] = []
    for sentence in sentences(guarded.text):
        intent = _read(Sentence(sentence, guarded, memory))
        if intent.kind == "lookup" and intents and intents[-1].kind == "likes" and _AND.match(sentence):
            intent = replace(intent, kind="likes", given="")
        memory = memory.mention(intent.refs)
        intents.append(intent)
    return _settled(intents)


def sentences(text: str) -> list[str]:
    """The sentences and clauses of a text; a stop after "Dr", "vs" or one letter ends none."""
    parts = (part.strip(" ,-") for part in _CLAUSE.sub("\n", _STOP.sub("\n", text)).split("\n"))
    kept = (part[:MAX_SENTENCE] for part in parts if re.search(rf"\w|{MARK}", part))
    return [piece for part in kept for piece in opinions.each_rating(part)][:MAX_SENTENCES]


def _read(sentence: Sentence) -> Intent:
    if whole := _first(SOCIAL, sentence):
        return whole
    opened = replace(sentence, text=OPENERS.sub("", sentence.text).strip() or sentence.text)
    return _first((*SOCIAL, *RULES), opened) or Intent("unknown", given=opened.plain)


def _first(rules: tuple[Rule, ...], sentence: Sentence) -> Intent | None:
    return next(filter(None, (rule(sentence) for rule in rules)), None)


def _settled(intents: list[Intent]) -> list[Intent]:
    """Join what belongs together, and drop what says nothing beside the rest."""
    joined: list[Intent] = []
    for intent in intents:
        kind = _JOINS.get((joined[-1].kind, intent.kind)) if joined else None
        if kind:
            joined[-1] = _added(joined[-1], intent, kind)
        elif intent not in joined and (intent.kind != "scope" or "scope" not in {each.kind for each in joined}):
            joined.append(intent)
    rated = {ref for intent in joined if intent.kind == "rate" for ref in intent.refs}
    joined = [intent for intent in joined if intent.kind != "likes" or intent.disliked or not set(intent.refs) <= rated]
    told = {ref for intent in joined if intent.kind in _TELLS_ENOUGH for ref in intent.refs}
    joined = [intent for intent in joined if intent.kind != "details" or not set(intent.refs) <= told]
    weighty = [intent for intent in joined if intent.kind not in _ADDS_NOTHING]
    if any(intent.kind != "lookup" for intent in weighty):
        weighty = [intent for intent in weighty if intent.kind != "lookup" or not intent.given.islower()]
    said = [intent for intent in joined if intent.kind != "unknown"]
    return weighty[:MAX_INTENTS] or said[:1] or joined[:1] or [Intent("empty")]


def _added(first: Intent, second: Intent, kind: str) -> Intent:
    if second.kind == "seen":
        return replace(first, exclude=first.exclude + second.refs)
    if first.kind == "seen" and kind != "likes":
        return replace(second, exclude=second.exclude + first.refs)
    return replace(
        first,
        kind=kind,
        refs=tuple(dict.fromkeys(first.refs + second.refs)),
        disliked=tuple(dict.fromkeys(first.disliked + second.disliked)),
        wish=merge(first.wish, second.wish),
        topic=first.topic or second.topic,
        group=first.group or second.group,
        exclude=tuple(dict.fromkeys(first.exclude + second.exclude)),
    )
