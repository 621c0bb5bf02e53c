"""Understanding a message: its sentences, the rules that read each, and what belongs together.

The rules for what is not about movies (greetings, other languages, other topics) stand here too. What no rule
understands is an intent of its own, so that it can be said. No tools and no answers.
"""

from __future__ import annotations

import re
from dataclasses import replace

from guide import opinions, questions
from guide.memory import MARK, Intent, Memory, Rule, Sentence, guard, tidy
from guide.wishes import merge, regex, words

MAX_SENTENCE = 300
MAX_SENTENCES = 12
MAX_INTENTS = 5
_ADDS_NOTHING = {"greet", "thanks", "feelings", "yes", "praise", "unknown", "bye"}
_TELLS_ENOUGH = {"rated", "fact", "predict", "lately", "trait"}
_TAKES_IN = {
    "likes": {"likes", "recommend", "popular", "refine", "more", "seen", "unsure"},
    "recommend": {"recommend", "refine", "seen", "unsure"},
    "popular": {"refine", "seen"},
    "similar": {"refine", "recommend", "seen"},
    "group": {"recommend", "refine"},
    "more": {"refine"},
    "refine": {"refine"},
    "lookup": {"refine"},
    "who": {"help"},
}
"""Intents, and those that say more of the same after them: "I loved Heat. What should I watch?"."""
_LEADS_TO = {
    "recommend": {"likes", "popular", "similar", "group"},
    "popular": {"likes"},
    "refine": {"recommend", "popular"},
    "seen": {"more", "recommend", "similar", "likes"},
    "greet": {"who"},
    "unsure": {"recommend", "likes"},
    "likes": {"similar"},
}
"""Intents, and those after them that say what is meant by both: "I want a film. Something like Heat."."""
_STOP = regex(
    r"(?<!\bdr\.)(?<!\bmr\.)(?<!\bms\.)(?<!\bst\.)(?<!\bvs\.)(?<!\bno\.)(?<!\bmrs\.)(?<!\bvol\.)(?<!\binc\.)(?<!\bjr\.)"
    r"(?<!\b[a-z]\.)(?<=\.)\s+|(?<=[!?;])\s+"
)
_AND = regex(r"(?:and|also|plus|oh and|as well as)\b")
_CLAUSE = regex(
    r"(?:\s*,\s*(?:and |so |but )?|\s+(?:and|so)\s+|\s+[-\u2013]\s+)"
    r"(?=(?:what (?:should|can|could|else|to|would|do)|can you|could you|would you|please (?:recommend|suggest|give|show)"
    r"|rec+om+[ae]nd|sugg?est|give me|show me|find me|which (?:movie|film)|is there|got any|do you have"
    r"|any (?:suggestions?|recommendations?|ideas?|tips)|i (?:want|need)|i'?m (?:looking|in the mood)|i'd like)\b)"
    r"|\s+(?=what (?:should|else|would|can|could) (?:i|you|we)\b)"
    r"|\s*,?\s+(?:and|but) (?=(?:it|that) (?:was|is)\b)"
    r"|\s*,\s*(?:and |but )?(?=(?:i )?(?:really |absolutely )?(?:loved|hated|liked|enjoyed|disliked) (?:it|that|them)\b)"
)


def understand(text: str, memory: Memory) -> list[Intent]:
    """The person's wants, in the order they said them; at least one, at most `MAX_INTENTS`."""
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
        last = joined[-1].kind if joined else ""
        if intent.kind in _TAKES_IN.get(last, ()):
            joined[-1] = _added(joined[-1], intent, last)
        elif intent.kind in _LEADS_TO.get(last, ()):
            joined[-1] = _added(joined[-1], intent, intent.kind)
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


OPENERS = regex(
    r"^(?:(?:hi|hello|hey|hiya|yo|ok|okay|um+|uh+|hmm+|please|pls|alright|thanks|thank you|thx|ty|hey there|hi there|"
    r"good (?:morning|evening|afternoon)|actually|sorry|marquee|lol|haha|yeah|yep|well|and then|so|oh|ah|also)(?:[,!. ]+|$)"
    r"|(?:now|cool|great|nice|perfect|awesome|right|guide|guys|dude|man|mate|buddy|sure|yes|no|nah|nope|then|good)(?: ?[,!.]+ ?|$))+"
)
"""Openings that people use before they say something; the second half only where a comma or stop follows."""
_NAME = r"(?: (?:there|again|marquee|guide|everyone|folks|you|bot|mate|friend|all))*"


