"""Reading requests for movies, and the short words that follow up a list."""

from __future__ import annotations

import re
from dataclasses import replace

from guide.intents import LATELY, Intent, Sentence, cut_tail
from guide.recall import OF_SOMETHING, Ref
from guide.references import MARK, listed, ordinal
from guide.wishes import Wish, content_of, merge, read_wish, themed
from tools.results import Questions


def group(sentence: Sentence) -> Intent | None:
    """As in "for me and user 5", "for users 1, 2 and 3": everybody must like it."""
    wish, _ = read_wish(sentence.text)
    mine = bool(_ME_TOO.search(sentence.text))
    if len(wish.users) + mine < 2 or not wish.users:
        return None
    return Intent("group", wish=wish, topic="me" if mine else "")


_ME_TOO = re.compile(
    r"\b(?:me|myself|i|us)(?: and|,| ?&| ?\+| plus| with| together with|, and) (?:my friends? |movielens |the )?(?:users?|#)\b|\buser #?\d+\)?'?s?(?: and| ?&| ?\+| plus|,? and) (?:me|myself|i)\b"
    r"|\b(?:together |watch |watching |movie )with (?:movielens )?user\b|\b(?:user \d+ and i)\b",
    re.IGNORECASE,
)


def similar(sentence: Sentence) -> Intent | None:
    """As in "three films like Heat", "something like Alien but funny", "between Heat and Amélie"."""
    for pattern in _SIMILARS:
        found = pattern.search(sentence.text)
        if not found or _VERB_LIKE.search(found["head"] or ""):
            continue
        what, tail = cut_tail(found["what"])
        refs = sentence.refs(_MEETS.sub(" and ", what) or "it")
        if refs:
            head = read_wish(sentence.text[: found.start("what")])[0]
            out = _OTHER_THAN.search(tail)
            wish = merge(head, themed(*read_wish(f"{tail[: out.start()]} {tail[out.end() :]}" if out else tail)))
            return Intent("similar", refs=refs[:5], wish=wish, exclude=sentence.refs(out[1]) if out else ())
    return None


_SIMILARS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?P<head>)\b(?:(?<!difference )(?<!differences )between|(?:mix|cross|blend|combination|mash-?up|crossover)(?: of| between)?) (?P<what>(?!(?:18|19|20)\d\d)(?!\d\d'?s).+? (?:and|with|&) .+)$",
        r"^(?P<head>)(?P<what>.+ meets .+)$",
        r"\b(?P<head>(?:something|anything|some|any|movies?|films?|flicks?|ones?|stuff|more|things?|else|another|others?|recommendations?|suggestions?|exactly|just|pretty much|comed(?:y|ies)|thrillers?|dramas?|westerns?|horrors?|musicals?|romances?|documentar(?:y|ies)|cartoons?)\b[^?]{0,60}?) (?:just |exactly |a bit |kind of |sort of |kinda )?(?:like|lik|similar to|simliar to|similiar to):? (?P<what>.+)$",
        r"(?P<head>)\b(?:similar (?:to|as):?|simil(?:ia|ai)r to|in the (?:vein|style|spirit) of|along the lines of|comparable (?:to|with)|reminiscent of|akin to|resembl(?:es|ing|e)|(?:the )?same (?:vibe|feel|feeling|style|mood) (?:as|like)|vibes? (?:of|like)|reminds? me of|à la|a la) (?P<what>.+)$",
        r"^(?P<head>)(?:(?:more|sth|smth) )?(?:like|as) (?P<what>.+)$",
        r"^(?P<head>)(?:similar|related)(?: (?:movies|films|ones))? (?:to|for) (?P<what>.+)$",
        r"^(?P<head>)(?:what(?:'s| is| are|'re)|is there|are there|anything|got anything)(?: \w+){0,3} (?:like|similar to) (?P<what>.+)$",
        r"^(?P<head>)(?:something |anything |any |more |some |what(?:'s| is) |got )*(?:else )?(?:similar|alike|comparable|(?:of )?the same genre|same genre)(?: (?:ones?|movies?|films?))?(?P<what>)[?!. ]*$",
        r"(?P<head>)\b(?P<what>\S.{0,60})-(?:like|esque|ish) (?:movies?|films?|ones?)\b",
    )
)  # fmt: skip

