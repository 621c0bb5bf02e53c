"""Reading what a person tells of themselves: ratings, likes and dislikes, what they have seen."""

from __future__ import annotations

import re
from dataclasses import replace

from guide.memory import ABOUT_LISTS, MARK, Intent, Ref, Sentence, cut_tail, ordinal
from guide.wishes import NUMBERS, Wish, content_of, merge, read_wish, regex, regexes
from tools.results import Questions, Rated


def rate(sentence: Sentence) -> Intent | None:
    """As in "I give Heat 4.5 stars", "rate it 4", "8/10 for Alien", "5/5"."""
    if _NOT_A_RATING.search(sentence.text):
        return None
    sentence = _of_what_was_seen(sentence)
    bare, last, focus = _BARE.match(sentence.text), sentence.memory.last, sentence.memory.focus
    if bare and last and isinstance(last.result, Rated) and focus is not None:
        stars, given = half_stars(bare["number"], bare["unit"] or "")
        return Intent("rate", refs=(focus,), stars=stars, given=given)
    written = re.sub("\u2605{1,5}", lambda found: f"{len(found[0])} stars", sentence.text)
    sentence = replace(sentence, text=_THEN.sub("", written.rstrip(" .!")))
    found = (pattern.match(sentence.text) for pattern in _RATES)
    return next(filter(None, (_rated_with(sentence, each) for each in found if each)), None)


_THEN = regex(r"^(?:and|also|then|plus|so) ")


def _of_what_was_seen(sentence: Sentence) -> Sentence:
    """After "I've seen it", "it" is still that movie, and not the one that was shown instead."""
    seen_now = sentence.memory.set_aside
    return sentence if seen_now is None else replace(sentence, memory=sentence.memory.mention((seen_now,)))


def _rated_with(sentence: Sentence, found: re.Match[str]) -> Intent | None:
    parts = found.groupdict()
    what = re.sub(r"^(it|that|this)(?:'s| is| was)\b.*$", r"\1", parts.get("what") or "it", flags=re.IGNORECASE)
    refs = sentence.refs(what)
    stars, given = half_stars(parts["number"], parts.get("unit") or "")
    pronoun = what.lower() in {"it", "that", "this", "that one", "this one"}
    many = what.lower().strip() in {"them", "both", "all of them", "them all", "these", "those"}
    return Intent("rate", refs=refs if many else refs[:1], stars=stars, given=given) if refs or pronoun else None


_VALUE = r"(?:an? )?(?P<number>\d{1,3}(?:[.,]\d{1,2})?|(?:one|two|three|four|five|six|seven|eight|nine|ten|zero|half)(?: and a half)?)"

_UNIT = r"(?P<unit> ?/ ?(?:5|10|100)\b|(?: stars?)? out of (?:5|10|100|five|ten|a hundred)|[ -]?stars?|\u2605+|\*| ?%| points?)"

_RATES = regexes(
    rf"^(?:i(?:'d|'ll| would| will| want to)? |please |can you |you can |let me )*(?:rated?|give|gave|giving|score[ds]?|mark)(?: (?:the )?(?:movie|film))? (?P<what>.+?)[ ,:]+(?:with |as |at |to )?{_VALUE}{_UNIT}?$",
    rf"^(?:i(?:'d|'ll| would| will)? )?(?:rated?|give|gave|score|it(?:'s| is| was| gets)|that(?:'s| is| was)|definitely|solid|maybe|easily|for me)? ?(?:a |an )?(?:solid |strong |full |weak )?{_VALUE}{_UNIT}$",
    rf"^my (?:rating|score|stars) (?:for|of) (?P<what>.+?)(?: is| was|:| =|,)* {_VALUE}{_UNIT}?$",
    rf"^(?:i(?:'d|'ll| would| will)? )?(?:rate|give|gave)? ?{_VALUE}{_UNIT} (?:for|to) (?P<what>.+)$",
    rf"^(?P<what>.+?)(?: ?[:=-]| is| was| gets| got| deserves| earns| for me)* (?:a |an )?(?:solid |easy |strong |full )?{_VALUE}{_UNIT}(?: (?:for|from) me)?$",
)

