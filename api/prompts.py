"""HTTP: prompt templates filled in from the data, and what the model says to them. Lists are explained by one, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import TypeVar

from fastapi import APIRouter

from api.dependencies import Service, Tools
from errors import ParameterRefused, UpstreamTimeout, UpstreamUnavailable
from movies.models import ListedMovie, MovieList, Page
from providers.base import ChatMessage, ChatRequest, Finish, Provider, TextDelta
from providers.prompts import TEMPLATES, PerTag, PerUser, Template
from schemas import Prompt, PromptAnswer
from service import Marquee
from tools.args import GetUserRatings, Recommend, SearchMovies
from tools.context import Context
from tools.search import search_movies
from tools.tastes import get_user_ratings, recommend

RATINGS = TEMPLATES["ratings_prompt_per_user"]
RECOMMENDATIONS = TEMPLATES["recommendations_prompt_per_user"]
MOVIES = TEMPLATES["movies_prompt_per_tag"]

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
        description=f"{template.description}: filled in from the data, and what the model says to it.",
    )


@_route(RATINGS)
async def ask_of_ratings(service: Service, ctx: Tools, body: PerUser) -> PromptAnswer:
    return await _ask(service, RATINGS.render({"ratings": await _ratings(ctx, body.user_id, body.limit)}))


@_route(RECOMMENDATIONS)
async def ask_of_recommendations(service: Service, ctx: Tools, body: PerUser) -> PromptAnswer:
    served = await recommend(ctx, Recommend(user_id=body.user_id, limit=body.limit))
    return await explain(service, ctx, served, user_id=body.user_id, limit=body.limit)


@_route(MOVIES)
async def ask_of_movies(service: Service, ctx: Tools, body: PerTag) -> PromptAnswer:
    tagged = await search_movies(ctx, SearchMovies(tags=[body.tag], limit=body.limit))
    return await _ask(service, MOVIES.render({"tag": body.tag, "movies": _lines(tagged.movies)}))


async def explain(service: Marquee, ctx: Context, served: MovieList, *, user_id: int, limit: int) -> PromptAnswer:
    """Have the model say why a list suits a MovieLens user, of whose ratings it is told the highest.

    Raises:
        RunFailed: It said nothing, or was not done in time.
    """
    ratings = await _ratings(ctx, user_id, limit)
    return await _ask(service, RECOMMENDATIONS.render({"ratings": ratings, "recommendations": _lines(served.movies)}))


async def _ask(service: Marquee, prompt: str) -> PromptAnswer:
    """Put one prompt to the default model, without tools; its most probable first token comes along where it tells."""
    try:
        async with asyncio.timeout(service.settings.llm_total_timeout):
            try:
                return await _answer(service.provider, prompt, logprobs=True)
            except ParameterRefused:  # many models have no log probabilities
                return await _answer(service.provider, prompt, logprobs=False)
    except TimeoutError:
        raise UpstreamTimeout("The answer took longer than the time limit (LLM_TOTAL_TIMEOUT).") from None


async def _answer(provider: Provider, prompt: str, *, logprobs: bool) -> PromptAnswer:
    request = ChatRequest(provider.default_model, (ChatMessage("user", prompt),), logprobs=logprobs)
    text: list[str] = []
    token = None
    async with aclosing(provider.stream(request)) as deltas:
        async for delta in deltas:
            if isinstance(delta, TextDelta):
                text.append(delta.text)
            elif isinstance(delta, Finish):
                token = delta.first_token
    if not text:
        raise UpstreamUnavailable("The model gave an empty answer.")
    return PromptAnswer(prompt=prompt, model=request.model, text="".join(text), most_probable_token=token)


async def _ratings(ctx: Context, user_id: int, limit: int) -> str:
    """A user's highest ratings, `- Heat (1995): 4.5` for each."""
    found = await get_user_ratings(ctx, GetUserRatings(user_id=user_id, order="highest", limit=limit))
    return "\n".join(f"- {rating.movie.called}: {rating.stars:g}" for rating in found.ratings)


def _lines(movies: Sequence[ListedMovie]) -> str:
    """`- Heat (1995), because of Ronin (1998)` for each movie."""
    return "\n".join(f"- {movie.called}{_because(movie)}" for movie in movies)


def _because(movie: ListedMovie) -> str:
    causes = ", ".join(cause.called for cause in movie.because)
    return f", because of {causes}" if causes else ""
