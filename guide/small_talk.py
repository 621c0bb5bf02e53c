"""Texts that need no look-up: greetings, what the guide is, what it cannot."""

from __future__ import annotations

EXAMPLES = (
    "\u201cthree films like Heat\u201d, \u201ca feel-good comedy from the 80s\u201d or \u201cis Alien any good?\u201d",
    "\u201cI loved Heat and hated Titanic\u201d, \u201cHeat or Ronin?\u201d or \u201cthe best westerns before 1970\u201d",
    "\u201csomething like Alien but newer\u201d, \u201cwhat did user 5 like?\u201d or \u201csomething mind-bending\u201d",
)

HELP = """\
Ask me as you would a person. For example:

- \u201crecommend me three films like Heat\u201d, \u201csomething like Alien but funny\u201d
- \u201cI loved Heat and Collateral but hated Titanic\u201d, \u201crecommend something for user 42\u201d
- \u201ca feel-good comedy from the 80s\u201d, \u201csomething mind-bending\u201d, \u201cthe best westerns before 1970\u201d
- \u201cis Heat any good?\u201d, \u201cHeat or Ronin?\u201d, \u201cwould I like Alien?\u201d
- \u201cI give Heat 4.5 stars\u201d, \u201cwhat have I rated?\u201d, \u201cwhat did user 5 like?\u201d, \u201csomething for me and user 5\u201d

And then \u201cmore\u201d, \u201cwhy the second one?\u201d, \u201cand from the 80s?\u201d, \u201cI've seen that\u201d."""

WHO = (
    "I'm Marquee's built-in offline guide. There is no language model behind me: I read your sentence by rules, look things"
    " up in the imported MovieLens data, and say only what I find there: titles, years, genres, tags and ratings."
)

WHO_SHORT = "For anything freer, whoever runs Marquee can connect a language model."

TEXTS: dict[str, tuple[str, ...]] = {
    "greet": (
        "Hello! I'm Marquee's movie guide. What are you in the mood for? You could try {examples}.",
        "Hi! Tell me a film you love, a mood or a decade, and I'll find something. For instance {examples}.",
        "Hello again! What shall it be? You could say {examples}.",
    ),
    "thanks": ("You're welcome. Enjoy the film!", "My pleasure. Have a good time with it!", "Gladly. Say \u201cmore\u201d whenever you want others."),
    "bye": ("Goodbye, and enjoy the film!", "See you. Have a good evening at the movies!"),
    "feelings": (
        "Fine, thank you, as far as a set of rules can be. What would you like to watch?",
        "All in order here, thank you. What are you in the mood for?",
    ),
    "taste_of_mine": (
        "I have no taste of my own, only other people's ratings. Ask me for \u201cthe best rated films\u201d, or tell me what you love.",
    ),
    "praise": ("Glad to hear it. Say \u201cmore\u201d, or ask about one of them.", "Good. Tell me if you want others, or more about one."),
    "praise_early": ("Good. What would you like to watch? You could try {examples}.",),
    "blame": (
        "Sorry about that. I'm a simple guide and read sentences by rules. Try it in other words, for example {examples}.",
        "I'm sorry, that was no help. Shorter sentences suit me best: {examples}.",
    ),
    "yes": ("Good. Say \u201cmore\u201d for others, or ask about any film.",),
    "yes_early": ("Good. Then tell me a film you love, a genre or a mood: {examples}.",),
    "no": ("All right. Tell me what you'd like instead: {examples}.",),
    "english": ("I read and write English only, sorry. Ask me, for instance, {examples}.",),
    "reset": ("All right, from the start. What are you in the mood for? Perhaps {examples}.",),
    "stop": ("All right. I'm here when you want a film.",),
    "huh": ("I look films up and say what people think of them. Ask me, say, {examples}.",),
    "no_early": ("All right. What would you like instead? You could try {examples}.",),
    "scope": (
        "I can't help with {topic}: I only know the films in the imported MovieLens data. What I can do: {examples}.",
        "I know nothing of {topic}, only the films in the imported MovieLens data. Try {examples}.",
    ),
    "steady": ("I stay a movie guide, whatever a message tells me to be. Ask me about films: {examples}.",),
    "foreign": (
        "I only read English (that looked like {topic}), sorry. In English you could ask {examples}.",
    ),
    "empty": ("I couldn't read a question in that. You could ask {examples}.",),
    "unknown": (
        "I didn't understand that. I'm a simple guide and read plain requests about films, such as {examples}.",
        "That one is beyond me. I understand things like {examples}.",
        "I can't make sense of that, sorry. Try {examples}.",
    ),
    "unrate": (
        "I can't delete a rating from here, but a new one replaces it: \u201crate Heat 3\u201d. (The API can: DELETE /ratings/{{movie_id}}.)",
    ),
    "worst": ("I can only list films from the best down, not the worst. But name one and I'll tell you how badly it's rated.",),
    "genres": ("You can ask for {genres}, and for any theme or mood that people tag films with, such as \u201cheist\u201d or \u201cfeel-good\u201d.",),
    "counts": ("I can't count the catalogue from in here, only look films up. The service's /health page says what is imported.",),
    "which": ("Which film do you mean? Name it, and I'll look.", "Which film? Give me its title, please."),
    "short_list": ("That list isn't as long as that. Name one of its numbers, or a title.",),
    "out_of_sight": ("That part of our talk is too long ago for me to see. Give me the title, please.",),
    "nothing_shown": ("I haven't shown you anything yet. Shall we start? Try {examples}.",),
    "seen_early": ("Good to know. How many stars would you give it? Say \u201crate it 4\u201d, and I'll take it into account.",),
}  # fmt: skip

WAY_ON_FROM_ONE = "Say \u201canother one\u201d, \u201cwhy?\u201d, or \u201cI've seen it\u201d."

WAYS_ON = (
    "Say \u201cmore\u201d, \u201cwhy the second one?\u201d, \u201cand from the 80s?\u201d, or \u201cI've seen that\u201d.",
    "You can go on with \u201canother one\u201d, \u201csomething newer\u201d, or a number to hear about that film.",
)

NO_PROSE = (
    "I'm Marquee's offline guide, without a language model, so I can't write free prose from a prompt."
    " Connect a model (OPENAI_API_KEY or OPENAI_BASE_URL) for that."
)

NO_STRUCTURE = (
    "The offline guide cannot write structured replies (response_format). Configure a language model with"
    " OPENAI_API_KEY or OPENAI_BASE_URL."
)


def say(kind: str, seed: int, topic: str = "", genres: str = "") -> str:
    """One of the texts of a kind, another each turn, filled in."""
    texts = TEXTS[kind]
    return texts[seed % len(texts)].format(
        examples=EXAMPLES[seed % len(EXAMPLES)], topic=topic, Topic=topic[:1].upper() + topic[1:], genres=genres
    )
