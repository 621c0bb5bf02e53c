"""Reading what a sentence asks of a list: how many, genres, years, mood, whose. A `Wish`, and the words left."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from difflib import get_close_matches

from pydantic import JsonValue


def regex(text: str) -> re.Pattern[str]:
    """A regular expression for what people write: capitals make no difference."""
    return re.compile(text, re.IGNORECASE)


def regexes(*texts: str) -> tuple[re.Pattern[str], ...]:
    """Several of them, to be tried in their order."""
    return tuple(map(regex, texts))


def words(text: str) -> frozenset[str]:
    """The words of a table."""
    return frozenset(text.split())


NUMBERS: dict[str, int] = {
    "one": 1, "single": 1, "two": 2, "couple": 2, "pair": 2, "both": 2, "three": 3, "few": 3, "four": 4,
    "five": 5, "six": 6, "half a dozen": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "dozen": 12,
    "twelve": 12, "fifteen": 15, "twenty": 20, "hundred": 100,
}  # fmt: skip

DECADE_WORDS: dict[str, int] = {
    "twenties": 1920, "thirties": 1930, "forties": 1940, "fourties": 1940, "fifties": 1950, "sixties": 1960,
    "seventies": 1970, "eighties": 1980, "nineties": 1990, "noughties": 2000, "aughts": 2000, "two thousands": 2000,
    "twenty tens": 2010, "twenty-tens": 2010,
}  # fmt: skip

GENRES: dict[str, tuple[str, ...]] = {
    "action": ("Action",), "actioner": ("Action",), "action-packed": ("Action",), "adventure": ("Adventure",),
    "adventurous": ("Adventure",), "animation": ("Animation",), "animated": ("Animation",), "cartoon": ("Animation",),
    "anime": ("Animation",), "children": ("Children",), "childrens": ("Children",), "children's": ("Children",),
    "kids": ("Children",), "kid": ("Children",), "kid-friendly": ("Children",), "family": ("Children",),
    "family-friendly": ("Children",), "family night": ("Children",), "grandkids": ("Children",), "toddler": ("Children",), "little ones": ("Children",), "comedy": ("Comedy",), "comedies": ("Comedy",), "comedic": ("Comedy",),
    "comical": ("Comedy",), "funny": ("Comedy",), "funnier": ("Comedy",), "hilarious": ("Comedy",),
    "humorous": ("Comedy",), "laugh": ("Comedy",), "crime": ("Crime",), "gangster": ("Crime",), "criminal": ("Crime",),
    "documentary": ("Documentary",), "documentaries": ("Documentary",), "docu": ("Documentary",),
    "doc": ("Documentary",), "drama": ("Drama",), "dramatic": ("Drama",), "dramedy": ("Comedy", "Drama"),
    "fantasy": ("Fantasy",), "fantasies": ("Fantasy",), "noir": ("Film-Noir",), "film-noir": ("Film-Noir",),
    "film noir": ("Film-Noir",), "horror": ("Horror",), "scary": ("Horror",), "scarier": ("Horror",),
    "frightening": ("Horror",), "slasher": ("Horror",), "imax": ("IMAX",), "musical": ("Musical",),
    "mystery": ("Mystery",), "mysteries": ("Mystery",), "whodunit": ("Mystery",), "whodunnit": ("Mystery",),
    "romance": ("Romance",), "romances": ("Romance",), "romantic": ("Romance",), "love story": ("Romance",),
    "love stories": ("Romance",), "romcom": ("Comedy", "Romance"), "rom-com": ("Comedy", "Romance"),
    "rom com": ("Comedy", "Romance"), "romantic comedy": ("Comedy", "Romance"),
    "romantic comedies": ("Comedy", "Romance"), "sci-fi": ("Sci-Fi",), "scifi": ("Sci-Fi",), "sci fi": ("Sci-Fi",),
    "syfy": ("Sci-Fi",), "science fiction": ("Sci-Fi",), "science-fiction": ("Sci-Fi",), "sf": ("Sci-Fi",),
    "thriller": ("Thriller",), "thrillers": ("Thriller",), "war": ("War",), "western": ("Western",),
    "cowboy": ("Western",), "black comedy": ("Comedy",),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Mood:
    """A mood in the data's terms: tags to try in this order, then genres."""

    label: str
    tags: tuple[str, ...] = ()
    genres: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()