def whole(kind: str, pattern: str, topic: str = "") -> Rule:
    """A rule for sentences that are this and nothing else."""
    compiled = regex(rf"^(?:{pattern})[\s.!?,]*$")
    return lambda sentence: Intent(kind, topic=topic) if compiled.match(sentence.text) else None


SOCIAL: tuple[Rule, ...] = (
    whole("greet", rf"(?:hi+|hel+o+|he+y+|(?:are )?you there|anybody (?:there|home)|hiya|howdy|yo|heya|greetings|sup|what'?s up|good (?:morning|evening|afternoon|day)|morning|evening|helo|hallo|hola|bonjour){_NAME}"),
    whole("thanks", r"(?:ok(?:ay)?,? |great,? |cool,? |perfect,? |awesome,? |many )*(?:thanks?|thank you|thx|ty|cheers|tysm|much appreciated|appreciated)"
           r"(?:[ ,]+(?:a lot|so much|very much|a bunch|again|mate|marquee|for (?:the|your) (?:help|tips?|recommendations?|suggestions?|list)|for that|you|guide|that'?s (?:great|perfect|helpful|all|it)))*"),
    whole("bye", r"(?:ok(?:ay)?,? )?(?:good ?bye|bye+|bye[- ]bye|see (?:you|ya)(?: (?:later|soon|around))?|cya|good ?night|farewell|later|take care|ciao|that'?s (?:all|it)(?: (?:for (?:now|today)|thanks))?|i'?m done|quit|exit|gotta go)(?: marquee| then| now)*"),
    whole("help", r"help(?: me)?(?: please)?|(?:so,? )?what (?:all )?(?:else )?(?:can|could|do) you (?:do|know|offer|help(?: me)? with|answer)(?: for me| here| exactly)*|how (?:does this|do you|do i|does it|can i) (?:work|use (?:this|you|it)|start|begin)"
           r"|what can i (?:ask|do|say)(?: you| here)*|what are (?:you capable of|your (?:features|abilities|capabilities|functions|commands|options))|commands?|menu|options|/?help|\?+|how can you help(?: me)?|what do you do|usage|instructions|examples?"),
    whole("who", r"who (?:are|r) (?:you|u)(?: and (?:what|how) can you (?:do|help)(?: for)?(?: me)?)?|what (?:are|r) (?:you|u)|(?:are|r) (?:you|u) (?:a |an |the |some )?(?:real |actual )?(?:bot|robot|human|person|ai|a\.i\.|chat ?gpt|gpt|llm|machine|language model|chatbot|real|people|computer|program|offline|claude|assistant)"
           r"|what(?:'?s| is) your name|tell me about your ?self|introduce your ?self|which model (?:are you|is this)|what model (?:are you|is this)|who (?:made|built|created|wrote) you|what is (?:this|marquee)|what'?s (?:this|marquee)|who am i talking to|do you have a name"),
    whole("who", r"who are you and what can you do for me|(?:are you|is this) (?:connected|online|using (?:gpt|openai|chatgpt))|where (?:is|does) your (?:data|information|knowledge)(?: come)?(?: from)?|where do you get your (?:data|information|movies)|how do you know(?: (?:that|this|all this))?"),
    whole("reset", r"(?:let'?s )?(?:start (?:over|again|afresh)|reset|new (?:topic|chat|search)|forget (?:it|that|all that|everything)|never ?mind|clear)(?: please)?"),
    whole("stop", r"stop(?: it| that| please)?|enough|cancel|quiet"),
    whole("unsure", r"(?:ok |just |please |you |can you |could you )*(?:pick|choose|decide)(?: (?:one|something|anything|a (?:movie|film)|it))?(?: (?:of (?:them|those|these)|from (?:them|those|these|the list)))?(?: for (?:me|us))?(?: please)?", "pick"),
    whole("repeat", r"(?:can you |could you |please )*(?:repeat|say)(?: (?:that|it|this|the list|them))?(?: again)?(?: please)?|again please|come again"),
    whole("english", r"(?:can|do|could) you (?:speak|understand|read|talk|answer)(?: in)? (?:\w+)(?: too| as well)?|(?:what|which|other) languages?(?: do you (?:speak|understand|know))?"),
    whole(
        "huh",
        r"(?:what|huh|pardon|excuse me|what do you mean|what does that mean|i don'?t (?:understand|get it)|eh|sorry what|eh)",
    ),
    whole("feelings", r"(?:so,? |and )?how (?:are|r) (?:you|u|ya|things)(?: doing| today| going)*|how'?s it going|how do you (?:do|feel)|what'?s new|you (?:ok|okay|good)|how have you been|nice to meet you|are you (?:ok|okay|well|happy|sad|tired|bored)"),
    whole("taste_of_mine", r"(?:what(?:'?s| is| are) your (?:own )?(?:favou?rite|fave|fav) .{1,40}|(?:do|did) you (?:like|watch|enjoy) (?:movies|films)|what do you like|what would you (?:watch|pick|choose)|do you have (?:a )?(?:favou?rites?|taste|feelings|opinions?))"),
    whole("praise", r"(?:that'?s |this is |you'?re |you are |it'?s |so |very |really |pretty |how |what a |oh |looks |sounds )*(?:great|good|cool|nice|awesome|perfect|amazing|excellent|wow|lovely|neat|brilliant|fantastic|interesting|helpful|wonderful|good (?:one|choice|pick|list|stuff|job|bot)|nice (?:one|choice|pick|list)"
           r"|well done|sweet|love it|i love it|haha+|lol|lmao|good to know|fair enough|got it|makes sense|i see|understood|hm+|mhm|aha|oh)(?: (?:choice|pick|list|job|work|thanks|then|bot|idea|guide))*"),
    whole("blame", r"(?:(?:you|u|this|that|it)(?:'?re| are|'?s| is| r)? (?:are |is |really |so |just |all |fucking |a |an |completely |totally )*(?:suck(?:s)?|stupid|dumb|useless|bad|terrible|awful|wrong|idiot|moron|garbage|trash|shit|crap|rubbish|broken|annoying|worthless|not helpful|unhelpful|boring|lame|bullshit))+|fuck(?: (?:you|off|this|it))*|wtf(?: is this)?"
           r"|thanks for nothing|no thanks to you|shut up|idiot|moron|stupid(?: bot| machine)?|you'?re not (?:very )?(?:helpful|smart|listening)|i hate you|go away|damn(?: it| you)?|that'?s not what i (?:asked|meant|wanted|said)(?: for)?|not what i (?:asked|meant|wanted)(?: for)?|wrong|useless|bad bot|this sucks|omg|ugh+|boring"),
    whole("yes", r"(?:yes|yeah|yep|yup|ya|sure|ok(?:ay)?|of course|please|yes please|go ahead|absolutely|definitely|why not|sounds good|go on|do it|please do|alright|fine|k|kk|right|correct|exactly|indeed|let'?s go|y)(?:[ ,]+(?:please|thanks|sure|yes|then|do|go ahead))*"),
    whole("unsure", r"(?:really |just |literally |honestly |absolutely )*(?:i )?(?:don'?t|dont|do not) (?:know|care|mind|have (?:any )?(?:idea|preference)s?)|idk|dunno|no (?:idea|preference|clue)|not sure|whatever|(?:really |just |literally |honestly )*any(?:thing)?(?: (?:at all|is fine|goes))?|you (?:choose|decide|pick)|up to you|surprise me|anything goes|dealer'?s choice|i'?m (?:bored|not sure)|bored|"
           r"something (?:random|good)|i have no idea(?: what to watch)?|no preference at all|random(?: (?:movie|film|one))?"),
    whole("none", r"none(?: of (?:them|those|these|the above))?|neither(?: of (?:them|those|these))?|(?:i )?(?:haven'?t|have not|never) (?:seen|watched|heard of) (?:any|one|either|them|those|these|a single one)?(?: ?of (?:them|those|these))?|(?:i )?don'?t know (?:any|them|those|these)(?: of (?:them|those|these))?|not (?:a single )?one|no idea about these"),
)  # fmt: skip
FOREIGN: dict[str, frozenset[str]] = {
    "German": words(
        "ich du der die das und nicht ist ein eine einen mir mich bitte filme welche welchen kannst"
        " empfehlen empfiehl gib wie für mit aus gute guten möchte hallo danke zeig über auf"
    ),
    "French": words(
        "je tu le la les des une est et pas pour avec quel quelle moi bonjour merci recommande"
        " voudrais films cherche veux donne dans sur comme salut aime"
    ),
    "Spanish": words(
        "el la los las una es y por para con qué que película películas peliculas pelicula"
        " recomienda recomiéndame quiero hola gracias dame como busco ver muéstrame tienes"
    ),
    "Italian": words(
        "il lo gli una è e non per con che film consigliami vorrei ciao grazie dammi come voglio"
        " cerco mi puoi qualcosa simile"
    ),
    "Portuguese": words(
        "o os as um uma é e não para com que filme filmes recomende quero olá obrigado obrigada"
        " como você gostaria mostre ver meu"
    ),
    "Dutch": words(
        "ik je het een en niet is voor met welke film films kun aanbevelen hallo dank bedankt graag"
        " wil geef mij zoals kan"
    ),
}  # fmt: skip
"""A few everyday words of the languages most likely to be tried. Two hits and no English ones: we say that we read English."""
ENGLISH = words(
    "no i you the a and not is are an me my please movie movies films recommend suggest which what like how for with from good want"
    " show some something hello thanks about on of to in it this that one more another who when why do did would should rate"
)


