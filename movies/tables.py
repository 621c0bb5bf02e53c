"""The tables of a catalogue file, and ratings packed in them. A change of either is a new FORMAT.

- `rating_parts` has all ratings, user by user and then by movie. A part is of whole users, and numbered by the first:
  `users` are their ids (int64), `counts` the ratings of each (uint32), `ratings` these packed by movie index
  (uint32), `times` the seconds since 1970 (uint32). What is asked of a movie over all users is counted at import
  (`movies.ingest.stats`) and kept in `movies`, `movie_history` and `daily_ratings`.
- Of the genome only the tags that tell most of a movie are kept, in `movies`: nothing asks for 1,128 scores of each.
- The ratings in `movie_history` are packed by age in whole hours, those in `daily_ratings` by movie index; `age` there
  is in whole days. Both are counted back from the newest rating of all.
- `carriers` of a genre or tag are the indexes of the movies that have it, little-endian uint32, ascending.
- `runtime` (minutes), `facts` (JSON: `movies.models.Facts`) and `people` are there once `python movielens.py enrich`
  was run. `directed` and `acted` are the indexes of a person's movies; the most known person has number 1.
- `users` has those who told of themselves in words; whoever rated is in `rating_parts`.
- `title_forms` are numbered from the most rated movie down, so that a limit on a search cuts the least rated.
- The full-text tables hold no text of their own: they are indexes over what stands elsewhere.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:  # who needs a constant from here should not wait for numpy
    import numpy.typing as npt

LARGEST_ID = 2**53 - 1  # the largest number that JSON carries exactly everywhere
FORMAT = 7  # PRAGMA user_version; a file of another format is imported again
APPLICATION_ID = 0x4D41_5251  # "MARQ"

TIME_BITS = 32
LAST_SECOND = 2**TIME_BITS - 1  # February 2106; milliseconds are beyond it
MOST_MOVIES = 2**27  # beside time and stars in an int64
STARS_VALUES = 16  # in four bits
PART_KINDS = ("<i8", "<u4", "<u4", "<u4")  # of the columns of a part of `rating_parts`

Numbers = TypeVar("Numbers", int, "npt.NDArray[Any]")

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) WITHOUT ROWID;
CREATE TABLE genome_tags (tag_id INTEGER PRIMARY KEY, tag TEXT NOT NULL);
CREATE TABLE tags (user_id INTEGER NOT NULL, movie_id INTEGER NOT NULL, tag TEXT NOT NULL, timestamp INTEGER NOT NULL);
CREATE TABLE movies (
    movie_id INTEGER PRIMARY KEY, movie_index INTEGER NOT NULL, title TEXT NOT NULL, source_title TEXT NOT NULL,
    year INTEGER, genres TEXT NOT NULL, tags TEXT NOT NULL, top_tags TEXT NOT NULL, description TEXT, imdb_id TEXT,
    tmdb_id INTEGER, rating_count INTEGER NOT NULL, rating_mean REAL, score REAL, histogram TEXT NOT NULL,
    runtime INTEGER, facts TEXT
);
CREATE TABLE people (
    number INTEGER PRIMARY KEY, person_id TEXT NOT NULL, name TEXT NOT NULL, plain TEXT NOT NULL,
    fame INTEGER NOT NULL, directed BLOB NOT NULL, acted BLOB NOT NULL
);
CREATE TABLE users (user_id INTEGER PRIMARY KEY, profile TEXT NOT NULL);
CREATE TABLE rating_parts (
    part INTEGER PRIMARY KEY, users BLOB NOT NULL, counts BLOB NOT NULL, ratings BLOB NOT NULL, times BLOB NOT NULL
);
CREATE TABLE movie_history (movie_index INTEGER PRIMARY KEY, ratings BLOB NOT NULL);
CREATE TABLE daily_ratings (age INTEGER PRIMARY KEY, ratings BLOB NOT NULL);
CREATE TABLE genres (
    genre_id INTEGER PRIMARY KEY, name TEXT NOT NULL, plain TEXT NOT NULL, movies INTEGER NOT NULL,
    carriers BLOB NOT NULL
);
CREATE TABLE tag_names (
    tag_id INTEGER PRIMARY KEY, tag TEXT NOT NULL, plain TEXT NOT NULL UNIQUE, other_spellings TEXT NOT NULL,
    movies INTEGER NOT NULL, carriers BLOB NOT NULL
);
CREATE TABLE title_forms (
    form_id INTEGER PRIMARY KEY, movie_id INTEGER NOT NULL, words TEXT NOT NULL, joined TEXT NOT NULL,
    kind INTEGER NOT NULL
);
CREATE TABLE spellings (word_id INTEGER PRIMARY KEY, word TEXT NOT NULL UNIQUE, uses INTEGER NOT NULL);
CREATE VIRTUAL TABLE title_words USING fts5(
    words, content='', tokenize='unicode61 remove_diacritics 2', prefix='1 2 3'
);
CREATE VIRTUAL TABLE spelling_parts USING fts5(word, content='', tokenize='trigram');
CREATE VIRTUAL TABLE tag_parts USING fts5(tag, content='', tokenize='trigram');
CREATE VIRTUAL TABLE people_parts USING fts5(name, content='', tokenize='trigram');
CREATE VIRTUAL TABLE movie_text USING fts5(
    title, genres, tags, more_tags, description, content='', tokenize='porter unicode61 remove_diacritics 2'
);
"""

INDEXES = """
CREATE INDEX movies_in_short ON movies (movie_index, movie_id, year, rating_count, rating_mean, score);
CREATE INDEX people_by_name ON people (plain);
CREATE INDEX title_forms_joined ON title_forms (joined, movie_id);
"""


def pack(key: Numbers, half_stars: Numbers) -> Numbers:
    """A rating as one number: its half-stars in the lowest four bits, above them a key by which these are sorted.

    The key is a movie, a time, or both: then the time has the lower 32 bits, and the movie the 27 that an int64 has
    left. SQL writes the same in place, `key << 4 | half_stars`.

    >>> packed = pack(296 << TIME_BITS | 978_300_760, half_stars=9)
    >>> packed >> 36, packed >> 4 & LAST_SECOND, packed & 15
    (296, 978300760, 9)
    >>> unpack(packed) == (296 << TIME_BITS | 978_300_760, 9)
    True
    """
    packed: Numbers = key << 4 | half_stars
    return packed


def unpack(packed: Numbers) -> tuple[Numbers, Numbers]:
    """The key and the half-stars."""
    return packed >> 4, packed & 15