_BARE = regex(
    rf"^(?:no,? ?|actually,? ?|sorry,? ?|i mean(?:t)? |make (?:it|that) |rather |better |it's |change (?:it|that) to )*{_VALUE}{_UNIT}?[.! ]*$"
)
_NOT_A_RATING = regex(
    r"\b(?:movies|films|ratings|above|over|at least|more than|between|which|what|who|recommend|suggest|how|would|should)\b"
    r"|\bgive (?:me|us)\b|\btop \d|\bdoes\b|\bdid\b|\?\s*$"
)


def each_rating(text: str) -> list[str]:
    """As in "Heat 4 stars, Alien 5 stars" → two; any other text stays as it is."""
    pieces = _BETWEEN.split(_RATE_WORD.sub("", text))
    return pieces if len(pieces) > 1 and all(_RATES[-1].match(piece) for piece in pieces) else [text]


_BETWEEN = re.compile(r"\s*,\s*(?:and )?|\s+and\s+")
_RATE_WORD = regex(r"^(?:i )?(?:rate|give|gave|rated) ")


def half_stars(text: str, unit: str) -> tuple[float | None, str]:
    """Half-stars for a number on any usual scale, and how it was given; None where it fits no scale.

    Example: "8", "/10" → (4.0, "8 out of 10"); "4.7", "" → (4.5, "4.7").
    """
    value = _value(text)
    scale = next((scale for mark, scale in _SCALES.items() if mark in unit.lower()), 0)
    if not scale:
        scale = 5 if value <= 5 or ("star" in unit.lower() and value > 10) else 10
    if value > scale:
        return None, f"{value:g}"
    stars = min(5.0, max(0.5, int(value / scale * 10 + 0.5) / 2))
    return stars, f"{value:g} out of {scale}" if scale != 5 else f"{value:g}"


_SCALES = {"100": 100, "hundred": 100, "%": 100, "10": 10, "ten": 10, "5": 5, "five": 5}


def _value(text: str) -> float:
    text = text.lower().replace(",", ".")
    if text[:1].isdigit():
        return float(text)
    whole, _, rest = text.partition(" ")
    return {"zero": 0, "half": 0.5}.get(whole, float(NUMBERS.get(whole, 0))) + (0.5 if rest else 0)


def unrate(sentence: Sentence) -> Intent | None:
    """As in "delete my rating": a thing that the guide cannot do."""
    return Intent("unrate") if _UNRATE.search(sentence.text) else None


_UNRATE = regex(
    r"\b(?:delete|remove|undo|cancel|clear|forget|take back|withdraw)\b.{0,30}\b(?:ratings?|stars|rated)\b|^(?:undo|delete|remove)(?: (?:it|that))?\W*$"
)


def seen(sentence: Sentence) -> Intent | None:
    """As in "I've seen it", "already saw the second one", "know that one": show another instead."""
    found = _SEEN.match(sentence.text) or (_SWAP.match(sentence.text) if sentence.memory.listed else None)
    if not found or _LIKE.search(sentence.text):
        return None
    top = tuple(movie.movie_id for movie in sentence.memory.listed[:1])
    what = re.sub(r",? (?:too|also|as well|already)\b|[ .!]+$", "", found[1], flags=re.IGNORECASE)
    refs = sentence.refs(what) if what.strip().lower() not in _THAT else ()
    refs = refs or (top if sentence.memory.last is sentence.memory.last_list else sentence.refs("it"))
    return Intent("seen", refs=refs) if refs else None


_THAT = {"", "it", "that", "this", "that one", "this one", "that movie", "that film"}


_SWAP = regex(
    r"^(?:please |can you )*(?:swap|replace|remove|drop|exchange|lose|anything but|not)(?: out)? (the (?:first|second|third|fourth|fifth|last|\d\w*)\b.*)$"
)
_SEEN = regex(
    r"^(?:(?:cool|ok|okay|great|nice|thanks|sure|good),? (?:but )?)?(?:but |no,? |well,? |sorry,? |yeah,? |and )*(?:(?:i|we|he|she|they|my \w+)(?:'ve| have|ve|'s| has)? )?(?:already |all |both |just |actually )*(?:seen|saw|watched|know)(?: already)? ?"
    r"((?!what|how|if|why|who|about|nothing|any)[^?]*)$"
)


def likes(sentence: Sentence) -> Intent | None:
    """As in "I loved Heat and Collateral but hated Titanic", "my favourite is Alien", "Titanic was awful"."""
    if sentence.asks and _LIKE_QUESTION.search(sentence.text):
        return None
    sentence = _of_what_was_seen(sentence)
    if judged := _judged(sentence):
        return judged
    spans = list(_LIKE.finditer(sentence.text))
    if not spans or not (_SOMEBODY.search(sentence.text) or spans[0].start() == 0):
        return None
    return _liked_spans(sentence, spans)