def foreign(text: str) -> str:
    """The language of a text that is not English, or "". Names of films are too short to be taken for one."""
    letters = [char for char in text if char.isalpha()]
    if len(letters) >= 4 and sum(char > "\u036f" for char in letters) * 2 > len(letters):
        return "another script"
    words = set(re.findall(r"[^\W\d_]+", text.lower())[:60])
    english = sum(word in ENGLISH for word in words)
    counts = {name: sum(word in known for word in words) for name, known in FOREIGN.items()}
    best = max(counts, key=lambda name: counts[name])
    return best if counts[best] >= 2 and counts[best] > english and len(words) >= 3 else ""


STEADY = "changing what I am or what I may say"
_ALWAYS = {
    "where a film can be watched",
    "keeping a watch list",
    "books, music or games",
    "TV series",
    "cinema programmes and tickets",
    "changing what I am or what I may say",
    "code",
}
OUT_OF_SCOPE: tuple[tuple[str, str], ...] = (
    (r"\bweather\b|\bforecast\b|\btemperature\b|\bwill it (?:rain|snow)\b", "the weather"),
    ((r"\b(?:python|javascript|java|typescript|rust|c\+\+|html|css|sql) (?:code|script|program|function|class|query)\b"
     r"|\b(?:write|debug|fix|refactor|compile)\b[^.]{0,40}\b(?:code|script|program|function|bug|regex|query|app)\b"
     r"|\bprogramming\b|\bselect \*? ?from\b|\bdrop table\b|\bunion select\b|<script"), "code"),
    (r"\b(?:stock|share) (?:price|market)s?\b|\bbitcoin\b|\bcrypto\b|\binvest(?:ing|ment)?\b|\bexchange rate\b", "money matters"),
    ((r"\b(?:cook|recipe|bake)\b[^.]{0,40}\b(?:for|a|an|the|some|dinner|cake|pasta)\b|\brecipes?\b|\brestaurants?\b"
     r"|\bwhat (?:should i|to|can i) (?:eat|cook)\b|\border (?:a )?pizza\b"), "food"),
    (r"\b(?:football|soccer|nba|nfl|cricket|tennis) (?:score|scores|match|game|result)s?\b|\bwho won the (?:game|match|election|world cup)\b",
     "sports results and news"),
    (r"\b(?:latest|today'?s|breaking) news\b|\bthe news\b|\belections?\b|\bprime minister\b|\bwho(?: i|')s (?:the )?president\b|\bpolitics today\b", "the news"),
    (r"\btranslate\b", "translation"),
    (r"\b(?:poem|haiku|limerick|essay|cover letter|homework|short story|song lyrics|screenplay)\b", "writing texts"),
    (r"\b(?:doctor|symptoms?|medicine|diagnos\w+|headache|legal advice|lawyer for me)\b", "medical or legal questions"),
    (r"\bwhat(?: i|')?s (?:the )?(?:time|date)\b|\bwhat (?:time|day) is it\b|\bset (?:a|an) (?:alarm|timer|reminder)\b", "clocks and calendars"),
    ((r"\b(?:book|buy|order) (?:me )?(?:a )?(?:tickets?|flights?|hotels?|taxis?)\b|\bcinema (?:times|near)\b|\bshow ?times?\b"
     r"|\bin (?:theaters|theatres|cinemas)\b|\bnear me\b|\bnow playing\b"), "cinema programmes and tickets"),
    (r"\b(?:recommend|suggest|know)(?: me)?(?: an?| some| any)?(?: good)? (?:books?|songs?|music|albums?|games?|video games?|podcasts?|restaurants?|recipes?)\b(?! (?:movie|film|adaptation))", "books, music or games"),
    (r"\b(?:add|save|put) (?:it|that|this|them|the \w+)(?: one)? (?:to|on) (?:my|the|a) (?:list|watch ?list|favou?rites|queue)\b|\bmy watch ?list\b", "keeping a watch list"),
    ((r"\b(?:netflix|hulu|disney\+|disney plus|amazon prime|prime video|hbo(?: max)?|itunes|paramount\+|apple tv)\b"
     r"|\bwhere (?:can|could|do) (?:i|we) (?:watch|stream|find|see|rent|buy|download)\b|\b(?:is it|available) (?:streaming|to stream)\b"
     r"|\btorrents?\b|\bstreaming (?:on|service)\b"), "where a film can be watched"),
    (r"\btv (?:show|series)s?\b|\btelevision series\b|\bsitcoms?\b|\bnetflix series\b", "TV series"),
    (r"^(?!\d+ ?/ ?(?:5|10|100)$)(?:what(?: i|')?s|calculate|compute|solve)? ?-?\d+(?:\.\d+)? ?[-+*/x^] ?-?\d+(?:\.\d+)?(?: ?[=?])?\s*$", "sums"),
    (r"\bcapital (?:city )?of\b|\bmeaning of life\b|\bhow (?:tall|old|rich) is\b", "general knowledge"),
    ((r"\b(?:ignore|disregard|forget|override)\b[^.]{0,30}\b(?:instructions?|prompts?|rules|guidelines)\b|\bsystem prompt\b"
     r"|\byou are now\b|\bjailbreak\b|\bdeveloper mode\b|\bact as (?:a|an|if)\b|\bpretend (?:to be|you)\b|\bapi[_ ]?keys?\b|\bpasswords?\b"),
     "changing what I am or what I may say"),
    (r"\btell me (?:a|another) joke\b|\bsing\b[^.]{0,10}\bsong\b|\bplay (?:a game|music|a song)\b", "entertaining you myself"),
)  # fmt: skip
"""Pattern of a request that is not about this data, and what to call its topic."""
_TOPICS = tuple((regex(pattern), topic, topic in _ALWAYS) for pattern, topic in OUT_OF_SCOPE)
_ABOUT_MOVIES = regex(
    rf"\b(?:movies?|films?|flicks?|recommend|watch|something|rated?|documentar\w+|comed\w+|dramas?)\b|{MARK}"
)


def scope(sentence: Sentence) -> Intent | None:
    """Requests that are about something else; words of a film's subject do not count ("a movie about elections")."""
    about_movies = _ABOUT_MOVIES.search(sentence.text)
    for pattern, topic, always in _TOPICS:
        if (always or not about_movies) and pattern.search(sentence.plain):
            return Intent("steady" if topic == STEADY else "scope", topic=topic)
    return None


RULES: tuple[Rule, ...] = (
    opinions.rate,
    scope,
    opinions.unrate,
    questions.why,
    questions.meant,
    questions.predict,
    questions.same_of_user,
    questions.taste,
    questions.ratings,
    questions.group,
    questions.compare,
    opinions.seen,
    questions.genre_list,
    questions.more,
    questions.lacks,
    questions.similar,
    opinions.likes,
    questions.rated,
    questions.facts,
    questions.trait,
    questions.pick,
    questions.popular,
    questions.details,
    questions.refine,
    opinions.answered,
    questions.recommend,
    questions.lookup,
)
"""Tried in this order; the first that reads an intent wins."""
