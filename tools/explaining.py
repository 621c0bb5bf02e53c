"""Prompt templates filled in from the data, and what the model says to them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing

from errors import ParameterRefused, UpstreamTimeout, UpstreamUnavailable
from movies.models import ListedMovie, MovieList
from providers.base import ChatMessage, ChatRequest, Finish, Provider, TextDelta
from providers.prompts import PerTag, PerUser, Template
from schemas import PromptAnswer
from tools.args import GetUserRatings, MoviesByTag, RecommendForUser
from tools.context import Context
from tools.results import RatingList
from tools.search import movies_by_tag
from tools.tastes import get_user_ratings, recommend_for_user


async def render(ctx: Context, template: Template, args: PerUser | PerTag) -> str:
    """The template with the data that it speaks of.

    Raises:
        ToolError: The data has no such user or tag.
    """
    if isinstance(args, PerTag):
        tagged = await movies_by_tag(ctx, MoviesByTag(tag=args.tag, limit=args.limit))
        return template.render({"tag": args.tag, "movies": _lines(tagged.movies)})
    ratings = await get_user_ratings(ctx, GetUserRatings(user_id=args.user_id, order="highest", limit=args.limit))
    if "{recommendations}" not in template.text:
        return template.render({"ratings": _rated(ratings)})
    served = await recommend_for_user(ctx, RecommendForUser(user_id=args.user_id, limit=args.limit))
    return render_recommendations(template, ratings, served)


def render_recommendations(template: Template, ratings: RatingList, served: MovieList) -> str:
    """The template about a list that was made already."""
    return template.render({"ratings": _rated(ratings), "recommendations": _lines(served.movies)})


async def ask(provider: Provider, prompt: str, seconds: float) -> PromptAnswer:
    """What the default model says to one prompt, without tools; with its most probable first token where it tells.

    Raises:
        RunFailed: It said nothing, or was not done within `seconds`.
    """
    try:
        async with asyncio.timeout(seconds):
            try:
                return await _ask(provider, prompt, logprobs=True)
            except ParameterRefused:  # many models have no log probabilities
                return await _ask(provider, prompt, logprobs=False)
    except TimeoutError:
        raise UpstreamTimeout("The answer took longer than the time limit (LLM_TOTAL_TIMEOUT).") from None


async def _ask(provider: Provider, prompt: str, *, logprobs: bool) -> PromptAnswer:
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


def _rated(ratings: RatingList) -> str:
    """`- Heat (1995): 4.5` for each rating."""
    return "\n".join(f"- {rating.movie.called}: {rating.stars:g}" for rating in ratings.ratings)


def _lines(movies: Sequence[ListedMovie]) -> str:
    """`- Heat (1995), because of Ronin (1998)` for each movie."""
    return "\n".join(f"- {movie.called}{_because(movie)}" for movie in movies)


def _because(movie: ListedMovie) -> str:
    causes = ", ".join(cause.called for cause in movie.because)
    return f", because of {causes}" if causes else ""