_THEY_LOVE = regex(r"\b(?:who|he|she|they|my \w+)(?: (?:really|absolutely|just|also))* *$")
_PLURAL = re.compile(r" *[a-z]{3,}s[ .!?]*$")


def _judged(sentence: Sentence) -> Intent | None:
    """As in "Alien was great but Titanic was boring"."""
    found = [_JUDGED.match(part) for part in _BUT.split(sentence.text)]
    if sentence.asks or not all(found) or _WH.match(sentence.text):
        return None
    sides: dict[bool, tuple[Ref, ...]] = {True: (), False: ()}
    for part in found:
        assert part
        sides[not part[3]] += sentence.refs(_TO_ME.sub("", part[1]))
    return Intent("likes", refs=sides[True], disliked=sides[False]) if any(sides.values()) else None


_WH = regex(r"^(?:what|which|who|how|where|when|why)\b")
_BUT = regex(r",? (?:but|while|whereas|although|though) |,(?: and)? ")
_TO_ME = regex(
    r"^(?:i (?:think|thought|find|found)(?: that)?|to me,?|for me,?|honestly,?|well,?|and|but|the movie|the film) "
)


def _liked_spans(sentence: Sentence, spans: list[re.Match[str]]) -> Intent | None:
    liked: list[Ref] = []
    disliked: list[Ref] = []
    wish, others, now = Wish(), [], sentence
    seen = _SAW.search(sentence.text[: spans[0].start()])
    if seen:
        now = replace(now, memory=now.memory.mention(now.refs(seen[1])[:1]))
    for index, span in enumerate(spans):
        end = spans[index + 1].start() if index + 1 < len(spans) else len(sentence.text)
        what, tail = cut_tail(_UNTIL_NEXT.sub("", sentence.text[span.end() : end]))
        if _THEY_LOVE.search(now.text[: span.start()][-40:]) and _PLURAL.match(what) and not read_wish(what)[0].narrows:
            wish = replace(wish, theme=what.strip(" .!?"))
            continue
        refs, more = _titles_and_wish(now, what)
        if span["no"]:
            wish = replace(wish, exclude=wish.exclude + more.genres + more.exclude)
        else:
            wish = merge(merge(wish, more), read_wish(tail)[0])
        now = replace(now, memory=now.memory.mention(refs))
        if _OTHER_PERSON.search(sentence.text[: span.start()][-40:]):
            others.append(refs)
        else:
            (disliked if span["no"] else liked).extend(refs)
    group = tuple(others) if others and refs else ()
    if not (liked or disliked or any(others) or wish.narrows):
        return None
    kind = "group" if group and liked else "likes"
    if kind == "likes":
        liked += [ref for refs in others for ref in refs]
    return Intent(
        kind if liked or disliked else "recommend",
        tuple(dict.fromkeys(liked)),
        tuple(disliked),
        wish,
        group=group if kind == "group" else (),
    )


def _titles_and_wish(sentence: Sentence, what: str) -> tuple[tuple[Ref, ...], Wish]:
    """As in "comedies and Heat" → Heat, and the wish for comedies."""
    refs: list[Ref] = []
    wish = Wish()
    for piece in re.split(r"(?:,|;|&|\band\b|\bor\b)", what):
        if _VIOLENCE.match(piece):
            wish = merge(wish, read_wish("less violence")[0])
            continue
        asked, rest = read_wish(piece)
        narrows = asked.genres or asked.mood or asked.era or asked.year_from
        if narrows and not content_of(rest) and not re.search(MARK, piece):
            wish = merge(wish, asked)
        else:
            refs += sentence.refs(piece)
    return tuple(dict.fromkeys(refs)), wish


_VIOLENCE = regex(r"\s*(?:too much |all the |any )?(?:violence|gore|blood|violent (?:movies|films|stuff))[ .!?]*$")