_OTHER_THAN = re.compile(
    r"(?:i(?:'ve| have)?(?: already)? (?:seen|saw|watched)|(?:except|other than|besides|apart from|not)(?: for)?(?= (?:the )?(?-i:[A-Z]|\W))|(?:don't|do not) (?:include|want|show)|excluding|leav(?:e|ing) out) (.+?)(?=,|$)",
    re.IGNORECASE,
)
_MEETS = re.compile(r"\bmeets\b|\bcrossed with\b", re.IGNORECASE)
_VERB_LIKE = re.compile(
    r"\b(?:i|you|we|they|user|she|he|people|who|would|'d|did|does|don'?t|might|feel|look|looks|sound|sounds)$|\b(?:i|you|we|they|who|that)(?:'d| would| might| really| also)* *$|\buser \d+$",
    re.IGNORECASE,
)


def popular(sentence: Sentence) -> Intent | None:
    """As in "best horror of the 80s", "what's trending?", "most popular movies of 1999"."""
    if _WORST.search(sentence.text):
        return Intent("worst")
    wish, rest = read_wish(sentence.text)
    recent = LATELY.search(sentence.text)
    if not wish.sort and not (
        recent
        and re.search(r"\b(?:people|everyone|everybody|hot|popular|watch(?:ed|ing))\b", sentence.text, re.IGNORECASE)
    ):
        return None
    wish = themed(wish, LATELY.sub("", rest))
    if wish.theme or wish.mood:
        return Intent("recommend", wish=wish)
    return Intent("popular", wish=wish, topic=recent[0].lower() if recent else "")


_WORST = re.compile(
    r"\b(?:i|we)(?:'d| would)(?: really)? (?:hate|dislike)\b|\b(?:worst|lowest[- ]rated|least popular|terrible movies|bad movies|so bad)\b",
    re.IGNORECASE,
)


def recommend(sentence: Sentence) -> Intent | None:
    """Any other request for movies: "recommend me something", "an 80s comedy about robots"."""
    if by := _MADE_BY.match(sentence.text):
        return Intent("recommend", wish=Wish(theme=by[1].strip()))
    if whose := _WHOSE.match(sentence.text):
        sentence = replace(sentence, text=f"{whose[1]} movies")
    asked = bool(_REQUEST.search(sentence.text))
    wish, rest = read_wish(_REQUEST_HEAD.sub("", sentence.text))
    if not (asked or wish.narrows or wish.users or wish.surprise) or re.fullmatch(r"\W*\d{4}\W*", sentence.text):
        return None
    wish = themed(wish, sentence.guarded.plain(rest))
    if _OTHERS.search(sentence.text) and not wish.users and sentence.memory.user_id is not None:
        wish = replace(wish, users=(sentence.memory.user_id,))
    if _GIVE_TITLE.match(sentence.text) and not (wish.genres or wish.mood):
        return _given_title(sentence, wish.theme)
    return Intent("recommend", wish=wish) if asked or _says_enough(wish) else None


def _given_title(sentence: Sentence, title: str) -> Intent | None:
    """As in "give me Heat"."""
    refs = sentence.refs(title)
    return Intent("lookup", refs=refs[:1], given=title) if refs else None


def _says_enough(wish: Wish) -> bool:
    """True if a wish is one without a word of asking: a theme alone may as well be a title."""
    return not wish.theme or bool(wish.genres or wish.mood or wish.year_from or wish.year_to)


_GIVE_TITLE = re.compile(
    r"^(?:please )?(?:give|show|find|get|look up|search(?: for)?)(?: me)? (?-i:[A-Z])[\w':&-]*(?: (?:(?-i:[A-Z])[\w':&-]*|of|the|and|in|a|\d+))*[.!? ]*$",
    re.IGNORECASE,
)
_WHOSE = re.compile(
    r"^(?:and )?(?:which|what) ((?!kind|sort|type|of\b|other|else)[\w'.-]+(?: [\w'.-]+){0,2}?) (?:movies?|films?) (?:should|would|do|can|could|are|is|to)\b",
    re.IGNORECASE,
)
_MADE_BY = re.compile(
    r"^(?:and )?(?:what|which)(?: else| other)?(?: (?:movies|films))?(?: else)? (?:did|has|have|does) ((?!i\b|you\b|we\b|it\b|user\b|people\b|they\b|he\b|she\b)[\w.'-]+(?: [\w.'-]+){0,3}?) (?:make|made|direct(?:ed)?|star(?:red)? in|play(?:ed)? in|act(?:ed)? in|do|done|shot|film(?:ed)?|write|wrote|written)\W*$",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"\b(?:they|he|she|them|him)\b", re.IGNORECASE)