FEEL_GOOD = Mood("feel-good", ("feel-good", "heartwarming"), ("Comedy",), ("Horror", "War"))

COSY = Mood("cosy", ("feel-good", "heartwarming", "whimsical"), ("Comedy", "Romance"), ("Horror", "War"))

LIGHT = Mood("light", ("feel-good", "fun"), ("Comedy",), ("Horror", "War"))

MOODS: tuple[tuple[str, Mood], ...] = (
    ((r"feel[- ]?good|uplifting|heart[- ]?warming|wholesome|(?:cheer|pick)(?:es|s)? me up|cheerful|happy ending"
     r"|(?:feeling|feel|i'?m|i am) (?:really |so |very |a bit |kinda )*(?:down|blue|low|sad|depressed|lonely)"
     r"|(?:just )?(?:broke up|breakup|break-up|got dumped|heartbroken)|(?:bad|rough|hard|awful|terrible|long|foul) (?:day|week|mood)|comfort(?:ing)?|happy"), FEEL_GOOD),
    ((r"rain(?:y|ing)(?: (?:day|afternoon|evening|night|weekend|sunday))?|lazy (?:day|afternoon|evening|weekend|sunday)"
     r"|sunday(?: (?:afternoon|evening|night))?|co[sz]y|snuggle|blanket"), COSY),
    ((r"relax(?:ing|ed)?|easy[- ]?(?:going|watching)?|light[- ]?(?:hearted|weight)?|lighter|undemanding|brainless"
     r"|turn (?:my|your) brain off|after work|chill(?:ed|ing)?|fun"), LIGHT),
    ((r"sad(?:der)?|(?:feel like |want to |need to )?(?:cry|crying|weep|sob)|tear[- ]?jerk(?:er|ing)s?|make me (?:cry|weep|sob)|(?:good|ugly) cry|depressing|heart[- ]?breaking"
     r"|moving|melancholic|melancholy|bittersweet"), Mood("sad", ("sad", "tearjerker", "bittersweet"), ("Drama",))),
    ((r"mind[- ]?(?:bend(?:ing|er|ers)|blow(?:ing)?|fuck(?:s|ing)?|twist(?:ing)?|game)|trippy|head[- ]?scratch(?:er|ing)"
     r"|brain[- ]?(?:teas(?:er|ing)|melting)|confusing"),
     Mood("mind-bending", ("mindfuck", "mind-bending", "twist ending", "surreal"), ("Mystery", "Sci-Fi"))),
    (r"thought[- ]?provoking|thoughtful|smart(?:er)?|intelligent|clever(?:er)?|cerebral|philosophical|deep(?:er)?|makes? me think",
     Mood("thought-provoking", ("thought-provoking", "philosophical", "cerebral"), ("Drama",))),
    (r"twists?(?: endings?)?|plot twists?|surprise ending", Mood("twist ending", ("twist ending", "twist"), ("Mystery",))),
    (r"date[- ]?(?:night|movie)|(?:romantic|valentine'?s) (?:evening|night|day)|valentine'?s?",
     Mood("date-night", ("romantic", "love story"), ("Romance",), ("Horror",))),
    (r"creepy|spooky|terrifying|halloween|chilling|disturbing|nightmares?",
     Mood("creepy", ("creepy", "disturbing", "ghosts"), ("Horror",))),
    ((r"suspenseful|suspense|tense|gripping|nail[- ]?bit(?:er|ing)|edge of (?:my|your|the) seat|thrilling|exciting"
     r"|intense"), Mood("suspenseful", ("suspense", "tense"), ("Thriller",))),
    (r"weird(?:er)?|strange(?:r)?|bizarre|surreal|quirky|offbeat|off[- ]the[- ]wall",
     Mood("offbeat", ("surreal", "quirky", "weird"), ("Fantasy",))),
    (r"dark(?:er)?|gritty|grittier|bleak(?:er)?", Mood("dark", ("dark", "gritty", "neo-noir"), ("Crime", "Thriller"))),
    (r"beautiful|gorgeous|stunning|visually (?:appealing|stunning|impressive)|eye candy|pretty",
     Mood("visually appealing", ("visually appealing", "visually stunning", "cinematography"), ("Fantasy",))),
    (r"inspir(?:ing|ational)|motivat(?:ing|ional)|empowering", Mood("inspirational", ("inspirational", "true story", "based on a true story"), ("Drama",))),
    (r"christmas(?:sy)?|xmas|festive", Mood("christmas", ("christmas",), ("Children",))),
    (r"atmospheric|moody|slow[- ]?burn(?:er|ing)?", Mood("atmospheric", ("atmospheric", "dreamlike"), ("Drama", "Mystery"))),
    (r"epic", Mood("epic", ("epic",), ("Adventure",))),
    (r"based on (?:a |an )?true (?:story|events)|true stor(?:y|ies)", Mood("true story", ("true story", "based on a true story"), ("Drama",))),
)  # fmt: skip
"""Pattern of a mood, and the mood. The first that is found in a sentence wins."""


