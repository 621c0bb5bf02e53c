"""Reading questions: about a movie, between movies, about somebody, and why."""

from __future__ import annotations

import re
from dataclasses import replace

from guide.intents import ABOUT_LISTS, LATELY, Intent, Sentence
from guide.references import MARK
from guide.vocabulary import MISSING_FACTS
from guide.wishes import Wish, content_of, read_wish


def why(sentence: Sentence) -> Intent | None:
    """As in "why?", "why the second one?", "why did you recommend Heat?"."""
    if _WHY_LIKED.match(sentence.text) and sentence.memory.focus is not None:
        return Intent("rated", refs=(sentence.memory.focus,))
    found = _WHY.match(sentence.text)
    if not found or _WHY_NOT_US.match(found[1]):
        return None
    refs = sentence.refs(found[1]) or sentence.refs("it")
    return Intent(
        "why", refs=refs[:1], topic="named" if sentence.refs(found[1]) or sentence.memory.pointed is not None else ""
    )


_WHY_LIKED = re.compile(
    r"^why (?:do|does|did|is|are|was) (?:people|everyone|everybody|it|this|that|they|he|she)\b.*\b(?:like|love|popular|good|famous|rated|liked|loved|great)\b",
    re.IGNORECASE,
)
_WHY_NOT_US = re.compile(r"^(?:is|are|do|does|did|can|can't|isn't|was|were|would|should)\b", re.IGNORECASE)
_WHY = re.compile(
    r"^(?:but |and |so )?(?:why(?: on earth)?|how come|how so|explain(?: (?:why|how))?|what makes you (?:think|say|recommend|suggest|pick)|because of what|for what reason|reason|based on what|what'?s the reason)\b"
    r"(?: (?:do|did|would|should|are|is|was|have) (?:you|i|it|that|this|they))?(?: (?:recommend(?:ed|ing)?|suggest(?:ed|ing)?|pick(?:ed)?|choose|chose|think|watch|like|love|say|list(?:ed)?|show(?:n)?|for|that i'?d like|i'?d like|i would like|to me))*"
    r"(?: (?:recommend(?:ed)?|suggest(?:ed)?))?\s*(.*?)[?.! ]*$",
    re.IGNORECASE,
)  # fmt: skip


def ratings(sentence: Sentence) -> Intent | None:
    """As in "what have I rated?", "what did user 5 like?"."""
    wish = _of_whom(sentence, read_wish(sentence.text)[0])
    if not (_RATINGS.search(sentence.text) or (wish.users and _USER_DID.search(sentence.text))):
        return None
    low, high = _LOWEST.search(sentence.text), _HIGHEST.search(sentence.text)
    return Intent("ratings", wish=wish, topic="lowest" if low else "highest" if high else "newest")


_RATINGS = re.compile(
    r"\bwhat (?:have|did) (?:i|we) (?:already )?(?:rated?|liked?|loved?|hated?|seen|see|watched?)\b|\b(?:my|own) (?:(?:own|lowest|highest|worst|best|latest|last|recent|top) )?(?:ratings?|rated (?:movies|films)|history|watched list)\b|\bwhich (?:movies|films|ones)?\s?(?:have|did) i (?:rated?|liked?|loved?|hated?)\b"
    r"|\b(?:movies|films|what|the ones) (?:that )?i(?:'ve| have)? (?:already )?rated\b|\bhow (?:have|did) i rated?\b(?! it)|\bmy (?:average|mean)\b",
    re.IGNORECASE,
)

_USER_DID = re.compile(
    r"\b(?:what|which|how)\b.{0,30}\b(?:did|does|has|have)\b.{0,30}\b(?:lik\w*|lov\w*|rat(?:e|ed|ings?)|watch\w*|seen|see|hat\w*|dislik\w*|enjoy\w*)\b|\b(?:ratings|favou?rites?|rated|history)\b",
    re.IGNORECASE,
)

_LOWEST = re.compile(r"\b(?:hat\w+|dislik\w+|worst|least|lowest|bad)\b", re.IGNORECASE)

_HIGHEST = re.compile(r"\b(?:lik\w+|lov\w+|best|favou?rites?|highest|top|most|enjoy\w*)\b", re.IGNORECASE)


def _of_whom(sentence: Sentence, wish: Wish) -> Wish:
    """The wish, with "they" and "he" as the user spoken of last."""
    known = sentence.memory.user_id
    if known is None or wish.users or not _OTHERS.search(sentence.text):
        return wish
    return replace(wish, users=(known,))


