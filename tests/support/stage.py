"""What stands where the tools stand when the offline guide is tested: fourteen movies, and results built from the schemas."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel

from guide.provider import OfflineGuide
from movies import models as ms
from providers.base import ChatMessage, ChatRequest, Delta, Finish, TextDelta, ToolRequest, ToolSpec
from tools import args as tool_args
from tools import results

Args = dict[str, Any]
ROWS: tuple[tuple[int, str, int, str, str, int, float], ...] = (
    (1, "Toy Story", 1995, "Animation|Children|Comedy", "pixar|feel-good", 215, 3.92),
    (2, "Heat", 1995, "Action|Crime|Thriller", "heist|los angeles", 102, 3.95),
    (3, "Heat", 1986, "Action|Drama", "las vegas", 8, 2.80),
    (4, "Ronin", 1998, "Action|Crime|Thriller", "heist|car chase", 43, 3.52),
    (5, "Collateral", 2004, "Action|Crime|Thriller", "los angeles", 44, 3.76),
    (6, "Alien", 1979, "Horror|Sci-Fi", "space|aliens", 146, 3.97),
    (7, "Aliens", 1986, "Action|Horror|Sci-Fi", "space|aliens", 126, 3.96),
    (8, "Men in Black", 1997, "Action|Comedy|Sci-Fi", "aliens", 165, 3.49),
    (9, "Titanic", 1997, "Drama|Romance", "love story|sad", 140, 3.41),
    (10, "Thelma & Louise", 1991, "Adventure|Crime|Drama", "road movie", 63, 3.61),
    (11, "Fargo", 1996, "Comedy|Crime|Thriller", "dark comedy", 181, 4.12),
    (12, "Back to the Future", 1985, "Adventure|Comedy|Sci-Fi", "time travel", 171, 4.04),
    (13, "Some Like It Hot", 1959, "Comedy|Crime", "screwball", 61, 4.01),
    (14, "Casablanca", 1942, "Drama|Romance", "classic", 100, 4.24),
)
CATALOGUE = {row[0]: row for row in ROWS}


def fields(movie_id: int) -> Args:
    _, title, year, genres, tags, count, mean = CATALOGUE[movie_id]
    return {
        "movie_id": movie_id,
        "title": title,
        "year": year,
        "genres": genres.split("|"),
        "tags": tags.split("|"),
        "imdb_url": f"https://www.imdb.com/title/tt{movie_id:07}/",
        "rating_count": count,
        "rating_mean": mean,
        "score": mean,
    }


def name(movie_id: int) -> ms.MovieName:
    return ms.MovieName(movie_id=movie_id, title=CATALOGUE[movie_id][1], year=CATALOGUE[movie_id][2])


def detail(movie_id: int) -> ms.MovieDetail:
    source = f"{CATALOGUE[movie_id][1]} ({CATALOGUE[movie_id][2]})"
    return ms.MovieDetail(**fields(movie_id), source_title=source, histogram={"3.0": 20, "4.0": 50, "5.0": 30})


class Refused(Exception):
    """What a tool says instead of a result."""


def resolve(ref: int | str) -> tuple[int, list[ms.Resolved]]:
    """As the tools do it: ids stand for themselves; a title may name a year; the most rated of a name is taken."""
    if isinstance(ref, int):
        return ref, []
    title, year = re.fullmatch(r"(.*?)(?: \((\d{4})\))?", ref).groups()  # type: ignore[union-attr]
    plain = title.lower().removeprefix("the ")
    found = [row for row in ROWS if row[1].lower() == plain or (plain == "aline" and row[1] == "Alien")]
    best = [row for row in found if year is None or row[2] == int(year)] or found
    if not best:
        raise Refused(f"No movie called {ref!r} is in the catalogue. Near it: Heat (1995); Ronin (1998).")
    others = [name(row[0]) for row in best[1:]]
    return best[0][0], [ms.Resolved(given=ref, movie=name(best[0][0]), others=others)]


@dataclass
class Stage:
    """Stands where the tools stand. `known`: what the person has rated, by movie id."""

    known: dict[int, float] = field(default_factory=dict)

    def call(self, tool: str, args: Args) -> BaseModel:
        return {**dict.fromkeys(_LISTS, self.listing), **_ONES}[tool](self, tool, args)

    def listing(self, _: Stage, tool: str, args: Args) -> ms.MovieList:
        seeds, resolved = [], []
        for ref in [*args.get("movies", []), *args.get("liked", []), *args.get("disliked", [])]:
            movie_id, how = resolve(ref)
            seeds.append(movie_id)
            resolved += how
        out = {resolve(ref)[0] for ref in args.get("exclude", [])} | set(seeds)
        rows = [row for row in ROWS if row[0] not in out and _passes(row, tool, args)]
        because = [ms.Because(**name(seed).model_dump(), share=0.3) for seed in seeds[:2]]
        movies = [ms.ListedMovie(**fields(row[0]), match=1.0, because=because) for row in rows[: args.get("limit", 5)]]
        return ms.MovieList(basis=self.basis(tool, args), movies=movies, resolved=resolved)

    def basis(self, tool: str, args: Args) -> Any:
        if tool == "recommend_for_user":
            return "personal" if self.known or "user_id" in args else "popular"
        return _LISTS[tool]


_LISTS: dict[str, str] = {
    "search_movies": "search",
    "similar_movies": "seeds",
    "recommend_for_user": "popular",
    "recommend_from_likes": "seeds",
    "popular_movies": "popular",
    "movies_by_tag": "tag",
    "recommend_for_group": "group",
}


def _passes(row: tuple[int, str, int, str, str, int, float], tool: str, args: Args) -> bool:
    genres, tags = row[3].split("|"), row[4].split("|")
    if tool == "movies_by_tag" and not any(args["tag"] in other[4].split("|") for other in ROWS):
        raise Refused(f"No movie has the tag {args['tag']!r}. Near it: heist.")
    text = f"{row[1]} {row[3]} {row[4]}".lower()
    return (
        all(genre in genres for genre in args.get("genres", []))
        and not any(genre in genres for genre in args.get("exclude_genres", []))
        and row[5] >= args.get("min_ratings", 0)
        and args.get("year_from", 0) <= row[2] <= args.get("year_to", 9999)
        and (tool != "movies_by_tag" or args["tag"] in tags)
        and (tool != "search_movies" or any(word in text for word in args["query"].lower().split()))
    )


def _movie(_: Stage, __: str, args: Args) -> results.MovieResult:
    movie_id, resolved = resolve(args["movie"])
    return results.MovieResult(movie=detail(movie_id), resolved=resolved)


def _rate(stage: Stage, _: str, args: Args) -> results.Rated:
    movie_id, resolved = resolve(args["movie"])
    previous, stage.known[movie_id] = stage.known.get(movie_id), args["stars"]
    return results.Rated(movie=ms.Movie(**fields(movie_id)), stars=args["stars"], previous=previous, resolved=resolved)


def _ratings(stage: Stage, _: str, args: Args) -> results.RatingList:
    given = stage.known if args.get("user_id") is None else {6: 5.0, 9: 1.0}
    at = datetime(2018, 9, 24, tzinfo=UTC)
    rows = [ms.UserRating(movie=ms.Movie(**fields(i)), stars=stars, rated_at=at) for i, stars in given.items()]
    whose = "you" if args.get("user_id") is None else f"MovieLens user {args['user_id']}"
    mean = sum(given.values()) / len(given) if given else None
    return results.RatingList(whose=whose, count=len(rows), mean=mean, ratings=rows[: args["limit"]])


def _compare(_: Stage, __: str, args: Args) -> results.Comparison:
    found = [resolve(ref) for ref in args["movies"]]
    return results.Comparison(
        movies=[detail(movie_id) for movie_id, _ in found],
        genres_in_common=["Action", "Crime"],
        tags_in_common=["heist"],
        taste_likeness=0.5,
        content_likeness=0.9,
        resolved=[how for _, resolved in found for how in resolved],
    )


def _stats(_: Stage, __: str, args: Args) -> results.MovieStats:
    movie_id, resolved = resolve(args["movie"])
    until = datetime(2018, 9, 24, tzinfo=UTC)
    windows = [
        ms.WindowStats(window="30d", since=until, until=until, count=0, mean=None),
        ms.WindowStats(window="365d", since=until, until=until, count=12, mean=4.5),
        ms.WindowStats(window="all", since=None, until=until, count=102, mean=3.95),
    ]
    return results.MovieStats(movie=name(movie_id), windows=windows, resolved=resolved)


def _explain(_: Stage, __: str, args: Args) -> results.Explanation:
    seeds = [resolve(ref)[0] for ref in args.get("liked", [])] or [6]
    whose = "what was named as liked" if args.get("liked") else f"MovieLens user {args.get('user_id')}"
    return results.Explanation(
        movie=ms.Movie(**fields(resolve(args["movie"])[0])),
        whose=whose if args.get("liked") or args.get("user_id") else "you",
        because=[ms.Because(**name(seed).model_dump(), share=0.2) for seed in seeds],
        shared_genres=["Crime"],
        shared_tags=["heist"],
        predicted_stars=4.1,
    )


def _taste(_: Stage, __: str, args: Args) -> results.TasteProfile:
    whose = "you" if args.get("user_id") is None else f"MovieLens user {args['user_id']}"
    return results.TasteProfile(
        whose=whose,
        ratings=20,
        mean=3.5,
        genres=[results.Affinity(name="Crime", ratings=9, mean=4.1, lift=0.6)],
        decades=[results.Affinity(name="1990s", ratings=9, mean=3.9, lift=0.4)],
        tags=[],
        favourites=[ms.Movie(**fields(11))],
    )


def _predict(stage: Stage, _: str, args: Args) -> results.Prediction:
    movie = ms.Movie(**fields(resolve(args["movie"])[0]))
    whose = "you" if args.get("user_id") is None else f"MovieLens user {args['user_id']}"
    if not stage.known and whose == "you":
        return results.Prediction(movie=movie, whose=whose, stars=None, low=None, high=None, support=0)
    return results.Prediction(movie=movie, whose=whose, stars=4.3, low=3.5, high=5.0, support=20)


def _questions(_: Stage, __: str, args: Args) -> results.Questions:
    return results.Questions(movies=[ms.Movie(**fields(movie_id)) for movie_id in (1, 11, 9, 6)][: args["limit"]])


_ONES: dict[str, Callable[[Stage, str, Args], BaseModel]] = {
    "get_movie": _movie,
    "rate_movie": _rate,
    "get_user_ratings": _ratings,
    "compare_movies": _compare,
    "rating_stats": _stats,
    "explain_recommendation": _explain,
    "taste_profile": _taste,
    "predict_rating": _predict,
    "next_question": _questions,
}
SPECS = tuple(ToolSpec(tool, "", {}) for tool in (*_LISTS, *_ONES))


def without_nulls(value: Any) -> Any:
    """As the loop hands results on: what is null is left out."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    return [without_nulls(item) for item in value] if isinstance(value, list) else value


