"""The models that an OpenAI-compatible endpoint lists."""

from __future__ import annotations

import asyncio

from openai import AsyncOpenAI, OpenAIError
from pydantic import BaseModel, ValidationError

from providers.failures import BROKEN, failure


class _Model(BaseModel):
    id: str | None = None


class _Models(BaseModel):
    """A list of models, as far as it is read: the SDK's own type takes a web page for one."""

    data: list[_Model | None] | None = None


async def listed_models(client: AsyncOpenAI, seconds: float) -> list[str]:
    """Their ids, in order.

    Raises:
        RunFailed: The endpoint does not answer, or not within `seconds`.
    """
    try:
        async with asyncio.timeout(seconds):
            raw = await client.models.with_raw_response.list()
        page = _Models.model_validate_json(raw.content)
    except (OpenAIError, ValidationError, *BROKEN) as error:
        raise failure(error) from None
    return sorted(model.id for model in page.data or () if model is not None and model.id)