_LIKE = regex(
    r"(?P<no>\b(?:least favou?rites?(?: (?:movies?|films?|ones?))?(?: (?:is|are|was|were))?|(?:absolutely |really |also |just |totally )?(?:hat(?:e|ed|es)|dislik(?:e|ed|es)|loath(?:e|ed|es)|despis(?:e|ed|es)|detest(?:ed|s)?|hatd)|(?:can|could)(?:'?t|not| not) stand"
    r"|(?:did|do|does|would)(?:n'?t| not) (?:really |particularly |much |even )?(?:like|love|enjoy|care (?:much )?for|dig)|(?:am |'m |was |were )?not (?:really |much of )?(?:a )?(?:big |huge )?fan of|not (?:really |that |too |very |so )?(?:into|fond of|keen on)"
    r"|was(?:n'?t| not) (?:a fan of|into|impressed (?:by|with))|(?:was |were )?(?:bored|disappointed) (?:by|with)|never (?:really )?liked|no fan of)\b)"
    r"|(?P<yes>\b(?:(?:absolutely |really |also |just |totally |quite |did )?(?:lov(?:e|ed|es)|(?<!feel )(?<!feels )(?<!look )(?<!looks )(?<!sounds )liked?|likes|prefer(?:red|s)?|luv|loev|loved|enjoy(?:ed|s)?|ador(?:e|ed|es))(?! to\b)|(?:a )?(?:really |very )?(?:big |huge |great |massive )?fan of|fond of|(?<=am )into|(?<='m )into|(?<=im )into|obsessed with|keen on"
    r"|(?:all-?time )?(?:favou?rites?|faves?|favs?)(?: (?:movies?|films?|ones?|flicks?))?(?: of all time| ever)?(?: (?:is|are|include|includes|was|were|would be)|(?=:))|can'?t get enough of|rewatched|enjoying)\b:?)"
)

_SOMEBODY = regex(
    r"\b(?:i|i'm|im|i've|my|me|we|our|who|someone|somebody|anybody|anyone|she|he|they|people|favou?rites?|both)\b"
)

_OTHER_PERSON = regex(
    r"\b(?:she|he|they|my (?:wife|husband|girlfriend|boyfriend|gf|bf|partner|friend|mom|mum|mother|dad|father|sister|brother|son|daughter|roommate|flatmate|colleague|fianc\wee?|kids?|buddy|mate))(?: (?:really|absolutely|only|also|just))* *$"
)

_UNTIL_NEXT = regex(
    r"[ ,;]*\b(?:but|and|while|whereas|although|though|yet|or)?[ ,]*(?:i|we|she|he|they|my \w+)?(?:'m|'ve| am| have| was| do| did)?(?: (?:really|absolutely|also|just|only|usually|always))*[ ,]*$|\b(?:because|since i|as i|,? which|,? so much that)\b.*$"
)

_SAW = regex(r"\b(?:saw|seen|watched|rewatched) (.+?)(?:,| and| but|$)")

_LIKE_QUESTION = regex(
    r"\b(?:do|did|would|will|could|might) (?:you|people|users?|most|critics|viewers|everyone|anyone|i)(?: (?:people|also|really|even|\d+))* (?:like|love|enjoy|hate|dislike)\b"
)

_JUDGED = regex(
    r"^(.{1,120}?)(?:'s| is| was| were| are) (?:also |really |so |absolutely |just |simply |totally |quite |very |pretty |one of |a |an |my |all ?-?time |the |such |too |way )*"
    r"(?:(great|good|amazing|awesome|fantastic|excellent|brilliant|superb|wonderful|masterpiece|favou?rites?|perfect|incredible|outstanding|fun|beautiful|lovely|classic|nice|cool)"
    r"|(awful|terrible|horrible|boring|bad|crap|shit|stupid|garbage|trash|overrated|dull|meh|disappointing|unwatchable|lame|dumb|too long|not (?:good|great|for me|my (?:thing|cup of tea|taste)|my kind of (?:movie|film))))(?: (?:movie|film|one|too|as well|i think|for me|imo|though|stuff))*[.! ]*$"
)


def answered(sentence: Sentence) -> Intent | None:
    """After a question about some movies, a bare title answers it: "Toy Story and Heat"."""
    asked = sentence.memory.last_list and isinstance(sentence.memory.last_list.result, Questions)
    if not asked or sentence.asks or len(sentence.text) > 120 or ABOUT_LISTS.search(sentence.text):
        return None
    pointed = re.search(MARK, sentence.text) or ordinal(sentence.text) is not None
    if not pointed and not content_of(read_wish(sentence.text)[1]):
        return None
    refs, wish = _titles_and_wish(sentence, sentence.text)
    return Intent("likes", refs=refs, wish=wish) if refs else None
