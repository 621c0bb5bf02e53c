"""Prompt templates filled in from the data, and what the model says to them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

from errors import UpstreamRejected, UpstreamUnavailable
from lookups import check_tag
from movie_schemas import (
    GetUserRatings,
    ListedMovie,
    MovieList,
    MovieName,
    MoviesByTag,
    RatingList,
    RecommendForUser,
)
from prompts import PerTag, PerUser, Template
from providers import ChatMessage, ChatRequest, Finish, Provider, TextDelta
from schemas import PromptAnswer
from toolbox import Context
from tools import get_user_ratings, movies_by_tag, recommend_for_user


async def render(ctx: Context, template: Template, args: PerUser | PerTag) -> str:
    """The template with the data that it speaks of.

    Raises:
        ToolError: The data has no such user or tag.
    """
    if isinstance(args, PerTag):
        await check_tag(ctx, args.tag)
        tagged = await movies_by_tag(ctx, MoviesByTag(tag=args.tag, limit=args.limit))
        return template.render({"tag": args.tag, "movies": _lines(tagged.movies)})
    ratings = await get_user_ratings(ctx, GetUserRatings(user_id=args.user_id, order="highest", limit=args.limit))
    values = {"ratings": "\n".join(f"- {_name(rating.movie)}: {rating.stars:g}" for rating in ratings.ratings)}
    if "{recommendations}" in template.text:
        served = await recommend_for_user(ctx, RecommendForUser(user_id=args.user_id, limit=args.limit))
        values["recommendations"] = _lines(served.movies)
    return template.render(values)


def render_recommendations(template: Template, ratings: RatingList, served: MovieList) -> str:
    """The template about a list that was made already."""
    rated = "\n".join(f"- {_name(rating.movie)}: {rating.stars:g}" for rating in ratings.ratings)
    return template.render({"ratings": rated, "recommendations": _lines(served.movies)})


async def ask(provider: Provider, prompt: str, model: str | None = None) -> PromptAnswer:
    """What the model says to one prompt, without tools; with its most probable first token where it tells.

    Raises:
        RunFailed: It said nothing.
    """
    try:
        return await _ask(provider, prompt, model, logprobs=True)
    except UpstreamRejected:  # many models have no log probabilities
        return await _ask(provider, prompt, model, logprobs=False)


async def _ask(provider: Provider, prompt: str, model: str | None, *, logprobs: bool) -> PromptAnswer:
    request = ChatRequest(model or provider.default_model, (ChatMessage("user", prompt),), logprobs=logprobs)
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
    return PromptAnswer(prompt=prompt, text="".join(text), most_probable_token=token)


def _lines(movies: Sequence[ListedMovie]) -> str:
    """`- Heat (1995), because of Ronin (1998)` for each movie."""
    return "\n".join(f"- {_name(movie)}{_because(movie)}" for movie in movies)


def _because(movie: ListedMovie) -> str:
    causes = ", ".join(_name(cause) for cause in movie.because)
    return f", because of {causes}" if causes else ""


def _name(movie: MovieName) -> str:
    return f"{movie.title} ({movie.year})" if movie.year else movie.title