_REQUEST = re.compile(
    r"\b(?:rec+om+[ae]?n?d\w*|recs?|sugg?est\w*|something|anything|sth|smth|(?:what|which)(?: \w+)? (?:should|shall|can|could|do|to|would)(?: (?:i|we|you))?(?: \w+)? (?:watch|see|recommend|suggest|enjoy|like|put on)|what to watch|show me|give me|find me|get me|gimme|find|list|i(?:'d| would)? (?:really )?(?:want|need|like|love) (?:to (?:watch|see)|a|an|some|something|movies?|films?)"
    r"|looking for|in the mood|feel(?:ing)? like|searching for|any (?:good )?(?:\w+ )?(?:movies?|films?|tips|ideas|thoughts)|what's good|got any|got some|do you have|have you got|movie night|need (?:a|an|some)|fancy|movies? (?:about|with|for|set|where|from|that|in|based|adapted)|films? (?:about|with|for|set|where|from|that|in|based|adapted|by|starring|directed)|movies? (?:starring|directed|featuring)|movies? by|tonight|watch next|is there|are there|(?:an?|any|some) (?:\w+ )?(?:movie|film)s?|movies? please|film please|pick|choose)\b|\b(?:movies|films|flicks)\s*[.!?]*$|^(?:directed by|starring|featuring|by)\b|^(?:a )?(?:(?:good|great|nice|decent|new|old) )?(?:movies?|films?)\s*[.!?]*$",
    re.IGNORECASE,
)

_REQUEST_HEAD = re.compile(
    r"^(?:(?:can|could|would|will) (?:you|u) (?:please )?|please |pls )*(?:rec+om+[ae]?n?d\w*|sugg?est\w*|give|show|find|list|get|tell)(?: (?:me|us|my \w+))?(?: (?:a|an|some))? (?=\w)",
    re.IGNORECASE,
)


def meant(sentence: Sentence) -> Intent | None:
    """As in "I meant the 1986 one", "the other one", "no, the older one": another movie of the same name."""
    if not any(found.others for done in sentence.memory.done[-8:] for found in done.resolved):
        named = _MEANT_TITLE.match(sentence.text)
        return Intent("meant", refs=sentence.refs(named[1])[:1]) if named and sentence.memory.done else None
    found = _MEANT.match(sentence.text)
    if found:
        year = found[1] or found[2]
        if year and sentence.text.strip(" ?!.") == year and not _is_other(sentence, int(year)):
            return None
        return Intent("meant", topic=(found[1] or found[2] or found[3] or "other").lower())
    named = _MEANT_TITLE.match(sentence.text)
    return Intent("meant", refs=sentence.refs(named[1])[:1]) if named else None


def _is_other(sentence: Sentence, year: int) -> bool:
    others = (other for done in sentence.memory.done[-8:] for found in done.resolved for other in found.others)
    return any(other.year == year for other in others)


_MEANT = re.compile(
    r"^(?:no,? ?|not that one,? ?|but |sorry,? |actually,? |i (?:mean|meant) |what about |how about |and )*(?:the )?(?:one |version |film |movie |remake |original )?"
    r"(?:(?:of|from|in|made in) ((?:18|19|20)\d\d)|((?:18|19|20)\d\d)(?: (?:one|version|film|movie|remake|original))?|(other|older|newer|earlier|later|original|remake)(?: (?:one|version|film|movie))?)[ .!?]*$",
    re.IGNORECASE,
)

_MEANT_TITLE = re.compile(r"^(?:no,? ?|sorry,? ?)*i (?:actually |really )?(?:meant|mean) (.+)$", re.IGNORECASE)


def pick(sentence: Sentence) -> Intent | None:
    """As in "the second one", "and number 3?", "the first and third": into the last list."""
    found = _PICK.match(sentence.text)
    if not found:
        return None
    if not sentence.memory.listed:
        return Intent("nothing_shown") if any(char.isalpha() for char in found[2]) else None
    places = [ordinal(piece) for piece in re.split(r"\s*(?:,|&|\band\b)\s*", found[2].strip())]
    refs: tuple[Ref, ...] = tuple(
        ref for place in places if place is not None and (ref := listed(place, sentence.memory)) is not None
    )
    refs = refs or sentence.refs(found[2])
    missing = any(place is not None and listed(place, sentence.memory) is None for place in places)
    if missing or not refs or (None in places and not refs):
        return Intent("short_list") if missing and None not in places else None
    asked = isinstance(sentence.memory.last_list.result, Questions) if sentence.memory.last_list else False
    if asked and (found[1] or "").strip().lower() in {"", "only", "just", "maybe", "probably", "and"}:
        return Intent("likes", refs=refs)
    return Intent("details", refs=refs[:2], topic="choice" if _CHOICE.search(found[1] or "") else "")


