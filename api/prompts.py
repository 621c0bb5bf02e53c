"""HTTP: prompt templates filled in from the data, and what the model says to them. Lists are explained by one, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import TypeVar

from fastapi import APIRouter, Depends

from api.dependencies import Service, Tools, counted_call
from errors import NotFound, ParameterRefused, UpstreamTimeout, UpstreamUnavailable
from movies.models import Filters, ListedMovie, Movie, MovieList, Page, RatingOrder, UserRating
from providers.base import ChatMessage, ChatRequest, Finish, TextDelta
from providers.prompts import TEMPLATES, Filled, PerGenre, PerMovie, PerTag, PerTaste, PerUser, Template
from schemas import Prompt, PromptAnswer
from service import Marquee
from storage.records import Spent
from tools.args import GetUserRatings, Recommend, SearchMovies
from tools.context import Context
from tools.search import search_movies
from tools.spelling import spelled
from tools.tastes import get_user_ratings, recommend

RATINGS = TEMPLATES["ratings_prompt_per_user"]
RECOMMENDATIONS = TEMPLATES["recommendations_prompt_per_user"]
FOR_TASTE = TEMPLATES["recommendations_prompt_per_taste"]
OF_TAG = TEMPLATES["movies_prompt_per_tag"]
OF_GENRE = TEMPLATES["movies_prompt_per_genre"]
OF_MOVIE = TEMPLATES["ratings_prompt_per_movie"]
WINDOWS = ("30d", "365d", "all")
LONGEST_PROFILE = 2_000  # characters of what a user tells of themselves

Route = TypeVar("Route", bound=Callable[..., Awaitable[PromptAnswer]])

router = APIRouter(tags=["prompts"])


@router.get("/prompts")
async def list_prompts() -> Page[Prompt]:
    """The prompt templates and what they take."""
    return Page(
        data=[
            Prompt(name=t.name, description=t.description, template=t.text, parameters=t.args.model_json_schema())
            for t in TEMPLATES.values()
        ]
    )


def _route(template: Template) -> Callable[[Route], Route]:
    """A template's own route, so that it documents what it takes."""
    return router.post(
        f"/prompts/{template.name}",
        name=template.name,
        dependencies=[Depends(counted_call)],
        description=f"{template.description}: filled in from the data, and what the model says to it.",
    )


@_route(RATINGS)
async def ask_of_ratings(service: Service, ctx: Tools, body: PerUser) -> PromptAnswer:
    highest, lowest = await _rated(ctx, body, "highest"), await _rated(ctx, body, "lowest")
    others = [rating for rating in lowest if rating not in highest]
    values = {"highest": _stars(highest, await _own_words(ctx, body.user_id)), "lowest": _stars(others)}
    return await _ask(service, ctx, RATINGS, values)


@_route(RECOMMENDATIONS)
async def ask_of_recommendations(service: Service, ctx: Tools, body: PerUser) -> PromptAnswer:
    return await explain(service, ctx, await _recommended(ctx, body), user_id=body.user_id, limit=body.limit)


@_route(FOR_TASTE)
async def ask_of_taste(service: Service, ctx: Tools, body: PerTaste) -> PromptAnswer:
    movies = (await _recommended(ctx, body)).movies
    return await _ask(service, ctx, FOR_TASTE, {"taste": body.taste, "recommendations": _lines(movies)})


@_route(OF_TAG)
async def ask_of_tag(service: Service, ctx: Tools, body: PerTag) -> PromptAnswer:
    tagged = await search_movies(ctx, SearchMovies(tags=[body.tag], limit=body.limit))
    lines = [f"{movie.called}{await _relevance(ctx, movie, body.tag)}" for movie in tagged.movies]
    return await _ask(service, ctx, OF_TAG, {"tag": body.tag, "movies": _listed(lines)})


@_route(OF_GENRE)
async def ask_of_genre(service: Service, ctx: Tools, body: PerGenre) -> PromptAnswer:
    filters = await spelled(ctx, Filters(genres=[body.genre]))
    best = await ctx.snapshot.catalogue.popular(filters, sort="rating", limit=body.limit)
    lines = [f"{movie.called}: {movie.rating_mean:.2f} of {movie.rating_count}" for movie, *_ in best]
    return await _ask(service, ctx, OF_GENRE, {"genre": body.genre, "movies": _listed(lines)})