_OTHERS = re.compile(r"\b(?:they|he|she|their|his|her|them|him)\b", re.IGNORECASE)


def same_of_user(sentence: Sentence) -> Intent | None:
    """As in "and user 5?" after a question about user 42."""
    wish, last = read_wish(sentence.text)[0], sentence.memory.last
    if not wish.users or not _ONLY_USER.match(sentence.text) or last is None or last.name not in _ABOUT_USERS:
        return None
    movie = last.args.get("movie")
    refs = (movie,) if isinstance(movie, int | str) else ()
    return Intent(_ABOUT_USERS[last.name], refs=refs, wish=wish, topic=str(last.args.get("order") or "newest"))


_ABOUT_USERS = {"get_user_ratings": "ratings", "taste_profile": "taste", "predict_rating": "predict"}
_ONLY_USER = re.compile(r"^(?:and |what about |how about |now |for )*(?:movielens )?users? #?\d+\W*$", re.IGNORECASE)


def taste(sentence: Sentence) -> Intent | None:
    """As in "what's my taste?", "what kind of movies does user 5 like?"."""
    return (
        Intent("taste", wish=_of_whom(sentence, read_wish(sentence.text)[0])) if _TASTE.search(sentence.text) else None
    )


_TASTE = re.compile(
    r"\btastes?\b(?! (?:good|like))(?! is (?:unknown|bad))|\bwhat (?:kind|sort|type|genre)s? (?:of )?(?:movies?|films?|things?|genres?)?\s?(?:do|does|did) (?:i|we|user|he|she|they)\b"
    r"|\bwhat do you (?:know|remember) about (?:me|my)\b|\b(?:my|their|his|her|s) favou?rite (?:genres?|decades?|kinds?|types?)\b|\bmy (?:profile|preferences)\b|\bprofile (?:of|for)\b|\bdescribe (?:me|user)\b|\bwhat am i into\b|\bwho am i\b|\bwho is (?:movielens )?user \d+\b|^(?:and |so )?(?:do|does|did) (?:he|she|they|i|user #?\d+) (?:like|enjoy|love|hate|prefer) (?:[\w-]+ ){0,2}(?:movies|films|horror|comed\w+|dramas?|thrillers?|westerns?|sci-?fi|romance|action|documentar\w+|musicals?|animation)\W*$|\b(?:tell me about|about|describe|analy[sz]e) (?:movielens )?user \d+\b",
    re.IGNORECASE,
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


_PRONOUN = re.compile(r"^(?:it|that|this)(?: one| movie| film)?$", re.IGNORECASE)
_PREDICTS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"\b(?:would|will|might|could|may|'d|'ll|should|do you think|think) (?:i|we|user #?\d+|he|she|they|it)(?:'d|'ll| would| will| might)? (?:really |even |actually |also |probably |be )*(?:like|enjoy|love|hate|dislike|rate|think of|into|give|appreciate|dig) (.+?)\??$",
        r"\b(?:do you think|think|reckon|guess) (?:i|we|user #?\d+)(?:'d|'ll| would| will)? (?:like|enjoy|love|hate|rate) (.+?)\??$",
        r"^(?:should|shall) (?:i|we) (?:watch|see|try|give) (.+?)(?: a (?:try|chance|go))?\??$",
        r"^(?:is|would) (.+?) (?:be )?(?:something |a (?:movie|film) |right |good |one |a good (?:fit|match) )*for (?:me|us)\??$",
        r"\bpredict (?:my |the |a )?(?:rating|stars|score) (?:for|of) (.+?)\??$",
    )
)  # fmt: skip


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


_COMPARES = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
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
)  # fmt: skip

_NOT_COMPARED = re.compile(
    r"\b(?:if i|(?<!would )(?<!will )(?<!might )i (?:lov|lik|hat|enjoy)\w*|(?:film|movie|something) to watch|stand|suggest|recommend)\b",
    re.IGNORECASE,
)
_EITHER = re.compile(r"^(.{1,80}?) or (.{1,80}?)\??$", re.IGNORECASE)