_PLACE = r"(?:the )?(?:number |no\.? ?|#|option )?(?:\d{1,2}(?:st|nd|rd|th)?|first|second|third|fourth|forth|fifth|sixth|seventh|eighth|ninth|tenth|last|former|latter|top)\.?(?: (?:one|ones|movie|film|two|three))?"

_PICK = re.compile(
    r"^((?:i'?(?:ll| will)?(?: take| pick| choose| go (?:with|for)| watch| try)|let'?s (?:watch|go with|try|take|do)|i(?:'m| am) going with|we'?ll (?:take|watch)|tell me (?:more )?about|what about|how about|and|details (?:on|of)|open|show me|more about|i want|give me|what is|what'?s|it'?s|probably|just|only|maybe) )*"
    rf"((?:{_PLACE}(?:\s*(?:,|&|and)+\s*)?)+|both|all(?: of (?:them|these|those))?|all (?:three|four|five))(?: (?:please|then|(?:sounds|looks|seems) (?:really |very |pretty |quite )?[\w-]+|of (?:them|those|these)|on the list|it is|for me|is (?:good|fine)))*[?!. ]*$",
    re.IGNORECASE,
)  # fmt: skip

_CHOICE = re.compile(r"take|pick|choose|go(?:ing)? (?:with|for)|watch|try", re.IGNORECASE)


def more(sentence: Sentence) -> Intent | None:
    """As in "more", "another one", "something else", "not those"."""
    if not _MORE.match(sentence.text):
        return None
    wish, _ = read_wish(sentence.text)
    single = wish.limit is None and _ONE_MORE.search(sentence.text)
    return Intent("more", wish=replace(wish, limit=1) if single else wish)


_MORE = re.compile(
    r"^(?:no,? |nah,? |and |ok,? |but |hmm,? |please |can (?:i|you|we) (?:get|have|show me|give me|see|suggest|recommend) |(?:(?:can|could) you )?(?:show|give|tell)(?: me| us)? |suggest |recommend |any |some |got |have you got |do you have |i (?:want|need) |is there |are there |what about |how about |try |let'?s (?:see|try) )*"
    r"(?:(?:\d{1,2}|one|two|three|four|five|six|ten|a few|a couple|some|any|even|few) )?(?:the )?(?:more|another(?: one| movie| film| list| suggestion| recommendation)?|others?|(?:what|who|anything|something|anyone) else|else|next(?: (?:one|page|\w+))?|(?:something |anything |a |some )?different(?: ones?| movies?)?|one more|keep (?:going|them coming)|continue|go on|again|the rest"
    r"|not (?:that|this|those|these|it)(?: (?:one|ones))?(?: (?:please|either))?|nah|no thanks?(?: you)?|nope|no|nay|skip|pass|(?:i )?(?:don'?t|do not|didn'?t) (?:really )?(?:like|want|fancy) (?:it|that|this|those|these|them|any of (?:these|those|them))(?: one| ones)?|not (?:interested|convinced|my thing|for me|really|today)|meh|something new|other (?:movies|films|ones|options|suggestions|ideas))"
    r"(?: (?:more|please|pls|movies?|films?|ones?|of (?:those|these|them)|like (?:that|this|these|those)|then|instead|suggestions?|recommendations?|options?|ideas?|for (?:me|us)|thanks))*[?!. ]*$",
    re.IGNORECASE,
)  # fmt: skip

_ONE_MORE = re.compile(
    r"\b(?:another(?! list)|one more|next one|not (?:that|this|it)\b|a different one)", re.IGNORECASE
)


def lacks(sentence: Sentence) -> Intent | None:
    """As in "something shorter": what the data cannot sort by."""
    wish, rest = read_wish(sentence.text)
    bare = not (wish.genres or wish.mood or wish.year_from or wish.year_to or content_of(rest))
    return Intent("fact", topic="running times") if wish.lack and bare else None


def _is_new(sentence: Sentence, wish: Wish) -> bool:
    """True if it is a request of its own ("a horror movie") rather than a change to the last list ("and comedies?")."""
    base = sentence.memory.last_listing
    if wish.limit and _COUNTED.search(sentence.text) and not (base and base.name in OF_SOMETHING):
        return not _ELLIPTIC.match(sentence.text) and not _MORE_OF.search(sentence.text)
    if not (wish.genres or wish.mood or wish.theme) or _ELLIPTIC.match(sentence.text) or wish.age or wish.better:
        return False
    if base and (base.name in OF_SOMETHING or "user_id" in base.args):
        return bool(_NOUN.search(sentence.text)) and not _SOMETHING.match(sentence.text)
    return bool(_NOUN.search(sentence.text) or wish.mood or wish.theme)


