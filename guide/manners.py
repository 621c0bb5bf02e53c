"""Reading what is not about movies: greetings, thanks, who are you, other languages, other topics."""

from __future__ import annotations

import re

from guide.intents import Intent, Rule, Sentence
from guide.references import MARK
from guide.vocabulary import ENGLISH, FOREIGN, OUT_OF_SCOPE


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


def whole(kind: str, pattern: str, topic: str = "") -> Rule:
    """A rule for sentences that are this and nothing else."""
    compiled = re.compile(rf"^(?:{pattern})[\s.!?,]*$", re.IGNORECASE)
    return lambda sentence: Intent(kind, topic=topic) if compiled.match(sentence.text) else None


_NAME = r"(?: (?:there|again|marquee|guide|everyone|folks|you|bot|mate|friend|all))*"

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


# Rules, most telling first. Each has a pattern of its own beside it.


STEADY = "changing what I am or what I may say"


def scope(sentence: Sentence) -> Intent | None:
    """Requests that are about something else; words of a film's subject do not count ("a movie about elections")."""
    about_movies = _ABOUT_MOVIES.search(sentence.text)
    for pattern, topic, always in _TOPICS:
        if (always or not about_movies) and pattern.search(sentence.plain):
            return Intent("steady" if topic == STEADY else "scope", topic=topic)
    return None


_ALWAYS = {
    "where a film can be watched",
    "keeping a watch list",
    "books, music or games",
    "TV series",
    "cinema programmes and tickets",
    "changing what I am or what I may say",
    "budgets and box office",
    "code",
}

_TOPICS = tuple((re.compile(pattern, re.IGNORECASE), topic, topic in _ALWAYS) for pattern, topic in OUT_OF_SCOPE)

_ABOUT_MOVIES = re.compile(
    rf"\b(?:movies?|films?|flicks?|recommend|watch|something|rated?|documentar\w+|comed\w+|dramas?)\b|{MARK}",
    re.IGNORECASE,
)