_ASKING = re.compile(
    r"\b(?:something|anything|recommend|suggest|want|movies|films|like|more|give|show|find|watch|any|made|before|after|in|from)\b",
    re.IGNORECASE,
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


_LISTS = re.compile(r"\b(?:movies|films|something|anything|recommend|suggest)\b", re.IGNORECASE)
_RATEDS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
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
)  # fmt: skip


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
    known = wish.genres or wish.mood or (len(found[2].split()) == 1 and content_of(found[2]) == found[2].strip(" ?.!"))
    rest = rest if wish.genres or wish.mood else ""
    return (
        Intent("trait", refs=refs[:1], wish=wish, topic=found[2].strip(" ?.!"))
        if known and not content_of(rest) and refs
        else None
    )


_FOR_KIDS = re.compile(
    r"^(?:but |and |so )?(?:is|would|are|can) (.+?) (?:be )?(?:good|ok|okay|suitable|appropriate|safe|fine|alright|all right|too scary) for (?:my |our |small |young |little |the )*(?:kids?|child|children|famil\w+|toddlers?|an? \d|\d)",
    re.IGNORECASE,
)
_TRAIT = re.compile(
    r"^(?:but |and |so )?(?:is|was|are) (it|that|this|the \w+(?: one)?|.{1,60}?) (?:actually |really |very |too |so |also )*(?:an? |for )?([\w' -]{3,30})\?*$",
    re.IGNORECASE,
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


_MISSING = tuple((re.compile(pattern, re.IGNORECASE), topic) for pattern, topic in MISSING_FACTS)

_FACT_ABOUT = re.compile(
    r"(?:.*\b(?:of|in|is|was|are|directed|directs|made|wrote|produced|shot|composed|filmed|about|for|does|did)|^(?:what|who)'?s)\b (?!(?:the )?(?:cast|plot|director|actors?|length|story|runtime|running time|ending|main)\b)(.+?)(?:'s)?"
    r"(?: (?:about|end|directed|made|filmed|shot|all about|directed by.*|runtime|running time|cast|plot|director|long|last|run|star(?:ring)?|(?:win|won|get|gets|cost|gross|make|receive|have|has|got)\b.*|(?:been )?nominated\b.*))*[?!. ]*$",
    re.IGNORECASE,
)


def details(sentence: Sentence) -> Intent | None:
    """As in "tell me about Heat", "when was it made?", "what is the second one?"."""
    for pattern in _DETAILS:
        found = pattern.match(sentence.text)
        if found and (refs := sentence.refs(found[1] or "it")) and not ABOUT_LISTS.search(found[1] or ""):
            return Intent("details", refs=refs[:2], topic=_detail_asked(sentence.text))
    return None


def _detail_asked(text: str) -> str:
    return next((topic for pattern, topic in _ASKED if pattern.search(text)), "")


_ASKED = tuple(
    (re.compile(pattern, re.IGNORECASE), topic)
    for pattern, topic in (
        (r"\bwhen\b|\b(?:what|which) year\b|\bhow old\b|\breleased?\b|\bcame? out\b", "year"),
        (r"\bgenres?\b|\bwhat (?:kind|sort|type)\b", "genre"),
        (r"\btags?\b|\btagged\b|\bthemes?\b|\bkeywords?\b", "tags"),
        (r"\bimdb\b|\btmdb\b|\blinks?\b|\burl\b", "links"),
    )
)

_DETAILS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
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
)  # fmt: skip


def genre_list(sentence: Sentence) -> Intent | None:
    if _HOW_MANY_RATINGS.match(sentence.text) and sentence.memory.focus is not None:
        return Intent("rated", refs=(sentence.memory.focus,))
    if _HOW_MANY.search(sentence.text):
        return Intent("counts")
    return Intent("genres") if _GENRES.search(sentence.text) else None


_HOW_MANY_RATINGS = re.compile(r"^(?:and )?how many (?:ratings|stars|votes)\W*$", re.IGNORECASE)
_HOW_MANY = re.compile(
    r"\bhow many (?:[\w-]+ ){0,3}(?:movies|films|ratings|users|comedies|westerns|thrillers|dramas)\b(?!.*\b(?:rated|seen|watched|user|does)\b)|\bhow (?:big|large|old) is (?:your|the) (?:catalogue|catalog|data\w*)\b",
    re.IGNORECASE,
)
_GENRES = re.compile(
    r"\b(?:what|which|list|show)(?: me)?(?: all)?(?: (?:the|of the|your))? (?:genres|categories|tags)\b(?! (?:is|does|has|are (?:in|for|of)))|^genres$",
    re.IGNORECASE,
)