REQUEST_WORDS = words(
    "a an the some any me my mine i i'd i'm i'll we us our you your please pls plz plx something anything smth sth stuff things one ones movie movies film films"
    " flick flicks picture pictures title titles recommend recomend reccomend recommed reccommend recommendation recommendations rec recs suggestion suggest suggestions sugest"
    " give show find list tell get want need wanna would will could can like love watch watching see seeing look looking search searching for of to in on at from with and or but"
    " good great nice decent cool awesome excellent amazing fantastic really very quite pretty so just maybe perhaps kind sort type bit little tonight today now evening night"
    " weekend is are be that which what whats what's should do does have has got there this it its let lets let's know think feel feels feeling mood in-the-mood hey hi ok okay well"
    " also then else other another more few couple all ever best top new right thanks thank go how about up by genre genres make made set only instead actually"
    " rather prefer again suits suit pick picks choose chose idea ideas options option proper solid random surprise am was were if no not into any anyone"
    " im ive id dont don't care idk dunno whatever anything' worth worthwhile seen yet haven't havent must must-see must-watch classics classic old older"
    " nothing too afternoon friday saturday sunday day dinner later soon wondering wonder help hmm um uh er lol haha haven u r ur ya yeah yes sure"
    " interesting entertaining enjoyable fine next ask these those them they he she his her him their people everyone everybody folks watching watched sorry favorite favourite favorites favourites start started having heard gems gem ideally each every decade decades year years seriously nah nope that's it's there's question bored boring suppose guess give gimme gonna gotta can't cannot rated well-rated highly-rated"
)
"""Words that carry no content in a request: what is left after them is a theme."""

COMMON_WORDS = REQUEST_WORDS | words(
    "horror western were car far way era dream dreams crime rhyme wear warm worm wars family music roman romans eastern animals comic comics auction romania advent fantastic"
)

LARGEST_LIST = 20
FIRST_FILM, LAST_FILM = 1870, 2100
LONGEST_GENRE = 16  # letters

_NUMBER = "|".join(sorted((re.escape(word) for word in NUMBERS), key=len, reverse=True))
_GENRE = "|".join(sorted((re.escape(word) for word in GENRES), key=len, reverse=True))
_LISTED = r"(?:movies?|films?|flicks?|pictures?|titles?|ones|recommendations?|recs?|suggestions?|picks?|more|others?|options?|ideas?)"
_YEAR = r"((?:18|19|20)\d\d)"