@_route(OF_MOVIE)
async def ask_of_movie(service: Service, ctx: Tools, body: PerMovie) -> PromptAnswer:
    movie = await ctx.snapshot.catalogue.movie(body.movie_id)
    if movie is None:
        raise NotFound("There is no such movie.")
    windows = await ctx.snapshot.catalogue.stats(body.movie_id, WINDOWS)
    over_time = [f"{part.window}: {part.count} ratings, mean {part.mean}" for part in windows if part.mean is not None]
    values = {
        "title": movie.called,
        "histogram": _listed([f"{stars} stars: {count}" for stars, count in movie.histogram.items() if count]),
        "windows": _listed(over_time),
        "tags": ", ".join(movie.tags) or "nothing",
    }
    return await _ask(service, ctx, OF_MOVIE, values)


async def explain(service: Marquee, ctx: Context, served: MovieList, *, user_id: int, limit: int) -> PromptAnswer:
    """Have the model say why a list suits a MovieLens user, of whose ratings it is told the highest.

    Raises:
        RunFailed: It said nothing, or was not done in time.
    """
    ratings = await _rated(ctx, PerUser(user_id=user_id, limit=limit), "highest")
    values = {"ratings": _stars(ratings, await _own_words(ctx, user_id)), "recommendations": _lines(served.movies)}
    return await _ask(service, ctx, RECOMMENDATIONS, values)


async def _ask(service: Marquee, ctx: Context, template: Template, values: Mapping[str, str]) -> PromptAnswer:
    """Put one prompt to the default model, without tools; its most probable first token comes along where it tells."""
    info = ctx.snapshot.info
    prompt = Filled(template, {**values, "noun": info.noun, "plural": info.plural})
    try:
        async with asyncio.timeout(service.settings.llm_total_timeout):
            try:
                return await _answer(service, ctx, prompt, logprobs=True)
            except ParameterRefused:  # many models have no log probabilities
                return await _answer(service, ctx, prompt, logprobs=False)
    except TimeoutError:
        raise UpstreamTimeout("The answer took longer than the time limit (LLM_TOTAL_TIMEOUT).") from None


async def _answer(service: Marquee, ctx: Context, prompt: Filled, *, logprobs: bool) -> PromptAnswer:
    message = ChatMessage("user", prompt.text)
    request = ChatRequest(service.provider.default_model, (message,), logprobs=logprobs, prompt=prompt)
    text: list[str] = []
    token = None
    async with aclosing(service.provider.stream(request)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                text.append(delta.text)
            elif isinstance(delta, Finish):
                token = delta.first_token
                if (usage := delta.usage) is not None:
                    spent = Spent(service.clock(), usage.input_tokens + usage.output_tokens)
                    service.quotas.note_spent(ctx.account_id, spent)
    if not text:
        raise UpstreamUnavailable("The model gave an empty answer.")
    return PromptAnswer(prompt=message.content, model=request.model, text="".join(text), most_probable_token=token)


async def _rated(ctx: Context, args: PerUser, order: RatingOrder) -> list[UserRating]:
    found = await get_user_ratings(ctx, GetUserRatings(user_id=args.user_id, order=order, limit=args.limit))
    return found.ratings


async def _recommended(ctx: Context, args: PerUser) -> MovieList:
    return await recommend(ctx, Recommend(user_id=args.user_id, limit=args.limit))


async def _own_words(ctx: Context, user_id: int) -> str:
    """A user's words about themselves; '' where the data has none."""
    return (await ctx.snapshot.catalogue.user_text(user_id) or "")[:LONGEST_PROFILE]


async def _relevance(ctx: Context, movie: Movie, tag: str) -> str:
    """`: 0.93`, the relevance of a tag for a movie; '' where the data has none."""
    detail = await ctx.snapshot.catalogue.movie(movie.movie_id)
    known = detail.top_tags if detail else []
    return next((f": {one.relevance:.2f}" for one in known if one.tag.casefold() == tag.casefold()), "")


def _stars(ratings: Sequence[UserRating], own_words: str = "") -> str:
    """`- Heat (1995): 4.5` for each rating, and the person's own words under it."""
    lines = _listed([f"{rating.movie.called}: {rating.stars:g}" for rating in ratings])
    return f"{lines}\nIn their own words: {own_words}" if own_words else lines


def _lines(movies: Sequence[ListedMovie]) -> str:
    """`- Heat (1995), because of Ronin (1998)` for each movie."""
    return _listed([f"{movie.called}{_because(movie)}" for movie in movies])


def _listed(lines: Sequence[str]) -> str:
    return "\n".join(f"- {line}" for line in lines) or "- none"


def _because(movie: ListedMovie) -> str:
    causes = ", ".join(cause.called for cause in movie.causes)
    return f", because of {causes}" if causes else ""
