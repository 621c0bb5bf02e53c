"""Reading requests and questions: for movies, after a list, about a movie, between movies, about somebody, and why."""

from __future__ import annotations

import re
from dataclasses import replace

from guide.memory import ABOUT_LISTS, LATELY, MARK, OF_SOMETHING, Intent, Ref, Sentence, cut_tail, listed, ordinal
from guide.wishes import Wish, content_of, merge, read_wish, regex, regexes, themed
from tools.results import Questions

MISSING_FACTS: tuple[tuple[str, str], ...] = (
    (r"\b(?:sequels?|prequels?|franchise|spin-?offs?|remade)\b", "sequels or series"),
    (r"\bsame (?:director|actors?|actress|cast|writers?|people|composer)\b", "directors or casts"),
    (r"\b(?:oscars?|academy awards?|golden globes?|palme d'or|awards?|prizes?|nominat\w+)\b", "awards"),
    (r"\b(?:box office|budget|gross(?:ed)?|how much (?:money )?did|cost to make)\b", "budgets or box office figures"),
    ((r"\bhow long\b|\brun(?:ning)?[- ]?times?\b|\blength\b|\bduration\b|\bhow many (?:minutes|hours)\b|\bshort(?:er|est)\b"
     r"|\blonger\b|\blongest\b"), "running times"),
    ((r"\bwho(?: i|'|')?s in\b|\bwho (?:stars?|plays?|played|acts?|acted|starred|is starring|are the actors)\b|\bcast(?:ing)?\b|\bactors?\b"
     r"|\bactress(?:es)?\b|\bstars? in\b|\bstarring\b"), "casts"),
    ((r"\bwho (?:directed|made|wrote|produced|shot|filmed|composed)\b|\bdirect(?:or|ors|ed)\b|\bwriters?\b|\bwritten by\b|\bproducers?\b"
     r"|\bcomposers?\b|\bscreenwriter\b"), "directors or writers"),
    ((r"\bplot\b|\bsynopsis\b|\bstory ?line\b|\bwhat happens\b|\bhow does (?:it|.{1,60}) end\b|\bthe ending\b|\bspoilers?\b"
     r"|\bsummary\b|\bsummari[sz]e\b|\bwhat(?: i|')?s .{1,80} about\??$|\bthe story\b"), "plots"),
    (r"\btrailers?\b|\bposters?\b|\bsound ?track\b", "trailers, posters or music"),
    (r"\bwhat (?:age|rating board)\b|\bpg[- ]?13\b|\br[- ]rated\b|\bage rating\b|\bsuitable for\b|\bmpaa\b|\bfor what age\b",
     "age ratings"),
    (r"\bwho (?:rated|watched|saw|liked|loved)\b", "names of those who rated"),
    (r"\b(?:what|which) (?:language|country)\b|\bwhere was .{1,60} (?:shot|filmed|made)\b|\bfilmed\b", "languages or places"),
)  # fmt: skip
"""Pattern of a fact that people ask for and the data does not hold, and its name."""


def group(sentence: Sentence) -> Intent | None:
    """As in "for me and user 5", "for users 1, 2 and 3": everybody must like it."""
    wish, _ = read_wish(sentence.text)
    mine = bool(_ME_TOO.search(sentence.text))
    if len(wish.users) + mine < 2 or not wish.users:
        return None
    return Intent("group", wish=wish, topic="me" if mine else "")


