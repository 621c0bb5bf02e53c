"""A conversation as the guide has it in mind: what was said and shown, and the movies that a sentence refers to.

Memory is read back from the messages each time; nothing is kept. Titles stay text; the tools resolve them.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

from pydantic import BaseModel, JsonValue, ValidationError

from guide.wishes import NUMBERS, Wish, regex, words
from movies.models import MovieList, MovieName, Resolved
from movies.titles import title_words
from providers.base import ChatMessage, ToolRequest
from providers.prompts import TRIMMED
from tools.registry import TOOLS
from tools.results import (
    Comparison,
    Questions,
    RatingList,
    TasteProfile,
)

SHORTHAND: dict[str, str] = {
    "whats": "what's", "thats": "that's", "hows": "how's", "wheres": "where's", "whos": "who's", "im": "i'm", "ive": "i've",
    "dont": "don't", "didnt": "didn't", "doesnt": "doesn't", "cant": "can't", "couldnt": "couldn't", "wasnt": "wasn't",
    "isnt": "isn't", "havent": "haven't", "wouldnt": "wouldn't", "wanna": "want to", "gimme": "give me", "lemme": "let me",
    "ok then": "ok", "u": "you", "ur": "your", "pls": "please", "plz": "please", "id like": "i'd like", "id love": "i'd love", "id rate": "i'd rate",
    "id give": "i'd give", "sth": "something", "smth": "something", "smthing": "something", "somethin": "something", "sumthing": "something",
    "movis": "movies", "tonite": "tonight", "2nite": "tonight", "2night": "tonight", "b4": "before", "sumthin": "something", "sum": "some", "moives": "movies", "moveis": "movies", "movei": "movie", "moive": "movie", "flim": "film", "flims": "films", "fims": "films",
    "simular": "similar", "simlar": "similar", "similiar": "similar", "liek": "like", "recomend": "recommend", "reccomend": "recommend",
    "recommand": "recommend", "reccommend": "recommend", "recommend": "recommend", "sugest": "suggest", "suggst": "suggest", "wath": "watch", "wach": "watch",
    "somthing": "something", "sometihng": "something", "wat": "what", "wut": "what", "abt": "about", "favorit": "favorite", "thx": "thanks", "bout": "about",
    "teh": "the", "adn": "and", "fo": "for", "taht": "that", "shoud": "should", "shuld": "should", "wich": "which", "becuase": "because", "cuz": "because",
}  # fmt: skip
"""Spellings of hurried people, and what they mean."""

ORDINALS: dict[str, int] = {
    "first": 1, "1st": 1, "former": 1, "top": 1, "second": 2, "2nd": 2, "third": 3, "3rd": 3, "fourth": 4, "4th": 4,
    "forth": 4, "fifth": 5, "5th": 5, "sixth": 6, "6th": 6, "seventh": 7, "7th": 7, "eighth": 8, "8th": 8, "ninth": 9,
    "9th": 9, "tenth": 10, "10th": 10, "last": -1, "latter": -1, "final": -1, "bottom": -1,
}  # fmt: skip

TRICKY_TITLES: tuple[str, ...] = (
    "Star Wars", "Star Trek", "The Rocky Horror Picture Show", "Rocky Horror", "Avengers: Infinity War", "Infinity War", "Captain America: Civil War", "Charlie Wilson's War",
    "Lord of War", "War Dogs", "Cold War", "High School Musical", "The Crying Game", "Million Dollar Baby", "The Kids Are All Right", "Kids", "Spy Kids", "The Karate Kid",
    "The Family Man", "The Addams Family", "Addams Family Values", "The Royal Tenenbaums", "Crime and Punishment", "Manhattan Murder Mystery", "A Mighty Wind", "Dark Knight",
    "The Dark Knight", "The Dark Knight Rises", "Dark Shadows", "Zero Dark Thirty", "Deep Blue Sea", "Deep Impact", "Funny People", "Sad Movie", "Epic", "The Last Picture Show",
    "10 Cloverfield Lane", "12 Angry Men", "12 Monkeys", "12 Years a Slave", "13 Going on 30", "2 Fast 2 Furious", "21 Jump Street",
    "2001: A Space Odyssey", "2001 a space odyssey", "28 Days Later", "28 Weeks Later", "3 Idiots", "3:10 to Yuma", "300", "40 Year Old Virgin",
    "The 40-Year-Old Virgin", "(500) Days of Summer", "500 Days of Summer", "50 First Dates", "50/50", "8 Mile", "8½", "1917", "1984", "9 to 5",
    "A Few Good Men", "A Star Is Born", "About a Boy", "About Time", "About Schmidt", "Adam's Rib", "Almost Famous", "Amazing Grace", "American History X", "And Justice for All",
    "Antz", "Army of Darkness", "As Good as It Gets", "Back to the Future", "Bad Boys", "Beauty and the Beast", "Bedknobs and Broomsticks", "Before Midnight", "Before Sunrise",
    "Before Sunset", "Beverly Hills Cop", "Bill & Ted's Excellent Adventure", "Blade Runner 2049", "Bonnie and Clyde", "Boogie Nights", "Bowling for Columbine", "Bride of Frankenstein",
    "Bringing Out the Dead", "Butch Cassidy and the Sundance Kid", "Cat on a Hot Tin Roof", "Catch Me If You Can", "Charlie and the Chocolate Factory", "Close Encounters of the Third Kind",
    "Cloudy with a Chance of Meatballs", "Crazy, Stupid, Love", "Crimes and Misdemeanors", "Crouching Tiger, Hidden Dragon", "Dallas Buyers Club", "Dances with Wolves", "Dark City", "Date Movie",
    "Day for Night", "Dawn of the Dead", "Dazed and Confused", "Dead Man Walking", "Deep Impact", "Dial M for Murder", "Dirty Rotten Scoundrels", "Do the Right Thing",
    "Don't Look Now", "Don't Look Up", "Dr. Strangelove or: How I Learned to Stop Worrying and Love the Bomb", "Dr. Strangelove", "Drop Dead Gorgeous", "Dumb and Dumber", "Dumb & Dumber",
    "E.T. the Extra-Terrestrial", "E.T.", "Eat Drink Man Woman", "Epic Movie", "Everything You Always Wanted to Know About Sex", "Eyes Wide Shut", "Fantastic Mr. Fox", "Far and Away", "Fast & Furious", "Fear and Loathing in Las Vegas",
    "First Blood", "First Man", "Fanny and Alexander", "Forgetting Sarah Marshall", "Four Rooms", "Four Weddings and a Funeral", "Freddy vs. Jason", "Alien vs. Predator", "AVP: Alien vs. Predator",
    "Batman v Superman: Dawn of Justice", "Batman v Superman", "Kramer vs. Kramer", "Scott Pilgrim vs. the World", "Joe Versus the Volcano", "From Dusk Till Dawn", "From Here to Eternity", "From Russia with Love", "Funny Games", "Funny Girl", "Funny Face",
    "Ghost in the Shell", "Girl with a Pearl Earring", "Girl, Interrupted", "Good Bye Lenin!", "Good Morning, Vietnam", "Good Night, and Good Luck", "Good Will Hunting", "Gone with the Wind", "Goodbye, Mr. Chips",
    "Guess Who's Coming to Dinner", "Guys and Dolls", "Hannah and Her Sisters", "Hansel and Gretel", "Happy Feet", "Happy Gilmore", "Harold and Kumar Go to White Castle", "Harold and Maude",
    "Harry Potter and the Philosopher's Stone", "Harry Potter and the Sorcerer's Stone", "Harry Potter and the Chamber of Secrets", "Harry Potter and the Prisoner of Azkaban",
    "Harry Potter and the Goblet of Fire", "Harry Potter and the Order of the Phoenix", "Harry Potter and the Half-Blood Prince", "Harry Potter and the Deathly Hallows", "Hello, Dolly!", "He's Just Not That Into You",
    "High Fidelity", "High Noon", "Hot Shots!", "Horrible Bosses", "How to Lose a Guy in 10 Days", "How to Train Your Dragon", "I Am Legend", "I Am Sam", "I, Robot", "I, Tonya", "I Know What You Did Last Summer",
    "I Love You, Man", "Indiana Jones and the Last Crusade", "Indiana Jones and the Temple of Doom", "Indiana Jones and the Kingdom of the Crystal Skull", "In the Mood for Love", "In the Line of Fire",
    "Intolerable Cruelty", "It Happened One Night", "It Follows", "It's a Mad, Mad, Mad, Mad World", "It's a Wonderful Life", "Jay and Silent Bob Strike Back", "Jules and Jim", "Johnny English", "Kill Bill: Vol. 1", "Kill Bill: Vol. 2", "Kill Bill Vol. 1", "Kill Bill Vol. 2",
    "Kiss Kiss Bang Bang", "Lady and the Tramp", "Last Action Hero", "Les Misérables", "Liar Liar", "Like Water for Chocolate", "Like Stars on Earth", "Lilo & Stitch", "Lilo and Stitch", "Lock, Stock & Two Smoking Barrels", "Lock, Stock and Two Smoking Barrels", "Long Kiss Goodnight",
    "Lost in Translation", "Love Actually", "Love Story", "Love and Death", "Love & Basketball", "Love and Basketball", "Mad Max Beyond Thunderdome", "Man on the Moon", "Man on Fire", "Marley & Me", "Marley and Me", "Mars Attacks!", "Mary and Max", "Master and Commander: The Far Side of the World", "Master and Commander",
    "Me and Earl and the Dying Girl", "Me, Myself & Irene", "Me, Myself and Irene", "Mean Girls", "Meet the Parents", "Men in Black", "Midnight in Paris", "Million Dollar Baby", "Monsters, Inc.", "Monsters, Inc", "Monty Python and the Holy Grail", "Mr. & Mrs. Smith", "Mr. and Mrs. Smith", "Mr & Mrs Smith", "Mr and Mrs Smith",
    "Much Ado About Nothing", "Murder on the Orient Express", "My Big Fat Greek Wedding", "My Best Friend's Wedding", "Mystery Men", "Mystery Science Theater 3000", "Natural Born Killers", "Never Let Me Go", "No Country for Old Men", "Not Another Teen Movie", "Not Another Teen Movie", "Now You See Me",
    "O Brother, Where Art Thou?", "O Brother, Where Art Thou", "O Brother Where Art Thou", "Of Mice and Men", "Office Space", "Oldboy", "Old School", "Once Upon a Time in America", "Once Upon a Time in the West", "Once Upon a Time in Hollywood", "One Flew Over the Cuckoo's Nest",
    "Ocean's Eleven", "Ocean's Twelve", "Ocean's Thirteen", "Out of Africa", "Out of Sight", "Pain & Gain", "Paris, Texas", "Phone Booth", "Pirates of the Caribbean", "Planes, Trains & Automobiles", "Planes, Trains and Automobiles", "Planet Terror", "Play Misty for Me", "Pretty Woman", "Pretty in Pink", "Pride & Prejudice", "Pride and Prejudice", "Pride and Prejudice and Zombies",
    "Requiem for a Dream", "Romancing the Stone", "Romeo + Juliet", "Romeo and Juliet", "Romy and Michele's High School Reunion", "Rosencrantz and Guildenstern Are Dead", "Rush Hour", "Sad Movie", "Say Anything", "Scary Movie", "School of Rock", "Se7en", "Secrets & Lies", "Secrets and Lies", "Sense and Sensibility", "Serial Mom", "Sex and the City",
    "Sex, Lies, and Videotape", "Shaun of the Dead", "She's All That", "Singin' in the Rain", "Sleepless in Seattle", "Small Time Crooks", "Snow White and the Seven Dwarfs", "Snow White and the Huntsman", "Some Like It Hot", "Something's Gotta Give", "South Park: Bigger, Longer and Uncut", "Star Trek Into Darkness", "Starship Troopers", "Starsky & Hutch", "Stop! Or My Mom Will Shoot", "Stand by Me", "Superhero Movie",
    "Swiss Army Man", "Team America: World Police", "Thank You for Smoking", "That Thing You Do!", "The 6th Day", "The Adventures of Priscilla, Queen of the Desert", "The Bad and the Beautiful", "The Big Short", "The Bridges of Madison County", "The Chronicles of Narnia: The Lion, the Witch and the Wardrobe", "The Lion, the Witch and the Wardrobe",
    "The Cook, the Thief, His Wife & Her Lover", "The Day After Tomorrow", "The Devil and Daniel Webster", "The Diving Bell and the Butterfly", "The Fast and the Furious", "The Fifth Element", "The First Wives Club", "The Fault in Our Stars", "The Ghost and the Darkness", "The Girl with the Dragon Tattoo", "The Good, the Bad and the Ugly", "The Good the Bad and the Ugly", "The King and I", "The Last of the Mohicans", "The Last Samurai", "The Lego Movie", "The Little Mermaid", "The Longest Day", "The Muppet Movie",
    "The Nightmare Before Christmas", "The Old Man and the Sea", "The Poseidon Adventure", "The Prince and Me", "The Princess and the Frog", "The Quick and the Dead", "The Seven Year Itch", "The Seventh Seal", "The Simpsons Movie", "The Sixth Sense", "The Sound of Music", "The Spy Who Loved Me", "The Spy Who Came in from the Cold", "The Thin Red Line", "The Third Man", "The Wallace & Gromit", "The Way We Were", "The Worst Person in the World", "There Will Be Blood", "There's Something About Mary", "Thelma & Louise", "Thelma and Louise",
    "This Is the End", "This Is Spinal Tap", "This Is 40", "This Is England", "Three Amigos", "Three Colors: Blue", "Three Colors: Red", "Three Kings", "Three Billboards Outside Ebbing, Missouri", "Three Men and a Baby", "Three Men and a Little Lady", "To Catch a Thief", "To Kill a Mockingbird", "To Have and Have Not", "Tinker Tailor Soldier Spy", "Tora! Tora! Tora!", "Trading Places", "Trick or Treat", "Trick 'r Treat", "True Romance", "True Grit", "True Lies", "Tucker and Dale vs Evil", "Turner & Hooch", "Turner and Hooch", "Two Weeks Notice", "Up in the Air", "Vicky Cristina Barcelona",
    "Waking Ned Devine", "Wallace & Gromit", "Wallace and Gromit", "War Horse", "War of the Worlds", "War and Peace", "Wet Hot American Summer", "What About Bob?", "What Dreams May Come", "What We Do in the Shadows", "What Lies Beneath", "What Ever Happened to Baby Jane?", "What's Eating Gilbert Grape", "What's Up, Doc?", "What Women Want", "When Harry Met Sally", "Where Eagles Dare", "Where the Wild Things Are", "Who Framed Roger Rabbit?", "Who Framed Roger Rabbit", "Who's Afraid of Virginia Woolf?", "Why Him?",
    "Willy Wonka & the Chocolate Factory", "Willy Wonka and the Chocolate Factory", "Withnail & I", "Withnail and I", "X-Men: Days of Future Past", "X-Men: First Class", "Y Tu Mamá También", "Y tu mama tambien", "Yes Man", "You've Got Mail", "You Only Live Twice", "Young Frankenstein", "You, Me and Dupree", "Zack and Miri Make a Porno",
)  # fmt: skip
"""Titles whose words a sentence's grammar would tear apart. Only used to keep them whole; never said unless a tool does."""