_COUNT = regex(
    rf"\b(?:a )?(?:top|best|first|list of|these|just|only)? ?(\d{{1,3}}|{_NUMBER})(?: or (?:so|two|three|\d))?"
    rf" (?=(?:(?:of the|of|really|very|good|great|nice|other|more|new|old|the best|best|top|popular|different|random|highly|rated|[\w'-]+) ){{0,4}}{_LISTED}\b|(?:{_GENRE})s?\b)"
    rf"|\b(?:top|best|give me|show me|suggest|recommend|list|another|just|only) (\d{{1,3}}|{_NUMBER})\b(?! (?:stars?|user|star|out|/))"
    rf"|^(\d{{1,2}}|{_NUMBER}) (?:please|pls|more)\b"
)
_USERS = regex(
    r"\b(?:(?:for|from|of|by|as|to|did|does|and) )?(?:movielens |the )?users?(?:['\u2019]s)? ?(?:#|no\.?|number|id)? ?(\d{1,9})\b"
    r"((?:\s*(?:,\s*and|,|and|&|\+|plus|or)\s*(?:user )?#?\d{1,9}\b)*)(?:['\u2019]s?)?"
)
_DECADE = regex(
    r"\b(?:(?:from|of|in|during|for|set in|out of|made in) )?(?:the )?(?:(early|mid|late)[- ])?(?:the )?"
    r"(?:(18|19|20)?'?(\d)0['\u2019]?s|("
    + "|".join(DECADE_WORDS)
    + r"))\b(?:,? (?:or|and) (earlier|before|older|later|newer|after)\b)?(?: (?:movies|films) only)?"
)
_RANGE = regex(rf"\b(?:(?:from|between|in|made|released) )*{_YEAR} ?(?:-|\u2013|to|and|until|till|through) ?{_YEAR}\b")
_BEFORE = regex(
    rf"\b(?:(?:nothing|not|none|no (?:movies|films)) )?(?:made |released |from )?(?:before|older than|earlier than|prior to|pre-?|until|till|up to|by) ?(?:the )?(?:year )?{_YEAR}(s)?\b"
)
_AFTER = regex(
    rf"\b(?:made |released |from )?(after|newer than|later than|since|from|post-?|past|starting(?: in| from)?) ?(?:the )?(?:year )?{_YEAR}"
    r"( on(?:wards?)?|\+| or (?:later|newer)| and (?:later|newer|up))?(?!\w)"
)
_IN_YEAR = regex(
    rf"\b(?:in|of|for|during|the year|the|released in|made in|(?:that |what )?(?:came|come) out in) {_YEAR}\b|^ *{_YEAR}(?= (?:{_GENRE})s?\b| movies?| films?| *$)"
)
_CENTURY = regex(r"\b(?:from |of |in )?(?:the |this )?(20th|twentieth|last|21st|twenty[- ]first|this) century\b")
_AGE = regex(
    r"\b(?:(recent|new|brand[- ]new|latest|newest|modern|current|contemporary|fresh|last few years|recently released|last (?:ten|10) years)"
    r"|(classics?|old|old[- ]school|vintage|golden age|old[- ]time|oldies))\b(?! (?:one|user))"
)
_NOT_GENRE = regex(
    rf"\b(?:without(?: any| the)?|no(?: more)?|not|nothing|non|isn'?t|is not|aren'?t|anything but|except(?: for)?|excluding|minus"
    rf"|hate|don'?t (?:like|want)|avoid|skip|leave out|rather not|other than|apart from|instead of|sick of|tired of)"
    rf"[ -](?:too |a |an |any |another |in |from )*((?:{_GENRE})s?(?:(?:,| or| and|, or|, and| nor|/) ?(?:any |a |no )?(?:{_GENRE})s?)*)\b"
)
_GENRE_WORD = regex(rf"\b({_GENRE})(?:s|es|y)?\b(?! (?:tag|of the))")
_NOT_MOOD = regex(
    r"\b(?:not|nothing|isn'?t|without|no|don'?t|less)(?: (?:so|too|that|very|really|as|anything|be))*[ -]*$"
)
_SORT = (
    (regex(
        r"\b(?:best|top|highest|greatest|finest|great|good|all[- ]time)[- ]?(?:\w+ )?rated\b|\b(?:best|top"
        r"|greatest|finest|masterpieces?)\b(?: (?:movies?|films?|ones?))?(?: of all[- ]time| ever(?: made)?)?"
    ), "rating"),
    (regex(
        r"\bmost[- ](?:watched|seen|famous|rated|viewed|well[- ]known|liked|loved)\b|\b(?:most[- ])?popular\b"
        r"|\b(?:biggest|trending|hot|hits?)\b"
    ), "popularity"),
)  # fmt: skip
_VARIED = regex(r"\b(?:different|diverse|varied|variety|a mix|mixed bag|assorted|all sorts)\b")
_SURPRISE = regex(r"\b(?:surprise (?:me|us)|random|unexpected|dealer'?s choice|anything goes|whatever)\b")
_MOODS = tuple((regex(rf"\b(?:{pattern})\b"), mood) for pattern, mood in MOODS)
_SUBJECT = regex(
    r"\b(?:about|with|featuring|involving|starring|directed by|by|set in|set on|based on|where|in which|on) (.+)$"
)
_BASED_ON = regex(r"\b(?:based|adapted) (?:on|from) (?:an? |the )?(book|novel|comic|play|video game|tv show)s?\b")
_ABOUT = regex(
    r"(?<!how )(?<!what )\babout (?!it\b|that\b|this\b|them\b)(.{2,60}?)(?=[,.!?]|$|\b(?:but|that|which|please|without|with|from|in|not|for|preferably|ideally|made|only)\b)"
)
_DETERMINER = regex(r"^(?:an?|the|some|any|how|being|something like) ")
_LEAST = regex(r"\b(?:with )?(?:at least|more than|over|min(?:imum)?(?: of)?) (\d{1,6})\+? (?:ratings|votes|reviews)\b")
_SAME_VEIN = regex(
    r"\b(?:in|along|of) the same (?:vein|lines?|style|kind|sort|spirit)\b|\bsame (?:vein|kind|sort|style)\b"
)
_CHILDHOOD = regex(r"\b(?:as a (?:kid|child|teen\w*)|when i was (?:a (?:kid|child|teen\w*)|young\w*|little|small))\b")
_PERSONAL = regex(r"\b(?:i|me|my|we|our|you|your|who|someone|somebody|want|wants|because|am|are|please)\b")
_COMPANY = regex(
    r"\b(?:(?:for|with|and|me and|by) )?(?:my|our|the) (?:[\w-]+ )?(?:girlfriend|boyfriend|gf|bf|wife|husband|partner|friends?|mom|mum|mother|dad|father|parents?|grand\w+"
    r"|sister|brother|kids?|children|sons?|daughters?|family|roommates?|flatmates?|colleagues?|date|buddy|mates?|nieces?|nephews?|fianc\w+|cousins?|aunt|uncle)\b"
)
_LEFT_OUT = regex(r"\b(?:without|aren't|isn't|not|no|excluding|except)(?: (?:from|by|with|any|the|a|an|of))* ([\w'-]+)")
_NEGATED = regex(
    r"\b(?:but )?(?:not|nothing|without|no|isn't|aren't) (?:too |so |that |very |a |an |any |the |of the )*[\w'-]+"
)
_WORD = re.compile(r"[^\s,.!?;:()\"]+")


