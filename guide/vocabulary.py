"""Tables of the words that the guide knows: numbers, genres, moods, topics, titles that look like grammar."""

from __future__ import annotations

import re
from dataclasses import dataclass


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


NUMBERS: dict[str, int] = {
    "one": 1, "single": 1, "two": 2, "couple": 2, "pair": 2, "both": 2, "three": 3, "few": 3, "four": 4,
    "five": 5, "six": 6, "half a dozen": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "eleven": 11, "dozen": 12,
    "twelve": 12, "fifteen": 15, "twenty": 20, "hundred": 100,
}  # fmt: skip

WORDS_FOR_NUMBERS = (
    "no",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
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

GENRE_PLURALS: dict[str, str] = {
    "Action": "action films", "Adventure": "adventures", "Animation": "animated films", "Children": "family films",
    "Comedy": "comedies", "Crime": "crime films", "Documentary": "documentaries", "Drama": "dramas",
    "Fantasy": "fantasy films", "Film-Noir": "films noirs", "Horror": "horror films", "IMAX": "IMAX films",
    "Musical": "musicals", "Mystery": "mysteries", "Romance": "romances", "Sci-Fi": "science fiction films",
    "Thriller": "thrillers", "War": "war films", "Western": "westerns",
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


@dataclass(frozen=True, slots=True)
class Shift:
    """The changes that a comparative ("less scary", "newer") makes to a list's filters."""

    genres: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    age: int = 0
    novelty: float | None = None
    known: bool = False
    better: bool = False
    lack: str = ""


SHIFTS: tuple[tuple[str, Shift], ...] = (
    (r"(?:less|(?:not )?too|not (?:so|as|too|that)|nothing(?: too)?|isn'?t (?:so|as|too|that)) (?:scary|creepy|frightening|horrifying|spooky)",
     Shift(exclude=("Horror",))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:violent|brutal|intense)(?:ly)?|less violence",
     Shift(exclude=("Horror", "War"))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:sad|dramatic|depressing|serious|heavy|dark|bleak)|less drama",
     Shift(exclude=("Drama", "War"))),
    (r"(?:less|(?:not )?too|not (?:so|as|too|that)) romantic|less romance",
     Shift(exclude=("Romance",))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:childish|kiddy|silly)", Shift(exclude=("Children", "Animation"))),
    (r"(?:but )?(?:less|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:cheesy|sappy|soppy|mushy|kitschy|boring|slow|stupid|dumb|bad|predictable|pretentious|cringy?|corny|long-winded)", Shift()),
    (r"(?:less|not (?:so|as|too|that)) (?:funny|goofy)", Shift(exclude=("Comedy",))),
    (r"(?:but )?(?:for (?:grown-?ups|adults)|(?:more |less )?(?:adult|grown-?up|mature))", Shift(exclude=("Children",))),
    (r"(?:less|(?:not )?too|not(?: so| as| too| that| very)?|nothing(?: too)?) (?:bloody|gory)|less (?:blood|gore)", Shift(exclude=("Horror",))),
    (r"less (?:action|explosions)", Shift(exclude=("Action",))),
    ((r"(?:less|too|not (?:so|as|too|that)) (?:known|famous|popular|mainstream|obvious|well[- ]known)|lesser[- ]known|(?:haven't|never|not) (?:even )?heard of"
     r"|more (?:obscure|unusual|unknown)|hidden gems?|obscure|under(?:rated|seen|appreciated)|under the radar"
     r"|off the beaten (?:path|track)|overlooked|unknown|art[- ]?house"), Shift(novelty=0.7)),
    ((r"(?:more|better) (?:known|famous|popular|mainstream)|(?:well|better)[- ]known|famous|mainstream|blockbusters?"
     r"|crowd[- ]pleas(?:er|ers|ing)"), Shift(known=True)),
    (r"newer|more (?:recent|modern|current|up[- ]to[- ]date)|less old|(?:not )?(?:so|as|that|too|very) old|later", Shift(age=1)),
    (r"older|more (?:classic|vintage|old)|less (?:new|modern|recent)|(?:not )?(?:so|as|that|too|very) (?:new|recent|modern)|earlier",
     Shift(age=-1)),
    ((r"shorter|short and sweet|short(?= (?:movies?|films?|comed\w+|dramas?|thrillers?|westerns?|horror|ones?|documentar\w+|sci-fi))|less long|(?:not )?(?:so|as|too|that|very) long|(?:under|below|at most|max(?:imum)?) (?:\d+|two|three|one and a half)"
     r" ?(?:hours?|hrs?|h|minutes?|mins?)\b|less than (?:\d+|two|three) ?(?:hours?|hrs?|h|minutes?|mins?)\b"),
     Shift(lack="shorter")),
    (r"longer|(?:over|more than|at least) (?:\d+|two|three) ?(?:hours?|hrs?|h|minutes?|mins?)\b", Shift(lack="longer")),
    (r"more action|more exciting", Shift(genres=("Action",))),
    (r"more (?:romance|romantic)", Shift(genres=("Romance",))),
    (r"more (?:humou?r|jokes|laughs)|more fun(?:ny)?", Shift(genres=("Comedy",))),
    (r"better|higher[- ]rated", Shift(better=True)),
)  # fmt: skip

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