PLAIN_ENGLISH = frozenset(
    ("kids", "epic", "cold war", "scary movie", "date movie", "epic movie", "sad movie", "superhero movie", "love story", "about time", "bad boys", "first man", "old school",
     "yes man", "rush hour", "mean girls", "funny games", "funny girl", "war horse", "true story", "true romance", "dark city", "not another teen movie",
     "hot shots!", "last action hero", "say anything", "now you see me", "high noon", "this is the end", "mystery men", "about a boy", "army of darkness")
)  # fmt: skip
"""Titles that count as such only with a capital: in lower case they are everyday words."""

CAPITAL_TITLES = words(
    "300 1917 1984 Seven Her Up It Us Them Big Her Help Pi Saw Ten M Z If Once Ray Fun Alive Ran Hero Sing Coco Cars Bolt Brave"
)
"""One-word titles that count as such only with their capital, inside a sentence."""

Args = dict[str, JsonValue]
Ref = int | str

RESET = regex(
    r"\s*(?:let'?s )?(?:start (?:over|again|afresh)|reset|new (?:topic|chat|search)|forget (?:all that|everything)|clear)\b[\s.!]*$"
)
"""After this the person starts anew: what was said before no longer counts."""

OF_SOMETHING = frozenset({"similar_movies", "recommend_from_likes", "recommend_for_group"})
"""The tools whose lists are made from movies or people that were named: a later wish narrows them."""