_COUNTED = re.compile(r"\b(?:movies|films|flicks)\b", re.IGNORECASE)
_MORE_OF = re.compile(r"\b(?:more|others?|another)\b", re.IGNORECASE)
_ELLIPTIC = re.compile(
    r"^(?:and|but|only|just|what about|how about|same|the same|with|without|maybe|no|not|or|any|more|less)\b",
    re.IGNORECASE,
)
_NOUN = re.compile(
    r"\b(?:something|anything|an?|movies?|films?|flicks?|some|new|best|good|great|list)\b", re.IGNORECASE
)
_SOMETHING = re.compile(r"^(?:something|anything|some)\b", re.IGNORECASE)


def refine(sentence: Sentence) -> Intent | None:
    """As in "and from the 80s?", "only comedies", "newer", "another comedy": the last list, narrowed."""
    if sentence.memory.last_listing is None or _FRESH.search(sentence.text):
        return None
    wish, rest = read_wish(_HOW_ABOUT.sub("", sentence.text))
    left = content_of(rest)
    if (left and not _THEME_ONLY.match(sentence.text)) or _is_new(sentence, wish):
        return None
    wish = replace(wish, theme=left) if left else wish
    swap = "swap" if _HOW_ABOUT.match(sentence.text) else ""
    return Intent("refine", wish=wish, topic=swap) if wish.narrows or wish.users or wish.sort else None


_FRESH = re.compile(
    r"^(?:what|which|who|best|top|recommend|suggest|most|can you recommend|i (?:love|like|want|need))\b(?! about)",
    re.IGNORECASE,
)

_HOW_ABOUT = re.compile(
    r"^(?:and|ok and|what about|how about|what of|the same(?: thing| again)?(?:,? (?:but|only|just))?|same(?: but)?|now|or|and what about|and how about|try|maybe|then)\b(?: (?:some|a|an|the|any)\b)? ?",
    re.IGNORECASE,
)

_THEME_ONLY = re.compile(
    r"^(?:and|but|ok and|what about|how about|only|just|with|about|something|anything|ones?)\b.{0,50}\b(?:about|with|on|without)\b|^or (?:a|an|some|maybe|something)\b|^(?:set )?in (?!the (?:first|second|last))",
    re.IGNORECASE,
)


_ABOUT_IT = re.compile(
    r"^(?:is|was|are|were|tell|describe|explain|rate|compare|who|how|when|where|does|did|do|would|should|can|could|has|have)\b.*\b(?:it|that|this|they|them|him|her|i|you|me)\b",
    re.IGNORECASE,
)


def lookup(sentence: Sentence) -> Intent | None:
    """A bare title or a few words: look them up. Whole sentences must be a title word for word."""
    text = _AND_WHAT_ABOUT.sub("", sentence.text.strip(" ?!.,"))
    marks = re.findall(MARK, text)
    words = re.findall(r"\w+", text)
    if not marks and _ABOUT_IT.match(text):
        return Intent("which") if sentence.memory.focus is None else None
    if not marks and (len(words) > 8 or len(text) < 2 or not any(char.isalpha() or len(text) > 2 for char in text)):
        return None
    if not marks and text.islower() and not content_of(text):
        return None
    written = sentence.guarded.plain(text)
    refs = (sentence.guarded.ref(marks[0]),) if marks else sentence.refs(text)[:1] if len(words) < 3 else (written,)
    exactly = not marks and len(words) > 1 and _SENTENCE.search(text)
    return Intent("lookup", refs=refs, given=written, topic="exactly" if exactly else "") if refs else None


_AND_WHAT_ABOUT = re.compile(r"^(?:and |so |ok |but )*(?:(?:(?:what|how) about|what of) )?", re.IGNORECASE)
_SENTENCE = re.compile(
    r"\b(?:i|i'm|i've|i'll|you|you're|me|my|we|it|its|it's|is|are|was|were|am|does|do|did|have|has|had|can|could|would|should|will|this|that|these|those|please|just|don't"
    r"|what|what's|which|why|how|who|when|where|same|any|some|swap|remove|also|want|need)\b",
    re.IGNORECASE,
)