CAPITAL_TITLES = _words(
    "300 1917 1984 Seven Her Up It Us Them Big Her Help Pi Saw Ten M Z If Once Ray Fun Alive Ran Hero Sing Coco Cars Bolt Brave"
)
"""One-word titles that count as such only with their capital, inside a sentence."""

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

FOREIGN: dict[str, frozenset[str]] = {
    "German": _words("ich du der die das und nicht ist ein eine einen mir mich bitte filme welche welchen kannst empfehlen empfiehl gib wie für mit aus gute guten möchte hallo danke zeig über auf"),
    "French": _words("je tu le la les des une est et pas pour avec quel quelle moi bonjour merci recommande voudrais films cherche veux donne dans sur comme salut aime"),
    "Spanish": _words("el la los las una es y por para con qué que película películas peliculas pelicula recomienda recomiéndame quiero hola gracias dame como busco ver muéstrame tienes"),
    "Italian": _words("il lo gli una è e non per con che film consigliami vorrei ciao grazie dammi come voglio cerco mi puoi qualcosa simile"),
    "Portuguese": _words("o os as um uma é e não para com que filme filmes recomende quero olá obrigado obrigada como você gostaria mostre ver meu"),
    "Dutch": _words("ik je het een en niet is voor met welke film films kun aanbevelen hallo dank bedankt graag wil geef mij zoals kan"),
}  # fmt: skip
"""A few everyday words of the languages most likely to be tried. Two hits and no English ones: we say that we read English."""

ENGLISH = _words(
    "no i you the a and not is are an me my please movie movies films recommend suggest which what like how for with from good want"
    " show some something hello thanks about on of to in it this that one more another who when why do did would should rate"
)

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

REQUEST_WORDS = _words(
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

COMMON_WORDS = REQUEST_WORDS | _words(
    "horror western were car far way era dream dreams crime rhyme wear warm worm wars family music roman romans eastern animals comic comics auction romania advent fantastic"
)

OPENERS = re.compile(
    r"^(?:(?:hi|hello|hey|hiya|yo|ok|okay|um+|uh+|hmm+|please|pls|alright|thanks|thank you|thx|ty|hey there|hi there|"
    r"good (?:morning|evening|afternoon)|actually|sorry|marquee|lol|haha|yeah|yep|well|and then|so|oh|ah|also)(?:[,!. ]+|$)"
    r"|(?:now|cool|great|nice|perfect|awesome|right|guide|guys|dude|man|mate|buddy|sure|yes|no|nah|nope|then|good)(?: ?[,!.]+ ?|$))+",
    re.IGNORECASE,
)
"""Openings that people use before they say something; the second half only where a comma or stop follows."""