UNREADABLE = "The tool's answer could not be read."


@dataclass(frozen=True, slots=True)
class Done:
    """A tool call of this conversation and what came of it: a result or an error."""

    name: str
    args: Args
    result: BaseModel | None = None
    error: str = ""

    @property
    def movies(self) -> list[MovieName]:
        """The movies it put before the person, in their order."""
        return _movies_of(self.result) if self.result else []

    @property
    def resolved(self) -> list[Resolved]:
        """The titles that were given, as they were understood."""
        found: list[Resolved] = getattr(self.result, "resolved", [])
        return found

    def many(self, name: str) -> list[JsonValue]:
        """The items of an argument that is a list."""
        given = self.args.get(name)
        return given if isinstance(given, list) else []


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the person, the calls made for it, and what was answered."""

    text: str
    done: tuple[Done, ...] = ()
    answer: str = ""


@dataclass(frozen=True)
class Memory:
    """The turns before the present message.

    `mentioned` is what this very message has named so far; `trimmed` whether older turns no longer fitted.
    """

    turns: tuple[Turn, ...] = ()
    mentioned: tuple[Ref, ...] = ()
    trimmed: bool = False

    @cached_property
    def done(self) -> tuple[Done, ...]:
        """Every call so far whose result was told, oldest first. What was looked up and kept quiet does not count."""
        return tuple(done for turn in self.turns for done in turn.done if done.result and _told(done, turn.answer))

    @cached_property
    def last_list(self) -> Done | None:
        """The list that "the second one" points into."""
        return next((done for done in reversed(self.done) if len(done.movies) > 1 or _lists(done)), None)

    @cached_property
    def last_listing(self) -> Done | None:
        """The last call that "more" and "from the 80s?" can be said of."""
        return next((done for done in reversed(self.done) if isinstance(done.result, MovieList) and done.movies), None)

    @cached_property
    def last(self) -> Done | None:
        """The call that was spoken of last."""
        return self.done[-1] if self.done else None

    @property
    def listed(self) -> list[MovieName]:
        """The movies of the last list."""
        return self.last_list.movies if self.last_list else []

    @cached_property
    def focus(self) -> Ref | None:
        """The movie that "it" means: named just now, spoken of last, a list's seed, or a list's first."""
        if self.mentioned:
            return self.mentioned[-1]
        if self.pointed is not None:
            return self.pointed
        for done in reversed(self.done):
            if done.name == "similar_movies" and done.resolved:
                return done.resolved[0].movie.movie_id
            if done.movies:
                return done.movies[0].movie_id
        return None

    @cached_property
    def pointed(self) -> int | None:
        """The one movie that the last answer named, where it called no tool: "Then Heat (1995): …"."""
        if not self.turns or self.turns[-1].done:
            return None
        found = [movie_id for movie_id, movie in self.names.items() if f"{movie.title} (" in self.turns[-1].answer]
        return found[0] if len(found) == 1 else None

    @cached_property
    def set_aside(self) -> int | None:
        """The movie that the person has just said they had seen: the last answer began with "Then instead of Heat:"."""
        found = _INSTEAD.match(self.turns[-1].answer) if self.turns else None
        return next((id_ for id_, movie in self.names.items() if found and movie.title == found[1]), None)

    @cached_property
    def names(self) -> dict[int, MovieName]:
        """Every movie that a tool has named, by id."""
        shown = {movie.movie_id: movie for done in self.done for movie in done.movies}
        given = {found.movie.movie_id: found.movie for done in self.done for found in done.resolved}
        return given | shown

    @cached_property
    def shown(self) -> list[int]:
        """Ids of all movies put before the person in lists, latest first, each once."""
        ids = (
            movie.movie_id
            for turn in reversed(self.turns)
            for done in reversed(turn.done)
            if _lists(done)
            for movie in done.movies
            if movie.title in turn.answer
        )
        return list(dict.fromkeys(ids))

    @cached_property
    def liked(self) -> tuple[Ref, ...]:
        """The movies that the person said they like, in this conversation."""
        return self._taste("liked")

    @cached_property
    def disliked(self) -> tuple[Ref, ...]:
        """The movies that the person said they dislike, in this conversation."""
        return self._taste("disliked")

    @cached_property
    def user_id(self) -> int | None:
        """The MovieLens user that the last list or question was about."""
        found = self.last.args.get("user_id") if self.last else None
        return found if isinstance(found, int) else None

    @cached_property
    def persona(self) -> int | None:
        """The MovieLens user that the person said they are."""
        said = (_PERSONA.search(turn.text) for turn in reversed(self.turns))
        return next((int(found[1]) for found in said if found), None)

    @property
    def seed(self) -> int:
        """Changes from turn to turn, so that wording varies and yet repeats exactly on a replay."""
        return len(self.turns)

    def mention(self, refs: tuple[Ref, ...]) -> Memory:
        """The same memory, with movies that this message has just named."""
        return replace(self, mentioned=self.mentioned + refs) if refs else self

    def _taste(self, side: str) -> tuple[Ref, ...]:
        refs = (ref for done in self.done if done.name == "recommend_from_likes" for ref in _resolved_refs(done, side))
        return tuple(dict.fromkeys(refs))


def remember(messages: tuple[ChatMessage, ...]) -> tuple[Memory, Turn]:
    """The turns before the last message of the person, and that message with the calls made for it so far."""
    turns: list[Turn] = []
    calls: dict[str, ToolRequest] = {}
    for message in messages:
        if message.role == "user":
            turns.append(Turn(message.content))
            calls = {}
        elif turns and message.role == "assistant":
            calls |= {call.call_id: call for call in message.tool_calls}
            turns[-1] = Turn(turns[-1].text, turns[-1].done, message.content or turns[-1].answer)
        elif turns and (call := calls.get(message.call_id or "")):
            done = (*turns[-1].done, _read(call, message.content))
            turns[-1] = Turn(turns[-1].text, done, turns[-1].answer)
    if not turns:
        return Memory(), Turn("")
    fresh = next((place for place in range(len(turns) - 1, 0, -1) if RESET.match(turns[place - 1].text)), 0)
    trimmed = any(message.role == "system" and TRIMMED in message.content for message in messages[:1])
    return Memory(tuple(turns[fresh:-1]), trimmed=trimmed), turns[-1]


def _read(call: ToolRequest, content: str) -> Done:
    args, document = _json(call.arguments), _json(content)
    if isinstance(error := document.get("error"), str):
        return Done(call.name, args, error=error)
    if call.name not in TOOLS:
        return Done(call.name, args, error="unknown")
    try:
        return Done(call.name, args, TOOLS[call.name].result.model_validate(document))
    except ValidationError:
        return Done(call.name, args, error=UNREADABLE)


def _json(text: str) -> Args:
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _movies_of(result: BaseModel) -> list[MovieName]:
    if isinstance(result, TasteProfile):
        return list(result.favourites)
    if isinstance(result, RatingList):
        return [rating.movie for rating in result.ratings]
    if isinstance(result, MovieList | Comparison | Questions):
        return list(result.movies)
    movie = getattr(result, "movie", None)
    return [movie] if isinstance(movie, MovieName) else []


_INSTEAD = re.compile(r"Then instead of (.+?):\n")
_PERSONA = regex(r"\b(?:i am|i'm|im) (?:movielens )?user (?:number |id |#)?(\d{1,9})\b")


def _told(done: Done, answer: str) -> bool:
    movies = done.movies
    return not movies or not answer or any(movie.title in answer for movie in movies)


def _lists(done: Done) -> bool:
    return isinstance(done.result, MovieList | Questions) and bool(done.movies)


def _resolved_refs(done: Done, side: str) -> list[Ref]:
    """The ids behind the titles that were given, where the tool said; else the titles as given."""
    known = {found.given.lower(): found.movie.movie_id for found in done.resolved}
    refs = (ref for ref in done.many(side) if isinstance(ref, int | str))
    return [known.get(ref.lower(), ref) if isinstance(ref, str) else ref for ref in refs]


def plain_title(title: str) -> str:
    """A title for comparing: as the catalogue compares titles, without accents, case and leading article."""
    return " ".join(title_words(title))


MAX_READ = 2_000
MAX_TITLE = 150
_FIRST_MARK = 0xE000
_MARKS = "\ue000-\ue3ff"

MARK = f"[{_MARKS}]"
"""One private-use character stands for a title that must not be read as grammar."""

_QUOTED = re.compile(
    r"\"([^\"\n]{1,120})\"|(?<!\w)'([^'\n]{2,80})'(?!\w)|\*\*([^*\n]{1,120})\*\*|_([^_\n]{2,120})_(?!\w)"
)
_TRICKY = regex(
    r"(?<!\w)(?:" + "|".join(re.escape(title) for title in sorted(TRICKY_TITLES, key=len, reverse=True)) + r")(?!\w)"
)
_ARTICLE_LAST = re.compile(
    r"\b((?:[A-Z0-9][\w'!.-]*)(?: [\w'&!.-]+){0,6}), (The|A|An|La|Le|Les|Das|Der|Die|El|Il)\b(?= \(|$|[.?!,])"
)
_YEAR_AFTER = re.compile(r" ?\(((?:18|19|20)\d\d)\)| ((?:18|19|20)\d\d)\b(?!s|-)")
_SPLIT = regex(
    r"\s*(?:,\s*(?:and|or|but|plus)\b|,|;|&|\+|\||\band\b|\bor\b|\bplus\b|\bas well as\b|\bversus\b|\bvs\b\.?|\n)\s*"
)
_LEAD = regex(
    r"^(?:(?:(?:that|this|these|those|my|your|our|the|a|an|some|old|really|all|the old|the original) )?(?:movie|film|flick|picture|classic)s?"
    r"(?: (?:called|named|titled|like|such as|is|was|are|were|of))?\b|called|named|titled|both|also|really|especially|mostly|mainly|particularly|either|"
    r"watching|seeing|to watch|to see|how|when|things? like|stuff like|movies? like|films? like|something like|the likes of|e\.g\.|for example|"
    r"and|plus|oh|like|such as|say|maybe|with|about|of|for|to|too|i|:|-)[ ,:]+"
)
_TRAIL = regex(
    r"(?:[ ,]+(?:please|pls|plz|too|as well|again|a lot|lots|so much|very much|much|though|tho|thanks|thank you|thx|right|yesterday|last (?:night|week|year|month)"
    r"|by far|tonight|today|recently|already|instead|then|there|here|the most|best|more|myself|actually|honestly|for (?:me|us|tonight|now)|to me"
    r"|to watch|next|now|yet|lol|etc|etc\.|mate|man|dude|when i was (?:a kid|young|little|younger)|as a (?:kid|child)|(?:the |that )?(?:movie|film)s?"
    r"|(?:and )?(?:things|stuff|movies|films) like that|or so|or something|at all|anymore|any more|either|in general|for example|i (?:guess|think|suppose)"
    r"|is (?:it )?(?:great|good|amazing)|are (?:great|good|amazing)|but|and|or|so|because|however|although))+[ ,]*$"
)
_VERSION = regex(
    r"^(.+?)(?: from|,? the| of)(?: year)? \(?((?:18|19|20)\d\d)\)?(?: (?:one|version|film|movie|remake|original))?$"
)
_ORDINAL_WORD = "|".join(sorted(ORDINALS, key=len, reverse=True))
_ORDINAL = regex(
    rf"^(?:the |that |your |my |our )?(?:very )?(?:(?:number|no\.?|nr\.?|option|#|movie|film|one) ?(\d{{1,2}})|({_ORDINAL_WORD})|(\d{{1,2}})(?:\.|\))?)"
    r"(?: ?(?:one|ones|movie|film|title|pick|option|suggestion|recommendation|of (?:them|those|these)|on (?:the|your|that) list|from (?:the|your|that) list|in (?:the|your|that) list))*$"
)
_SOME = regex(
    rf"^(?:the )?(?:(first|top|last) (\d|{'|'.join(NUMBERS)})|(both|all|all of (?:them|those|these)|them all|them|these|those|everything|every one of them|"
    r"both of (?:them|those|these)|all (?:three|four|five)|the lot))(?: ?(?:ones?|movies|films|of (?:them|those|these)))*$"
)
_PRONOUN = regex(
    r"^(?:it|that|this|that one|this one|that (?:movie|film)|this (?:movie|film)|the (?:movie|film|one)|the same(?: one)?|him|her|one|its|it all|that thing|thing)$"
)
_NOTHING = regex(
    r"^(?:none|nothing|neither|no one|any|anything|what|which|who|why|how|when|where|me|us|you|i|we|they|one|ones|something|some|everything|stuff|things|a lot|so|not|no|yes"
    r"|much|really|the|a|an|most|movies?|films?|to|do|be|is|are|or|if|there|watch|see|here|now|then|more|better|best|else|other|others|either|your|my|mine|yours)$"
)


@dataclass(frozen=True, slots=True)
class Guarded:
    """A text in which each recognised title is one mark, and what the marks stand for."""

    text: str
    refs: tuple[Ref, ...] = ()

    def ref(self, mark: str) -> Ref:
        """The movie that a mark stands for."""
        return self.refs[ord(mark) - _FIRST_MARK]

    def plain(self, text: str) -> str:
        """The text with its marks written out again; movies known by id are dropped."""
        return re.sub(MARK, lambda found: str(self.ref(found[0])), text)


def tidy(text: str) -> str:
    """One line of plain characters, cut to what a person would say: no controls, no bidi or private-use marks.

    Example: "rec\u00adommend\u202e  me" → "recommend me".
    """
    folded = unicodedata.normalize("NFKC", text[:MAX_READ].translate(_FOLDED))
    kept = (char if char == "\n" or unicodedata.category(char)[0] != "C" else _control(char) for char in folded)
    return _SHORTHAND.sub(_written_out, re.sub(r"[^\S\n]+", " ", "".join(kept)).strip())


def _written_out(found: re.Match[str]) -> str:
    return SHORTHAND[found[0].lower()]


_SHORTHAND = regex(rf"(?<![\w'])(?:{'|'.join(map(re.escape, SHORTHAND))})(?![\w'])")


_FOLDED = str.maketrans(
    "\u2018\u2019\u201c\u201d\u00b4`\u2026\u00ab\u00bb\u201e\u0130\u0131", '\'\'""\'\'."""Ii'
)  # İ and ı match i