@dataclass(frozen=True, slots=True)
class Wish:
    """Everything that narrows or orders a list. `age` is -1 for older, 1 for newer than what was shown."""

    limit: int | None = None
    genres: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    year_from: int | None = None
    year_to: int | None = None
    mood: Mood | None = None
    theme: str = ""
    sort: str = ""
    age: int = 0
    era: str = ""
    novelty: float | None = None
    known: bool = False
    varied: bool = False
    surprise: bool = False
    better: bool = False
    lack: str = ""
    users: tuple[int, ...] = ()
    asked: int | None = None
    min_ratings: int | None = None
    unmet: str = ""

    @property
    def narrows(self) -> bool:
        """True if it says anything about which movies are meant."""
        return bool(
            self.genres or self.exclude or self.year_from or self.year_to or self.mood or self.theme or self.age
            or self.era or self.novelty or self.known or self.better or self.lack or self.min_ratings
        )  # fmt: skip

    @property
    def about(self) -> str:
        """The mood or theme in words."""
        return self.mood.label if self.mood else self.theme

    def filters(self) -> dict[str, JsonValue]:
        """The `movies.models.Filters` that it asks for."""
        found: dict[str, JsonValue] = {
            "genres": list(self.genres),
            "exclude_genres": list(self.exclude),
            "year_from": self.year_from,
            "year_to": self.year_to,
            "limit": self.limit,
            "min_ratings": self.min_ratings,
            "novelty": self.novelty,
            "diversity": 0.6 if self.varied or self.surprise else None,
        }
        return {name: value for name, value in found.items() if value not in (None, [])}