_ME_TOO = regex(
    r"\b(?:me|myself|i|us)(?: and|,| ?&| ?\+| plus| with| together with|, and) (?:my friends? |movielens |the )?(?:users?|#)\b|\buser #?\d+\)?'?s?(?: and| ?&| ?\+| plus|,? and) (?:me|myself|i)\b"
    r"|\b(?:together |watch |watching |movie )with (?:movielens )?user\b|\b(?:user \d+ and i)\b"
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


_SIMILARS = regexes(
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

_OTHER_THAN = regex(
    r"(?:i(?:'ve| have)?(?: already)? (?:seen|saw|watched)|(?:except|other than|besides|apart from|not)(?: for)?(?= (?:the )?(?-i:[A-Z]|\W))|(?:don't|do not) (?:include|want|show)|excluding|leav(?:e|ing) out) (.+?)(?=,|$)"
)
_MEETS = regex(r"\bmeets\b|\bcrossed with\b")
_VERB_LIKE = regex(
    r"\b(?:i|you|we|they|user|she|he|people|who|would|'d|did|does|don'?t|might|feel|look|looks|sound|sounds)$|\b(?:i|you|we|they|who|that)(?:'d| would| might| really| also)* *$|\buser \d+$"
)


def popular(sentence: Sentence) -> Intent | None:
    """As in "best horror of the 80s", "what's trending?", "most popular movies of 1999"."""
    if _WORST.search(sentence.text):
        return Intent("worst")
    wish, rest = read_wish(sentence.text)
    recent = LATELY.search(sentence.text)
    if not wish.sort and not (recent and _OF_MANY.search(sentence.text)):
        return None
    wish = themed(wish, LATELY.sub("", rest))
    if wish.theme or wish.mood:
        return Intent("recommend", wish=wish)
    return Intent("popular", wish=wish, topic=recent[0].lower() if recent else "")


_OF_MANY = regex(r"\b(?:people|everyone|everybody|hot|popular|watch(?:ed|ing))\b")
_WORST = regex(
    r"\b(?:i|we)(?:'d| would)(?: really)? (?:hate|dislike)\b|\b(?:worst|lowest[- ]rated|least popular|terrible movies|bad movies|so bad)\b"
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


_GIVE_TITLE = regex(
    r"^(?:please )?(?:give|show|find|get|look up|search(?: for)?)(?: me)? (?-i:[A-Z])[\w':&-]*(?: (?:(?-i:[A-Z])[\w':&-]*|of|the|and|in|a|\d+))*[.!? ]*$"
)
_WHOSE = regex(
    r"^(?:and )?(?:which|what) ((?!kind|sort|type|of\b|other|else)[\w'.-]+(?: [\w'.-]+){0,2}?) (?:movies?|films?) (?:should|would|do|can|could|are|is|to)\b"
)
_MADE_BY = regex(
    r"^(?:and )?(?:what|which)(?: else| other)?(?: (?:movies|films))?(?: else)? (?:did|has|have|does) ((?!i\b|you\b|we\b|it\b|user\b|people\b|they\b|he\b|she\b)[\w.'-]+(?: [\w.'-]+){0,3}?) (?:make|made|direct(?:ed)?|star(?:red)? in|play(?:ed)? in|act(?:ed)? in|do|done|shot|film(?:ed)?|write|wrote|written)\W*$"
)
_OTHERS = regex(r"\b(?:they|he|she|them|him)\b")
_REQUEST = regex(
    r"\b(?:rec+om+[ae]?n?d\w*|recs?|sugg?est\w*|something|anything|sth|smth|(?:what|which)(?: \w+)? (?:should|shall|can|could|do|to|would)(?: (?:i|we|you))?(?: \w+)? (?:watch|see|recommend|suggest|enjoy|like|put on)|what to watch|show me|give me|find me|get me|gimme|find|list|i(?:'d| would)? (?:really )?(?:want|need|like|love) (?:to (?:watch|see)|a|an|some|something|movies?|films?)"
    r"|looking for|in the mood|feel(?:ing)? like|searching for|any (?:good )?(?:\w+ )?(?:movies?|films?|tips|ideas|thoughts)|what's good|got any|got some|do you have|have you got|movie night|need (?:a|an|some)|fancy|movies? (?:about|with|for|set|where|from|that|in|based|adapted)|films? (?:about|with|for|set|where|from|that|in|based|adapted|by|starring|directed)|movies? (?:starring|directed|featuring)|movies? by|tonight|watch next|is there|are there|(?:an?|any|some) (?:\w+ )?(?:movie|film)s?|movies? please|film please|pick|choose)\b|\b(?:movies|films|flicks)\s*[.!?]*$|^(?:directed by|starring|featuring|by)\b|^(?:a )?(?:(?:good|great|nice|decent|new|old) )?(?:movies?|films?)\s*[.!?]*$"
)

_REQUEST_HEAD = regex(
    r"^(?:(?:can|could|would|will) (?:you|u) (?:please )?|please |pls )*(?:rec+om+[ae]?n?d\w*|sugg?est\w*|give|show|find|list|get|tell)(?: (?:me|us|my \w+))?(?: (?:a|an|some))? (?=\w)"
)


def meant(sentence: Sentence) -> Intent | None:
    """As in "I meant the 1986 one", "the other one", "no, the older one": another movie of the same name."""
    others = [other for done in sentence.memory.done[-8:] for found in done.resolved for other in found.others]
    if others and (found := _MEANT.match(sentence.text)):
        year = found[1] or found[2]
        if year and sentence.text.strip(" ?!.") == year and all(other.year != int(year) for other in others):
            return None
        return Intent("meant", topic=(year or found[3] or "other").lower())
    named = _MEANT_TITLE.match(sentence.text)
    return Intent("meant", refs=sentence.refs(named[1])[:1]) if named and sentence.memory.done else None


_MEANT = regex(
    r"^(?:no,? ?|not that one,? ?|but |sorry,? |actually,? |i (?:mean|meant) |what about |how about |and )*(?:the )?(?:one |version |film |movie |remake |original )?"
    r"(?:(?:of|from|in|made in) ((?:18|19|20)\d\d)|((?:18|19|20)\d\d)(?: (?:one|version|film|movie|remake|original))?|(other|older|newer|earlier|later|original|remake)(?: (?:one|version|film|movie))?)[ .!?]*$"
)

_MEANT_TITLE = regex(r"^(?:no,? ?|sorry,? ?)*i (?:actually |really )?(?:meant|mean) (.+)$")


def pick(sentence: Sentence) -> Intent | None:
    """As in "the second one", "and number 3?", "the first and third": into the last list."""
    found = _PICK.match(sentence.text)
    if not found:
        return None
    if not sentence.memory.listed:
        return Intent("nothing_shown") if any(char.isalpha() for char in found[2]) else None
    places = [ordinal(piece) for piece in re.split(r"\s*(?:,|&|\band\b)\s*", found[2].strip())]
    found_at = [listed(place, sentence.memory) for place in places if place is not None]
    refs: tuple[Ref, ...] = tuple(ref for ref in found_at if ref is not None) or sentence.refs(found[2])
    if None in found_at or not refs:
        return Intent("short_list") if None in found_at and None not in places else None
    asked = isinstance(sentence.memory.last_list.result, Questions) if sentence.memory.last_list else False
    if asked and (found[1] or "").strip().lower() in {"", "only", "just", "maybe", "probably", "and"}:
        return Intent("likes", refs=refs)
    return Intent("details", refs=refs[:2], topic="choice" if _CHOICE.search(found[1] or "") else "")


_PLACE = r"(?:the )?(?:number |no\.? ?|#|option )?(?:\d{1,2}(?:st|nd|rd|th)?|first|second|third|fourth|forth|fifth|sixth|seventh|eighth|ninth|tenth|last|former|latter|top)\.?(?: (?:one|ones|movie|film|two|three))?"

_PICK = regex(
    r"^((?:i'?(?:ll| will)?(?: take| pick| choose| go (?:with|for)| watch| try)|let'?s (?:watch|go with|try|take|do)|i(?:'m| am) going with|we'?ll (?:take|watch)|tell me (?:more )?about|what about|how about|and|details (?:on|of)|open|show me|more about|i want|give me|what is|what'?s|it'?s|probably|just|only|maybe) )*"
    rf"((?:{_PLACE}(?:\s*(?:,|&|and)+\s*)?)+|both|all(?: of (?:them|these|those))?|all (?:three|four|five))(?: (?:please|then|(?:sounds|looks|seems) (?:really |very |pretty |quite )?[\w-]+|of (?:them|those|these)|on the list|it is|for me|is (?:good|fine)))*[?!. ]*$"
)

_CHOICE = regex(r"take|pick|choose|go(?:ing)? (?:with|for)|watch|try")


def more(sentence: Sentence) -> Intent | None:
    """As in "more", "another one", "something else", "not those"."""
    if not _MORE.match(sentence.text):
        return None
    wish, _ = read_wish(sentence.text)
    single = wish.limit is None and _ONE_MORE.search(sentence.text)
    return Intent("more", wish=replace(wish, limit=1) if single else wish)


_MORE = regex(
    r"^(?:no,? |nah,? |and |ok,? |but |hmm,? |please |can (?:i|you|we) (?:get|have|show me|give me|see|suggest|recommend) |(?:(?:can|could) you )?(?:show|give|tell)(?: me| us)? |suggest |recommend |any |some |got |have you got |do you have |i (?:want|need) |is there |are there |what about |how about |try |let'?s (?:see|try) )*"
    r"(?:(?:\d{1,2}|one|two|three|four|five|six|ten|a few|a couple|some|any|even|few) )?(?:the )?(?:more|another(?: one| movie| film| list| suggestion| recommendation)?|others?|(?:what|who|anything|something|anyone) else|else|next(?: (?:one|page|\w+))?|(?:something |anything |a |some )?different(?: ones?| movies?)?|one more|keep (?:going|them coming)|continue|go on|again|the rest"
    r"|not (?:that|this|those|these|it)(?: (?:one|ones))?(?: (?:please|either))?|nah|no thanks?(?: you)?|nope|no|nay|skip|pass|(?:i )?(?:don'?t|do not|didn'?t) (?:really )?(?:like|want|fancy) (?:it|that|this|those|these|them|any of (?:these|those|them))(?: one| ones)?|not (?:interested|convinced|my thing|for me|really|today)|meh|something new|other (?:movies|films|ones|options|suggestions|ideas))"
    r"(?: (?:more|please|pls|movies?|films?|ones?|of (?:those|these|them)|like (?:that|this|these|those)|then|instead|suggestions?|recommendations?|options?|ideas?|for (?:me|us)|thanks))*[?!. ]*$"
)

_ONE_MORE = regex(r"\b(?:another(?! list)|one more|next one|not (?:that|this|it)\b|a different one)")


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


_COUNTED = regex(r"\b(?:movies|films|flicks)\b")
_MORE_OF = regex(r"\b(?:more|others?|another)\b")
_ELLIPTIC = regex(
    r"^(?:and|but|only|just|what about|how about|same|the same|with|without|maybe|no|not|or|any|more|less)\b"
)
_NOUN = regex(r"\b(?:something|anything|an?|movies?|films?|flicks?|some|new|best|good|great|list)\b")
_SOMETHING = regex(r"^(?:something|anything|some)\b")


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


_FRESH = regex(
    r"^(?:what|which|who|best|top|recommend|suggest|most|can you recommend|i (?:love|like|want|need))\b(?! about)"
)

_HOW_ABOUT = regex(
    r"^(?:and|ok and|what about|how about|what of|the same(?: thing| again)?(?:,? (?:but|only|just))?|same(?: but)?|now|or|and what about|and how about|try|maybe|then)\b(?: (?:some|a|an|the|any)\b)? ?"
)

_THEME_ONLY = regex(
    r"^(?:and|but|ok and|what about|how about|only|just|with|about|something|anything|ones?)\b.{0,50}\b(?:about|with|on|without)\b|^or (?:a|an|some|maybe|something)\b|^(?:set )?in (?!the (?:first|second|last))"
)


_ABOUT_IT = regex(
    r"^(?:is|was|are|were|tell|describe|explain|rate|compare|who|how|when|where|does|did|do|would|should|can|could|has|have)\b.*\b(?:it|that|this|they|them|him|her|i|you|me)\b"
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


_AND_WHAT_ABOUT = regex(r"^(?:and |so |ok |but )*(?:(?:(?:what|how) about|what of) )?")
_SENTENCE = regex(
    r"\b(?:i|i'm|i've|i'll|you|you're|me|my|we|it|its|it's|is|are|was|were|am|does|do|did|have|has|had|can|could|would|should|will|this|that|these|those|please|just|don't"
    r"|what|what's|which|why|how|who|when|where|same|any|some|swap|remove|also|want|need)\b"
)


def why(sentence: Sentence) -> Intent | None:
    """As in "why?", "why the second one?", "why did you recommend Heat?"."""
    if _WHY_LIKED.match(sentence.text) and sentence.memory.focus is not None:
        return Intent("rated", refs=(sentence.memory.focus,))
    found = _WHY.match(sentence.text)
    if not found or _WHY_NOT_US.match(found[1]):
        return None
    named = sentence.refs(found[1])
    topic = "named" if named or sentence.memory.pointed is not None else ""
    return Intent("why", refs=(named or sentence.refs("it"))[:1], topic=topic)


_WHY_LIKED = regex(
    r"^why (?:do|does|did|is|are|was) (?:people|everyone|everybody|it|this|that|they|he|she)\b.*\b(?:like|love|popular|good|famous|rated|liked|loved|great)\b"
)
_WHY_NOT_US = regex(r"^(?:is|are|do|does|did|can|can't|isn't|was|were|would|should)\b")
_WHY = regex(
    r"^(?:but |and |so )?(?:why(?: on earth)?|how come|how so|explain(?: (?:why|how))?|what makes you (?:think|say|recommend|suggest|pick)|because of what|for what reason|reason|based on what|what'?s the reason)\b"
    r"(?: (?:do|did|would|should|are|is|was|have) (?:you|i|it|that|this|they))?(?: (?:recommend(?:ed|ing)?|suggest(?:ed|ing)?|pick(?:ed)?|choose|chose|think|watch|like|love|say|list(?:ed)?|show(?:n)?|for|that i'?d like|i'?d like|i would like|to me))*"
    r"(?: (?:recommend(?:ed)?|suggest(?:ed)?))?\s*(.*?)[?.! ]*$"
)


def ratings(sentence: Sentence) -> Intent | None:
    """As in "what have I rated?", "what did user 5 like?"."""
    wish = _of_whom(sentence, read_wish(sentence.text)[0])
    if not (_RATINGS.search(sentence.text) or (wish.users and _USER_DID.search(sentence.text))):
        return None
    low, high = _LOWEST.search(sentence.text), _HIGHEST.search(sentence.text)
    return Intent("ratings", wish=wish, topic="lowest" if low else "highest" if high else "newest")


_RATINGS = regex(
    r"\bwhat (?:have|did) (?:i|we) (?:already )?(?:rated?|liked?|loved?|hated?|seen|see|watched?)\b|\b(?:my|own) (?:(?:own|lowest|highest|worst|best|latest|last|recent|top) )?(?:ratings?|rated (?:movies|films)|history|watched list)\b|\bwhich (?:movies|films|ones)?\s?(?:have|did) i (?:rated?|liked?|loved?|hated?)\b"
    r"|\b(?:movies|films|what|the ones) (?:that )?i(?:'ve| have)? (?:already )?rated\b|\bhow (?:have|did) i rated?\b(?! it)|\bmy (?:average|mean)\b"
)

_USER_DID = regex(
    r"\b(?:what|which|how)\b.{0,30}\b(?:did|does|has|have)\b.{0,30}\b(?:lik\w*|lov\w*|rat(?:e|ed|ings?)|watch\w*|seen|see|hat\w*|dislik\w*|enjoy\w*)\b|\b(?:ratings|favou?rites?|rated|history)\b"
)

_LOWEST = regex(r"\b(?:hat\w+|dislik\w+|worst|least|lowest|bad)\b")

_HIGHEST = regex(r"\b(?:lik\w+|lov\w+|best|favou?rites?|highest|top|most|enjoy\w*)\b")


def _of_whom(sentence: Sentence, wish: Wish) -> Wish:
    """The wish, with "they" and "he" as the user spoken of last."""
    known = sentence.memory.user_id
    if known is None or wish.users or not _SOMEONE.search(sentence.text):
        return wish
    return replace(wish, users=(known,))


_SOMEONE = regex(r"\b(?:they|he|she|their|his|her|them|him)\b")


def same_of_user(sentence: Sentence) -> Intent | None:
    """As in "and user 5?" after a question about user 42."""
    wish, last = read_wish(sentence.text)[0], sentence.memory.last
    if not wish.users or not _ONLY_USER.match(sentence.text) or last is None or last.name not in _ABOUT_USERS:
        return None
    movie = last.args.get("movie")
    refs = (movie,) if isinstance(movie, int | str) else ()
    return Intent(_ABOUT_USERS[last.name], refs=refs, wish=wish, topic=str(last.args.get("order") or "newest"))


_ABOUT_USERS = {"get_user_ratings": "ratings", "taste_profile": "taste", "predict_rating": "predict"}
_ONLY_USER = regex(r"^(?:and |what about |how about |now |for )*(?:movielens )?users? #?\d+\W*$")


def taste(sentence: Sentence) -> Intent | None:
    """As in "what's my taste?", "what kind of movies does user 5 like?"."""
    if not _TASTE.search(sentence.text):
        return None
    return Intent("taste", wish=_of_whom(sentence, read_wish(sentence.text)[0]))


_TASTE = regex(
    r"\btastes?\b(?! (?:good|like))(?! is (?:unknown|bad))|\bwhat (?:kind|sort|type|genre)s? (?:of )?(?:movies?|films?|things?|genres?)?\s?(?:do|does|did) (?:i|we|user|he|she|they)\b"
    r"|\bwhat do you (?:know|remember) about (?:me|my)\b|\b(?:my|their|his|her|s) favou?rite (?:genres?|decades?|kinds?|types?)\b|\bmy (?:profile|preferences)\b|\bprofile (?:of|for)\b|\bdescribe (?:me|user)\b|\bwhat am i into\b|\bwho am i\b|\bwho is (?:movielens )?user \d+\b|^(?:and |so )?(?:do|does|did) (?:he|she|they|i|user #?\d+) (?:like|enjoy|love|hate|prefer) (?:[\w-]+ ){0,2}(?:movies|films|horror|comed\w+|dramas?|thrillers?|westerns?|sci-?fi|romance|action|documentar\w+|musicals?|animation)\W*$|\b(?:tell me about|about|describe|analy[sz]e) (?:movielens )?user \d+\b"
)


def predict(sentence: Sentence) -> Intent | None:
    """As in "would I like Alien?", "how would user 5 rate Heat?"."""
    for pattern in _PREDICTS:
        found = pattern.search(sentence.text)
        if found and _PRONOUN.match(found[1]) and sentence.memory.focus is None:
            return Intent("which")
        if found and (refs := sentence.refs(found[1])):
            return Intent("predict", refs=refs[:1], wish=Wish(users=read_wish(sentence.text)[0].users))
    return None


_PRONOUN = regex(r"^(?:it|that|this)(?: one| movie| film)?$")
_PREDICTS = regexes(
    r"\b(?:would|will|might|could|may|'d|'ll|should|do you think|think) (?:i|we|user #?\d+|he|she|they|it)(?:'d|'ll| would| will| might)? (?:really |even |actually |also |probably |be )*(?:like|enjoy|love|hate|dislike|rate|think of|into|give|appreciate|dig) (.+?)\??$",
    r"\b(?:do you think|think|reckon|guess) (?:i|we|user #?\d+)(?:'d|'ll| would| will)? (?:like|enjoy|love|hate|rate) (.+?)\??$",
    r"^(?:should|shall) (?:i|we) (?:watch|see|try|give) (.+?)(?: a (?:try|chance|go))?\??$",
    r"^(?:is|would) (.+?) (?:be )?(?:something |a (?:movie|film) |right |good |one |a good (?:fit|match) )*for (?:me|us)\??$",
    r"\bpredict (?:my |the |a )?(?:rating|stars|score) (?:for|of) (.+?)\??$",
)


def compare(sentence: Sentence) -> Intent | None:
    """As in "Heat or Ronin?", "compare the first two", "which is better, Alien or Aliens?"."""
    told = _NOT_COMPARED.search(sentence.text)
    found = next(filter(None, (pattern.match(sentence.text) for pattern in _COMPARES)), None) if not told else None
    if found:
        refs = sentence.refs(" , ".join(filter(None, found.groups())))
        refs = refs if len(refs) > 1 else tuple(movie.movie_id for movie in sentence.memory.listed[:3])
        if len(refs) > 1:
            return Intent("compare", refs=refs[:4])
        return None if any(group.strip() for group in found.groups() if group) else Intent("nothing_shown")
    either = _EITHER.match(sentence.text)
    if told or not either or any(read_wish(side)[1] == "" for side in either.groups()) or _ASKING.search(sentence.text):
        return None
    refs = sentence.refs(either[1]) + sentence.refs(either[2])
    return Intent("compare", refs=refs[:4]) if len(refs) > 1 else None


_COMPARES = regexes(
    r"^(?:please |can you |could you )*compare (.+?)(?: (?:and|with|to|against|vs\.?|versus) (.+?))?\??$",
    r"^(?:so )?(?:which|what|who)(?: (?:one|movie|film))?(?: of (?:them|these|those|the two))?(?:'s| is| was| are| has| have| should i watch| would you (?:pick|choose|recommend))? ?(?:the )?(?:better|best|higher rated|more popular|preferable|newer|older|more highly rated|higher|rated higher|worth it|first)?(?: rated| rating| ratings)?[,:]? ?[-:]? ?(?:between )?(.+?),? (?:or|vs\.?|versus) (.+?)\??$",
    r"^which (?:one |movie |film )?(?:of (?:them|these|those|the (?:two|three)) )?(?:is|was|'s|are) (?:the )?(?:better|best|higher rated|more popular|(?:the )?(?:best|top|highest)[- ]rated|newer|older)( ?)\??$",
    r"^(?:is|was) (.+?) (?:any |really |actually )?(?:better|worse|more popular|higher rated) than (.+?)\??$",
    r"^(?:what(?:'s| is| are)? )?(?:the )?differences? between (.+?) (?:and|or) (.+?)\??$",
    r"^(?:what do|do) (.+?) (?:and|or) (.+?) have (?:anything )?in common\??$",
    r"^how (?:does|do|is|are|would) (.+?) (?:compared?|stack up|measure up) (?:to|with|against) (.+?)\??$",
    r"^(?:and |so )?which (?:one |movie |film )?(?:of (?:them|these|those) )?(?:has|have|got|had) (?:the )?(?:most|best|highest|more|better)(?: (?:ratings?|stars|score|votes|reviews|average))( ?)\??$",
    r"^(?:and |so )?which (?:one |movie |film )?(?:should (?:i|we) (?:watch|see) )?first( ?)\??$",
    r"^(?:and |so )?which (?:one )?of (?:them|these|those) (?:would|will|might|do you think) (?:i|we)(?:'d| would)? (?:like|enjoy|prefer)( ?)(?: ?(?:most|best|more))?\??$",
    r"^(?:and |so )?(?:which is |what's |what is )?(?:the )?best (?:one )?of (?:those|these|them|the (?:two|three|bunch|lot))( ?)\??$",
    r"^which (?:one |movie |film )?(?:do|does|did|would) (?:people|everyone|most people|others|you|viewers)(?: (?:prefer|like|think))?( )?(?:more|better|best|is better)?\??$",
    r"^(?:so |and |ok )*which (?:one |movie |film )?(?:of (?:them|these|those|the (?:two|three|four|five)) )?(?:should|would|do|shall|could) (?:i|you|we) (?:watch|pick|choose|see|recommend|take|start with|prefer|go for)( ?)(?:first|tonight)?\??$",
    r"^(?:how (?:similar|alike|different) (?:are|is) )(.+?) (?:and|to|from) (.+?)\??$",
    r"^(.+?) (?:vs\.?|versus|compared (?:to|with)) (.+?)\??$",
    r"^(?:should i (?:watch|see)|choose between|pick between|decide between|help me (?:choose|decide) between|watch) (.+?) (?:or|and) (.+?)\??$",
)

_NOT_COMPARED = regex(
    r"\b(?:if i|(?<!would )(?<!will )(?<!might )i (?:lov|lik|hat|enjoy)\w*|(?:film|movie|something) to watch|stand|suggest|recommend)\b"
)
_EITHER = regex(r"^(.{1,80}?) or (.{1,80}?)\??$")

_ASKING = regex(
    r"\b(?:something|anything|recommend|suggest|want|movies|films|like|more|give|show|find|watch|any|made|before|after|in|from)\b"
)


def rated(sentence: Sentence) -> Intent | None:
    """As in "is Heat any good?", "how is it rated lately?"."""
    if _LISTS.search(sentence.text) and not re.search(MARK, sentence.text):
        return None
    for pattern in _RATEDS:
        found = pattern.match(sentence.text)
        if found and (refs := sentence.refs(LATELY.sub("", found[1] or "it"))):
            return Intent("lately" if LATELY.search(sentence.text) else "rated", refs=refs[:1])
    return None


_LISTS = regex(r"\b(?:movies|films|something|anything|recommend|suggest)\b")
_RATEDS = regexes(
    r"^(?:(?:but |and |so )?(?:is|was|are)) (.+?) (?:really |actually |considered |still |supposed to be |as )*(?:any |that |a |so )?(?:good|great|bad|worth (?:it|watching|a watch|seeing|my time)|any good|decent|overrated|underrated|well[- ](?:rated|liked|received)|popular|a good (?:movie|film)|good (?:movie|film)|liked|famous|loved|a (?:success|hit|flop|classic)|successful)(?: (?:as (?:they|people) say|movie|film|lately|these days|nowadays|recently|now))*[?!. ]*$",
    r"^(?:(?:but |and |so )?how(?:'s| is| are| was| did| do| does| has)) (.+?) (?:been )?(?:rated?|doing|scored?|received|ratings?|perform(?:ed|ing)?)(?: .{0,40})?[?!. ]*$",
    r"^(?:and |but )?how (?:good|bad|popular|well[- ](?:rated|liked|received)|highly rated|well known|famous)(?: (?:is|was|are))? (.+?)(?: (?:really|rated|lately|recently|now|these days))*[?!. ]*$",
    r"^(?:and )?(?:what(?:'s| is| are| was| were)?|give me|show(?: me)?|tell me|get)? ?(?:the |its |their )?(?:average |mean |overall |user |people'?s |current |recent |imdb |latest )*(?:ratings?|scores?|reviews?|rating stats|statistics|stats|rating history|histogram)(?: (?:trend|over time|lately))*(?: (?:of|for|on|does|did|do) (.+?)(?: (?:have|get|got))?)?[?!. ]*$",
    r"^(?:and )?(?:what|which|how many) (?:\d[- ]stars? )?(?:ratings?|stars?|scores?|people|users|reviews)(?: (?:does|did|do|has|have|rated|watched|saw|seen))+ (.+?)(?: (?:have|get|got|receive))?[?!. ]*$",
    r"^(?:what|how) (?:do|did|does) (?:people|others|users|everyone|the crowd|viewers|they|you|critics|folks) (?:think|say|like|feel)(?: (?:of|about))? (.+?)[?!. ]*$",
    r"^(?:do|did) (?:people|others|users|you|most people) (?:really )?(?:like|love|enjoy|hate) (.+?)[?!. ]*$",
    r"^(.{1,80}?)(?:'s)? (?:ratings?|scores?|reviews?|stats)[?!. ]*$",
    r"^(?:and )?((?:it|that|this))? ?(?:lately|recently|these days|nowadays)\?$",
)


def trait(sentence: Sentence) -> Intent | None:
    """As in "is it scary?", "is Heat a comedy?": answered from genres and tags."""
    if young := _FOR_KIDS.match(sentence.text):
        refs = sentence.refs(young[1])
        return Intent("trait", refs=refs[:1], wish=Wish(genres=("Children",)), topic="kids") if refs else None
    found = _TRAIT.match(sentence.text)
    if not found:
        return None
    wish, rest = read_wish(found[2])
    refs = sentence.refs(found[1])
    word = found[2].strip(" ?.!")
    alone = len(found[2].split()) == 1 and content_of(found[2]) == word
    known = not content_of(rest) if wish.genres or wish.mood else alone
    return Intent("trait", refs=refs[:1], wish=wish, topic=word) if known and refs else None


_FOR_KIDS = regex(
    r"^(?:but |and |so )?(?:is|would|are|can) (.+?) (?:be )?(?:good|ok|okay|suitable|appropriate|safe|fine|alright|all right|too scary) for (?:my |our |small |young |little |the )*(?:kids?|child|children|famil\w+|toddlers?|an? \d|\d)"
)
_TRAIT = regex(
    r"^(?:but |and |so )?(?:is|was|are) (it|that|this|the \w+(?: one)?|.{1,60}?) (?:actually |really |very |too |so |also )*(?:an? |for )?([\w' -]{3,30})\?*$"
)


def facts(sentence: Sentence) -> Intent | None:
    """As in "how long is Heat?", "who directed it?": facts that the data does not hold."""
    for pattern, topic in _MISSING:
        if pattern.search(sentence.text):
            if topic == "directors or casts":
                return Intent("fact", topic=topic)
            found = _FACT_ABOUT.search(sentence.text)
            refs = sentence.refs(found[1]) if found else ()
            refs = refs or sentence.refs("it")
            return Intent("fact", refs=refs[:1], topic=topic) if not ABOUT_LISTS.search(sentence.text) else None
    return None


_MISSING = tuple((regex(pattern), topic) for pattern, topic in MISSING_FACTS)

_FACT_ABOUT = regex(
    r"(?:.*\b(?:of|in|is|was|are|directed|directs|made|wrote|produced|shot|composed|filmed|about|for|does|did)|^(?:what|who)'?s)\b (?!(?:the )?(?:cast|plot|director|actors?|length|story|runtime|running time|ending|main)\b)(.+?)(?:'s)?"
    r"(?: (?:about|end|directed|made|filmed|shot|all about|directed by.*|runtime|running time|cast|plot|director|long|last|run|star(?:ring)?|(?:win|won|get|gets|cost|gross|make|receive|have|has|got)\b.*|(?:been )?nominated\b.*))*[?!. ]*$"
)


def details(sentence: Sentence) -> Intent | None:
    """As in "tell me about Heat", "when was it made?", "what is the second one?"."""
    topic = next((topic for pattern, topic in _ASKED if pattern.search(sentence.text)), "")
    for pattern in _DETAILS:
        found = pattern.match(sentence.text)
        if found and (refs := sentence.refs(found[1] or "it")) and not ABOUT_LISTS.search(found[1] or ""):
            return Intent("details", refs=refs[:2], topic=topic)
    return None


_ASKED = tuple(
    (regex(pattern), topic)
    for pattern, topic in (
        (r"\bwhen\b|\b(?:what|which) year\b|\bhow old\b|\breleased?\b|\bcame? out\b", "year"),
        (r"\bgenres?\b|\bwhat (?:kind|sort|type)\b", "genre"),
        (r"\btags?\b|\btagged\b|\bthemes?\b|\bkeywords?\b", "tags"),
        (r"\bimdb\b|\btmdb\b|\blinks?\b|\burl\b", "links"),
    )
)

_DETAILS = regexes(
    r"^(?:please |can you |could you |and |now )*(?:tell me (?:something |more |a bit more |a bit |anything |all )?(?:about|on)|more (?:about|on|info(?:rmation)? (?:on|about)|details (?:on|about))|what do you know about|info(?:rmation)? (?:on|about|for)|details?(?: (?:on|of|about|for))?|describe|look up|lookup|show me(?: the)? details (?:of|for|on)|facts (?:on|about)|anything (?:on|about)|expand on|open) (.+?)[?!. ]*$",
    r"^(?:and |so |but )?(?:when (?:was|is|did|were)|(?:in )?(?:what|which) year (?:was|is|did)|how old is) (.+?)(?: (?:made|released?|come out|came out|filmed|shot|from|out|produced|originally))*[?!. ]*$",
    r"^(?:and |so |but )?(?:what|which) (?:genres?|kind of (?:movie|film)|sort of (?:movie|film)|type of (?:movie|film)|tags?|themes?|keywords?)(?: is| are| does| do| has| have| was)+ (.+?)(?: (?:have|in|tagged|carry|get|fall into|under))*[?!. ]*$",
    r"^(?:do you (?:know|have)|have you (?:got|heard of|seen)|did you (?:see|hear of)|is there a (?:movie|film) (?:called|named)|ever heard of|got) (.+?)(?: (?:in (?:your|the) (?:catalogue|catalog|data(?:base)?|list)))?[?!. ]*$",
    r"^(?:is) (.+?) in (?:your|the) (?:catalogue|catalog|data(?:base)?|list|collection)[?!. ]*$",
    r"^(?:what|who|wat|whats)(?:'?s| is| are| was| were)? (?:this |that )?(?:movie |film )?((?!the (?:best|most|top|worst)|(?:should|can|could|to|would|will|do|does|did|else|about|kind|if|other|films?|movies?)\b|a (?:good|great|nice|fun)\b|some\b|good\b|your\b|up\b|on\b|came\b|comes\b|was released|were released|my\b|a good\b|popular\b|hot\b|trending\b|new\b).+?)[?!. ]*$",
    r"^(?:the )?(?:imdb|tmdb) (?:link|page|url)?(?: (?:of|for|to))? ?(.*?)[?!. ]*$",
    r"^.{0,60}?\b(?:the )?(?:release )?(?:year|genres?|tags?) (?:of|for) (.+?)[?!. ]*$",
    r"^(?:links?|tags?|genres?|year|histogram)(?: (?:of|for|to))? (.+?)[?!. ]*$",
)


def genre_list(sentence: Sentence) -> Intent | None:
    """As in "which genres are there?", "how many movies do you have?"."""
    if _HOW_MANY_RATINGS.match(sentence.text) and sentence.memory.focus is not None:
        return Intent("rated", refs=(sentence.memory.focus,))
    if _HOW_MANY.search(sentence.text):
        return Intent("counts")
    return Intent("genres") if _GENRES.search(sentence.text) else None


_HOW_MANY_RATINGS = regex(r"^(?:and )?how many (?:ratings|stars|votes)\W*$")
_HOW_MANY = regex(
    r"\bhow many (?:[\w-]+ ){0,3}(?:movies|films|ratings|users|comedies|westerns|thrillers|dramas)\b(?!.*\b(?:rated|seen|watched|user|does)\b)|\bhow (?:big|large|old) is (?:your|the) (?:catalogue|catalog|data\w*)\b"
)
_GENRES = regex(
    r"\b(?:what|which|list|show)(?: me)?(?: all)?(?: (?:the|of the|your))? (?:genres|categories|tags)\b(?! (?:is|does|has|are (?:in|for|of)))|^genres$"
)