def _control(char: str) -> str:
    return " " if char in "\t\r\v\f" else ""


def guard(text: str, memory: Memory) -> Guarded:
    """Replace quoted titles, titles already shown, and titles that look like grammar by one mark each."""
    refs: list[Ref] = []

    def mark(ref: Ref) -> str:
        refs.append(ref)
        return chr(_FIRST_MARK + len(refs) - 1)

    def quoted(found: re.Match[str]) -> str:
        return mark(next(group for group in found.groups() if group).strip()) if len(refs) < 100 else found[0]

    if text.strip(" ?!.") in CAPITAL_TITLES - {"Help"}:
        return Guarded(mark(text.strip(" ?!.")), tuple(refs))
    text = _QUOTED.sub(quoted, text)
    text = _ARTICLE_LAST.sub(lambda found: mark(f"{found[2]} {found[1]}"), text)
    for movie_id, name in sorted(memory.names.items(), key=lambda item: -len(item[1].title)):
        text = _mark_known(text, name.title, name.year, movie_id, mark)
    text = _TRICKY.sub(lambda found: found[0] if found[0] in PLAIN_ENGLISH else mark(found[0]), text)
    text = re.sub(
        r"(?<=[a-z,\"] )(?:" + "|".join(CAPITAL_TITLES) + r")\b(?! (?:stars?|movies?|films?|\d|(?-i:[A-Z])))",
        lambda found: mark(found[0]),
        text,
    )
    return Guarded(_with_years(text, refs), tuple(refs))