SHIFTS: tuple[tuple[str, Wish], ...] = (
    (r"(?:less|(?:not )?too|not (?:so|as|too|that)|nothing(?: too)?|isn'?t (?:so|as|too|that)) (?:scary|creepy|frightening|horrifying|spooky)",
     Wish(exclude=("Horror",))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:violent|brutal|intense)(?:ly)?|less violence",
     Wish(exclude=("Horror", "War"))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:sad|dramatic|depressing|serious|heavy|dark|bleak)|less drama",
     Wish(exclude=("Drama", "War"))),
    (r"(?:less|(?:not )?too|not (?:so|as|too|that)) romantic|less romance",
     Wish(exclude=("Romance",))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:childish|kiddy|silly)",
     Wish(exclude=("Children", "Animation"))),
    ((r"(?:but )?(?:less|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:cheesy|sappy|soppy"
      r"|mushy|kitschy|boring|slow|stupid|dumb|bad|predictable|pretentious|cringy?|corny|long-winded)"), Wish()),
    (r"(?:less|not (?:so|as|too|that)) (?:funny|goofy)", Wish(exclude=("Comedy",))),
    (r"(?:but )?(?:for (?:grown-?ups|adults)|(?:more |less )?(?:adult|grown-?up|mature))", Wish(exclude=("Children",))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:bloody|gory)|less (?:blood|gore)",
     Wish(exclude=("Horror",))),
    (r"less (?:action|explosions)", Wish(exclude=("Action",))),
    ((r"(?:less|too|not (?:so|as|too|that)) (?:known|famous|popular|mainstream|obvious|well[- ]known)|lesser[- ]known|(?:haven't|never|not) (?:even )?heard of"
     r"|more (?:obscure|unusual|unknown)|hidden gems?|obscure|under(?:rated|seen|appreciated)|under the radar"
     r"|off the beaten (?:path|track)|overlooked|unknown|art[- ]?house"), Wish(novelty=0.7)),
    ((r"(?:more|better) (?:known|famous|popular|mainstream)|(?:well|better)[- ]known|famous|mainstream|blockbusters?"
     r"|crowd[- ]pleas(?:er|ers|ing)"), Wish(known=True)),
    (r"newer|more (?:recent|modern|current|up[- ]to[- ]date)|less old|(?:not )?(?:so|as|that|too|very) old|later",
     Wish(age=1)),
    (r"older|more (?:classic|vintage|old)|less (?:new|modern|recent)|(?:not )?(?:so|as|that|too|very) (?:new|recent|modern)|earlier",
     Wish(age=-1)),
    ((r"shorter|short and sweet|short(?= (?:movies?|films?|comed\w+|dramas?|thrillers?|westerns?|horror|ones?|documentar\w+|sci-fi))|less long|(?:not )?(?:so|as|too|that|very) long|(?:under|below|at most|max(?:imum)?) (?:\d+|two|three|one and a half)"
     r" ?(?:hours?|hrs?|h|minutes?|mins?)\b|less than (?:\d+|two|three) ?(?:hours?|hrs?|h|minutes?|mins?)\b"),
     Wish(lack="shorter")),
    (r"longer|(?:over|more than|at least) (?:\d+|two|three) ?(?:hours?|hrs?|h|minutes?|mins?)\b", Wish(lack="longer")),
    (r"more action|more exciting", Wish(genres=("Action",))),
    (r"more (?:romance|romantic)", Wish(genres=("Romance",))),
    (r"more (?:humou?r|jokes|laughs)|more fun(?:ny)?", Wish(genres=("Comedy",))),
    (r"better|higher[- ]rated", Wish(better=True)),
)  # fmt: skip
"""Pattern of a comparative ("less scary", "newer"), and the changes that it makes to a list's filters."""
_SHIFTS = tuple((regex(rf"\b(?:{pattern})\b"), shift) for pattern, shift in SHIFTS)


def merge(first: Wish, second: Wish) -> Wish:
    """Both wishes; where they disagree, the later one holds."""
    fields = {name: getattr(second, name) or getattr(first, name) for name in Wish.__dataclass_fields__}
    fields["genres"] = tuple(dict.fromkeys(first.genres + second.genres))
    fields["exclude"] = tuple(dict.fromkeys(first.exclude + second.exclude))
    return Wish(**fields)


def read_wish(sentence: str) -> tuple[Wish, str]:
    """The wish in a sentence, and the words that said none of it.

    Example: "three funny movies from the 80s about robots" → limit 3, Comedy, 1980-1989, theme "robots".
    """
    wish, rest = Wish(), _SAME_VEIN.sub(" ", _CHILDHOOD.sub(" ", f" {sentence} "))
    for reader in (_users, _least, _shifts, _years, _about, _count, _excluded, _mood, _genres, _flags):
        wish, rest = reader(wish, rest)
    return wish, re.sub(r"\s+", " ", rest).strip()


def _about(wish: Wish, text: str) -> tuple[Wish, str]:
    """As in "about world war 2": a subject, whatever genres its words may be."""
    if based := _BASED_ON.search(text):
        return replace(wish, theme=f"based on a {based[1].lower()}"), _cut(text, based)
    found = _ABOUT.search(text)
    subject = _DETERMINER.sub("", found[1].strip(" '-")) if found else ""
    if not found or not subject or len(subject.split()) > 5 or _PERSONAL.search(subject):
        return wish, text
    return replace(wish, theme=subject), f"{text[: found.start()]} {text[found.end(1) :]}"