class Talk:
    """A conversation with the guide over the stage."""

    def __init__(self, tools: tuple[ToolSpec, ...] = SPECS) -> None:
        self.stage = Stage()
        self.tools = tools
        self.messages: list[ChatMessage] = [ChatMessage("system", "You are Marquee.")]
        self.calls: list[tuple[str, Args]] = []
        self.documents: list[str] = []

    async def say(self, text: str) -> str:
        self.messages.append(ChatMessage("user", text))
        self.calls = []
        for _ in range(8):
            deltas = await self.step()
            words = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
            requests = tuple(delta for delta in deltas if isinstance(delta, ToolRequest))
            finish = deltas[-1]
            assert isinstance(finish, Finish)
            assert finish.reason == ("tool_calls" if requests else "stop")
            self.messages.append(ChatMessage("assistant", words, requests))
            for request in requests:
                self.answer(request)
            if not requests:
                return words
        raise AssertionError(f"The guide kept on calling tools for {text!r}: {self.calls}")

    async def step(self) -> list[Delta]:
        request = ChatRequest("offline-guide", tuple(self.messages), self.tools)
        return [delta async for delta in OfflineGuide().stream(request)]

    def answer(self, request: ToolRequest) -> None:
        args = json.loads(request.arguments)
        self.calls.append((request.name, args))
        ARGS[request.name].model_validate(args)
        try:
            content = json.dumps(without_nulls(self.stage.call(request.name, args).model_dump(mode="json")))
        except Refused as refusal:
            content = json.dumps({"error": str(refusal)})
        self.documents.append(content)
        self.messages.append(ChatMessage("tool", content, call_id=request.call_id))


ARGS: dict[str, type[BaseModel]] = {
    "search_movies": tool_args.SearchMovies,
    "similar_movies": tool_args.SimilarMovies,
    "recommend_for_user": tool_args.RecommendForUser,
    "recommend_from_likes": tool_args.RecommendFromLikes,
    "popular_movies": tool_args.PopularMovies,
    "movies_by_tag": tool_args.MoviesByTag,
    "recommend_for_group": tool_args.RecommendForGroup,
    "get_movie": tool_args.GetMovie,
    "rate_movie": tool_args.RateMovie,
    "get_user_ratings": tool_args.GetUserRatings,
    "compare_movies": tool_args.CompareMovies,
    "rating_stats": tool_args.RatingStats,
    "explain_recommendation": tool_args.ExplainRecommendation,
    "taste_profile": tool_args.TasteProfileArgs,
    "predict_rating": tool_args.PredictRating,
    "next_question": tool_args.NextQuestion,
}