def _mark_known(text: str, title: str, year: int | None, movie_id: int, mark: Callable[[Ref], str]) -> str:
    """Mark a title that was shown before; a single word only as it was written, and no other year's movie."""
    flags = re.IGNORECASE if " " in title else 0
    if title not in text and (not flags or title.lower() not in text.lower()):
        return text
    year_and_after = rf"(?![\w:])(?:,? \(?((?:18|19|20)\d\d)\b\)?)?(?={_AFTER_TITLE})"
    pattern = re.compile(rf"(?<![\w{_MARKS}])" + re.escape(title) + year_and_after, flags)
    return pattern.sub(lambda found: mark(movie_id) if not found[1] or int(found[1]) == year else found[0], text)


_AFTER_TITLE = (
    r"\s*$|\s*[^\w\s]| (?:and|or|but|is|was|were|are|a|an|the|please|from|with|without|too|again|then|for|to|than|more|instead|by|in"
    r"|if|because|so|as|that|which|last|yesterday|already|first|much|very|really|better|vs|versus|gets?|deserves|any|good|lately|made|rated|one|movie|film)\b"
)
"""Words that may follow a title that was shown before: others may be the rest of a longer title."""


def _with_years(text: str, refs: list[Ref]) -> str:
    """Give a marked title the year that follows it: "Heat" (1986) → Heat (1986)."""

    def take(found: re.Match[str]) -> str:
        ref = refs[ord(found[1]) - _FIRST_MARK]
        if isinstance(ref, str):
            refs[ord(found[1]) - _FIRST_MARK] = f"{ref} ({found[2] or found[3]})"
        return found[1]

    return re.sub(rf"({MARK})(?:{_YEAR_AFTER.pattern})", take, text)