def themed(wish: Wish, rest: str) -> Wish:
    """The wish with what is left of the sentence as its theme, if that says anything."""
    if wish.theme:
        return wish
    subject = _SUBJECT.search(rest)
    theme = content_of(subject[1] if subject else rest)
    longest = 6 if subject else 2 if wish.genres or wish.mood else 4
    if unmet := _unmet(rest):
        wish = replace(wish, unmet=unmet)
    if not subject and len(rest.split()) > LONGEST_ASIDE:
        return wish
    if not theme or len(theme.split()) > longest or _PERSONAL.search(theme):
        return wish
    return replace(wish, theme=theme)


def _unmet(rest: str) -> str:
    """The thing that a sentence wants left out and that is no genre: "aren't disney" → "disney"."""
    words = (found[1] for found in _LEFT_OUT.finditer(rest))
    return next((word for word in words if not _empty(word) and len(word) > 2), "")


LONGEST_ASIDE = 6
"""With more words than this around it, a stray word is not taken for a theme."""


def content_of(rest: str) -> str:
    """The rest without the words of asking: "can you find something about time travel" → "time travel"."""
    rest = _COMPANY.sub(" ", _NEGATED.sub(" ", rest))
    rest = re.sub(
        r"\b(?:set in|where (?:there (?:is|are)|the|a|an)|in which|that (?:has|have|is about|deals? with)|featuring|involving"
        r"|by director|directed by|starring|takes? place in|dealing with|centered on|related to)\b",
        " about ", rest, flags=re.IGNORECASE,
    )  # fmt: skip
    words = _WORD.findall(rest)
    while words and _empty(words[0]):
        words.pop(0)
    while words and _empty(words[-1]):
        words.pop()
    kept = " ".join(words)
    return kept[:100].strip(" '-") if any(len(word) > 1 for word in words) else ""


def _empty(word: str) -> bool:
    return word.lower().strip("'-*~") in REQUEST_WORDS or not any(char.isalpha() or char > "\ue000" for char in word)


def _cut(text: str, found: re.Match[str]) -> str:
    return f"{text[: found.start()]} {text[found.end() :]}"


