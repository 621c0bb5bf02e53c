"""HTTP: prompt templates filled in from the data, and what the model says to them. Lists are explained by one, too."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from typing import TypeVar

from fastapi import APIRouter, Depends

from api import filling
from api.dependencies import Service, Tools, counted_call
from errors import ParameterRefused, UpstreamTimeout, UpstreamUnavailable
from movies.models import MovieList, Page
from providers.base import ChatMessage, ChatRequest, Finish, TextDelta
from providers.prompts import TEMPLATES, Filled, PerGenre, PerMovie, PerTag, PerTaste, PerUser
from schemas import Prompt, PromptAnswer
from service import Marquee
from storage.records import Spent
from tools.context import Context

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


def _route(name: str) -> Callable[[Route], Route]:
    """A template's own route, so that it documents what it takes."""
    return router.post(
        f"/prompts/{name}",
        name=name,
        dependencies=[Depends(counted_call)],
        description=f"{TEMPLATES[name].description}: filled in from the data, and what the model says to it.",
    )


@_route("ratings_prompt_per_user")
async def ask_of_ratings(service: Service, ctx: Tools, body: PerUser) -> PromptAnswer:
    return await _ask(service, ctx, await filling.ratings_prompt_per_user(ctx, body))


@_route("recommendations_prompt_per_user")
async def ask_of_recommendations(service: Service, ctx: Tools, body: PerUser) -> PromptAnswer:
    return await _ask(service, ctx, await filling.recommendations_prompt_per_user(ctx, body))


@_route("recommendations_prompt_per_taste")
async def ask_of_taste(service: Service, ctx: Tools, body: PerTaste) -> PromptAnswer:
    return await _ask(service, ctx, await filling.recommendations_prompt_per_taste(ctx, body))


@_route("movies_prompt_per_tag")
async def ask_of_tag(service: Service, ctx: Tools, body: PerTag) -> PromptAnswer:
    return await _ask(service, ctx, await filling.movies_prompt_per_tag(ctx, body))


@_route("movies_prompt_per_genre")
async def ask_of_genre(service: Service, ctx: Tools, body: PerGenre) -> PromptAnswer:
    return await _ask(service, ctx, await filling.movies_prompt_per_genre(ctx, body))


@_route("ratings_prompt_per_movie")
async def ask_of_movie(service: Service, ctx: Tools, body: PerMovie) -> PromptAnswer:
    return await _ask(service, ctx, await filling.ratings_prompt_per_movie(ctx, body))


async def explain(service: Marquee, ctx: Context, served: MovieList, *, user_id: int, limit: int) -> PromptAnswer:
    """Have the model say why a list suits a MovieLens user, of whose ratings it is told the highest.

    Raises:
        RunFailed: It said nothing, or was not done in time.
    """
    prompt = await filling.of_recommended(ctx, served, PerUser(user_id=user_id, limit=limit))
    return await _ask(service, ctx, prompt)


async def _ask(service: Marquee, ctx: Context, prompt: Filled) -> PromptAnswer:
    """Put one prompt to the default model, without tools; its most probable first token comes along where it tells."""
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