def refs_of(text: str, guarded: Guarded, memory: Memory) -> tuple[Ref, ...]:
    """Every movie that a piece of a sentence names, in order, each once.

    Example: "Heat, Ronin and the second one" → ("Heat", "Ronin", 6).
    """
    whole = _trimmed(text)
    if found := _several(whole, memory):
        return found
    refs: list[Ref] = []
    for piece in _SPLIT.split(text):
        refs += _refs_of_piece(piece, guarded, memory)
    return tuple(dict.fromkeys(refs))


def title_of(text: str) -> str:
    """A title without the words around it: "the movie called heat please" → "heat"."""
    piece = _trimmed(text)
    if found := _VERSION.match(piece):
        piece = f"{found[1]} ({found[2]})"
    return piece[:MAX_TITLE].strip()


def _trimmed(text: str) -> str:
    dated = re.search(r"\(\d{4}\)\W*$", text)
    piece = text.strip(' ,.!?:;-"' if dated else ' \n\t,.!?:;-\u2013"*~()[]<>|/\\')
    for _ in range(4):
        before = piece
        piece = _TRAIL.sub("", _LEAD.sub("", piece)).strip(' ,.!?:;-"')
        if piece == before:
            break
    return piece


def _refs_of_piece(piece: str, guarded: Guarded, memory: Memory) -> tuple[Ref, ...]:
    if marks := re.findall(MARK, piece):
        return tuple(guarded.ref(mark) for mark in marks)
    piece = title_of(piece)
    if found := _several(piece, memory):
        return found
    if (place := ordinal(piece)) is not None and (movie := listed(place, memory)) is not None:
        return (movie,)
    if _PRONOUN.match(piece) and (piece[:1].islower() or piece.lower() not in {"it", "her"} or not memory.mentioned):
        return (memory.focus,) if memory.focus is not None else ()
    named = sum(char.isalnum() for char in piece)
    return (piece,) if named and not _NOTHING.match(piece) else ()