def _users(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _USERS.search(text)
    if not found:
        return wish, text
    ids = [int(found[1]), *map(int, re.findall(r"\d+", found[2]))]
    return replace(wish, users=tuple(dict.fromkeys(ids))), _cut(text, found)


def _least(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _LEAST.search(text)
    return (replace(wish, min_ratings=int(found[1])), _cut(text, found)) if found else (wish, text)


def _shifts(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, shift in _SHIFTS:
        if found := pattern.search(text):
            if shift.age and re.match(r" than (?:the year )?(?:18|19|20)\d\d", text[found.end() :]):
                continue
            if shift.age and re.search(r"\b(?:or|and) $", text[: found.start()]):
                continue
            wish, text = merge(wish, shift), _cut(text, found)
    return wish, text


def _years(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, span_of in _PERIODS:
        if found := pattern.search(text):
            first, last = span_of(found)
            if any(year and not FIRST_FILM <= year <= LAST_FILM for year in (first, last)):
                continue
            wish = replace(wish, year_from=first or wish.year_from, year_to=last or wish.year_to)
            text = _cut(text, found)
            if pattern is _RANGE:
                break
    if found := _AGE.search(text):
        wish, text = replace(wish, era="new" if found[1] else "old"), _cut(text, found)
    return wish, text


def _decade(found: re.Match[str]) -> tuple[int | None, int | None]:
    """'80s → 1980-1989, "late nineties" → 1995-1999, "2010s" → 2010-2019; two digits mean the last hundred years."""
    if found[4]:
        first = DECADE_WORDS[found[4].lower()]
    else:
        tens = int(found[3]) * 10
        first = int(found[2]) * 100 + tens if found[2] else (2000 if tens <= 10 else 1900) + tens
    part = (found[1] or "").lower()
    start, end = {"early": (0, 3), "mid": (3, 6), "late": (6, 9)}.get(part, (0, 9))
    if found[5]:
        return (None, first + end) if found[5].lower() in {"earlier", "before", "older"} else (first + start, None)
    return first + start, first + end


def _range(found: re.Match[str]) -> tuple[int | None, int | None]:
    first, last = sorted((int(found[1]), int(found[2])))
    return first, last


def _before(found: re.Match[str]) -> tuple[int | None, int | None]:
    if re.match(r"\s*(?:nothing|not|none|no \w+)\b", found[0], re.IGNORECASE):
        return int(found[1]), None
    inclusive = re.search(r"\b(?:until|till|up to)\b", found[0], re.IGNORECASE)
    return None, int(found[1]) - (0 if inclusive else 1)


def _after(found: re.Match[str]) -> tuple[int | None, int | None]:
    """As in "since 1990" and "from 1990 on" include 1990, "after 1990" does not, and "from 1990" alone is that year."""
    year, word = int(found[2]), found[1].lower()
    if word == "from" and not found[3]:
        return year, year
    inclusive = word.startswith(("since", "from", "starting")) or bool(found[3])
    return (year if inclusive else year + 1), None


def _in_year(found: re.Match[str]) -> tuple[int | None, int | None]:
    year = int(found[1] or found[2])
    return year, year


def _century(found: re.Match[str]) -> tuple[int | None, int | None]:
    return (None, 2000) if found[1].lower() in {"20th", "twentieth", "last"} else (2001, None)


_PERIODS = (
    (_CENTURY, _century),
    (_RANGE, _range),
    (_DECADE, _decade),
    (_BEFORE, _before),
    (_AFTER, _after),
    (_IN_YEAR, _in_year),
)


def _count(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _COUNT.search(text)
    count = next(filter(None, found.groups())) if found else ""
    asked = int(count) if count.isdecimal() else NUMBERS.get(count.lower())
    if not found or not asked:
        return wish, text
    ranked = re.search(r"\b(?:top|best)\b", found[0], re.IGNORECASE)
    left = _cut(text, found) if not ranked else f"{text[: found.start()]} {ranked[0]} {text[found.end() :]}"
    return replace(wish, limit=min(asked, LARGEST_LIST), asked=asked), left


def _excluded(wish: Wish, text: str) -> tuple[Wish, str]:
    while found := _NOT_GENRE.search(text):
        out = tuple(dict.fromkeys(wish.exclude + _genres_in(found[1])))
        wish, text = replace(wish, exclude=out), _cut(text, found)
    return wish, text


def _mood(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, mood in _MOODS:
        if found := pattern.search(text):
            if _NOT_MOOD.search(text[: found.start()]):
                return replace(wish, exclude=tuple(dict.fromkeys(wish.exclude + mood.genres))), _cut(text, found)
            return replace(wish, mood=mood), pattern.sub(" ", text)
    return wish, text


def _genres(wish: Wish, text: str) -> tuple[Wish, str]:
    found = _genres_in(text)
    text = _GENRE_WORD.sub(" ", text)
    if not found:
        found, text = _misspelt_genre(text)
    out = tuple(name for name in wish.exclude if name not in found)
    return replace(wish, genres=tuple(dict.fromkeys(wish.genres + found))[:5], exclude=out), text


def _genres_in(text: str) -> tuple[str, ...]:
    names = (name for found in _GENRE_WORD.finditer(text) for name in GENRES[found[1].lower()])
    return tuple(dict.fromkeys(names))


def _misspelt_genre(text: str) -> tuple[tuple[str, ...], str]:
    """As in "comdey" → Comedy: only long words, and none that English needs for something else."""
    for word in _WORD.findall(text):
        plain = word.lower().removesuffix("s")
        if not 5 <= len(word) <= LONGEST_GENRE or word.lower() in COMMON_WORDS:
            continue
        alike = [genre for genre in GENRES if genre[0] == plain[0] and abs(len(genre) - len(plain)) <= 2]
        if near := get_close_matches(plain, alike, n=1, cutoff=0.8):
            return GENRES[near[0]], text.replace(word, " ", 1)
    return (), text


def _flags(wish: Wish, text: str) -> tuple[Wish, str]:
    for pattern, sort in _SORT:
        if found := pattern.search(text):
            wish, text = replace(wish, sort=wish.sort or sort), _cut(text, found)
    if found := _VARIED.search(text):
        wish, text = replace(wish, varied=True), _cut(text, found)
    if found := _SURPRISE.search(text):
        wish, text = replace(wish, surprise=True), _cut(text, found)
    return wish, text