def _several(piece: str, memory: Memory) -> tuple[Ref, ...]:
    """As in "both", "all of them", "the first two" → the movies of the last list."""
    found = _SOME.match(piece)
    if not found or not memory.listed:
        return ()
    ids = [movie.movie_id for movie in memory.listed]
    if not found[1]:
        return tuple(ids)
    count = int(found[2]) if found[2].isdecimal() else NUMBERS[found[2].lower()]
    return tuple(ids[-count:] if found[1].lower() == "last" else ids[:count])


def ordinal(piece: str) -> int | None:
    """The place that a piece names, -1 for the last: "the second one" → 2, "#3" → 3."""
    found = _ORDINAL.match(piece.strip(" ,.!?"))
    if not found:
        return None
    return ORDINALS[found[2].lower()] if found[2] else int(found[1] or found[3])


def listed(place: int, memory: Memory) -> int | None:
    """The movie at a place of the last list, counted from 1; None where the list is shorter."""
    movies = memory.listed
    if place == -1:
        return movies[-1].movie_id if movies else None
    return movies[place - 1].movie_id if 0 < place <= len(movies) else None


@dataclass(frozen=True, slots=True)
class Intent:
    """One thing that a person wants. `topic` is a detail of the kind: the fact asked for, what is out of scope."""

    kind: str
    refs: tuple[Ref, ...] = ()
    disliked: tuple[Ref, ...] = ()
    wish: Wish = field(default_factory=Wish)
    topic: str = ""
    stars: float | None = None
    given: str = ""
    group: tuple[tuple[Ref, ...], ...] = ()
    exclude: tuple[Ref, ...] = ()


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence being read: its text with titles guarded, and what came before it."""

    text: str
    guarded: Guarded
    memory: Memory

    def refs(self, piece: str | None) -> tuple[Ref, ...]:
        """The movies that a piece of it names."""
        return refs_of(piece, self.guarded, self.memory) if piece else ()

    @property
    def plain(self) -> str:
        """The sentence as it was written."""
        return self.guarded.plain(self.text)

    @property
    def asks(self) -> bool:
        """True if it is a question."""
        return self.text.rstrip().endswith("?")


Rule = Callable[[Sentence], Intent | None]


def cut_tail(what: str) -> tuple[str, str]:
    """As in "Alien but funny" → ("Alien", "but funny")."""
    found = _TAIL.search(what)
    return (what[: found.start()], what[found.start() :]) if found else (what, "")


_TAIL = regex(
    r"(?<=\S)[ ,]+(?:(?:but|except|however|just|only|other than|besides|apart from)\b|(?:that )?i(?:'ve| have)(?:n't| not)? (?:already )?seen\b|(?:but )?(?:without|minus)\b|with (?:more|less|a bit|some|no|fewer|lots)\b|(?:from|made in|made|released|out of|in|of) (?:the )?(?:early |mid |late )?(?:'?\d|twent|thirt|fort|fift|sixt|sevent|eight|ninet|nought|last|20th|21st)"
    r"|(?:released |made |that came out )?(?:before|after|since|until|newer than|older than) (?:the )?(?:year )?\d|for (?:me|us|my|the|tonight|kids|children|a|user)\b|(?:that|which)(?:'s| is| are| isn'?t)\b|preferably\b|ideally\b|and (?:not|funny|funnier|newer|older|less|more|scary|romantic|from)\b"
    r"|(?:newer|older|funnier|scarier|shorter|please|pls)\b|(?:as|in) a\b|not (?:so|too|as|a|that)\b)"
)

LATELY = regex(
    r"\b(?:lately|recently|these days|nowadays|over (?:time|the years)|(?:in the )?(?:last|past) (?:\w+ )?(?:days?|weeks?|months?|years?)|this (?:week|month|year)|now(?:adays)?|currently|still|trend(?:ing)?|(?:right )?now)\b"
)

ABOUT_LISTS = regex(
    r"\b(?:movies|films|something|anything|recommend|suggest|a (?:movie|film)|an? \w+ (?:movie|film)|flicks?|one with|ones with|more)\b|^(?:directed by|starring|featuring|give me|show me|find me)\b"
)
