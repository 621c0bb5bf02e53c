"""HTTP: the service itself: its health, and the models on offer."""

from __future__ import annotations

from fastapi import APIRouter

from api.dependencies import Service
from errors import RunFailed
from movies.library import Library
from providers.base import LastAnswer
from schemas import Health, Live, ModelList, ProviderHealth, RecommenderHealth, UpstreamAnswer
from service import Marquee
from settings import VERSION

router = APIRouter(tags=["service"])
_NO_KEY = "No key and no base URL are set: the built-in offline guide answers."
_NO_LIST = "The provider lists no models; the default may be there all the same."


@router.get("/health")
async def health(service: Service) -> Health:
    """The state of the service: whether it is ready, and on what it rests."""
    async with service.library.use(patient=False) as snapshot:
        info, about = snapshot.info, snapshot.about
    trouble = await service.database.trouble()
    reasons = [*service.library.problems, *([trouble] if trouble else []), *service.contexts.problems]
    return Health(
        status="degraded" if reasons else "ok",
        version=VERSION,
        live_runs=service.runs.count,
        provider=_provider_health(service),
        catalogue=info,
        recommender=RecommenderHealth(
            fitted=about.fitted,
            version=about.version,
            detail=_recommender_detail(service.library, fitted=about.fitted),
        ),
        posters=service.posters.available,
        reasons=reasons,
    )


@router.get("/health/live")
async def live() -> Live:
    """The process answers; on what it rests is not asked."""
    return Live(status="ok")


@router.get("/models")
async def list_models(service: Service) -> ModelList:
    """The models that the provider offers, and the default."""
    provider = service.provider
    default = provider.default_model
    try:
        found, detail = await provider.models(), None
    except RunFailed as error:
        found, detail = [], error.detail
    if not found:
        return ModelList(provider=provider.name, default=default, data=[default], detail=detail or _NO_LIST)
    if default not in found:
        detail = f"The provider does not list the default model, {default} (OPENAI_MODEL)."
    data = sorted(dict.fromkeys(found), key=lambda name: name != default)  # the default first
    return ModelList(provider=provider.name, default=default, data=data, detail=detail)


def _recommender_detail(library: Library, *, fitted: bool) -> str:
    if fitted:
        stage = library.tuning
        return f"Ready; parameters are being chosen for this catalogue: {stage}." if stage else "Ready."
    state = "Being fitted" if library.fitting else "No model of taste is fitted"
    return f"{state}; popularity and content serve."


def _provider_health(service: Marquee) -> ProviderHealth:
    offline, model = service.settings.offline, service.provider.default_model
    return ProviderHealth(
        name=service.provider.name,
        model=model,
        base_url=None if offline else service.settings.address,
        tools="small" if service.contexts.is_small(service.contexts.tokens(model)) else "full",
        detail=_NO_KEY if offline else f"Configured. {service.contexts.in_words(model)}",
        last_answer=_last_answer(service.provider.last_answer),
    )


def _last_answer(last: LastAnswer | None) -> UpstreamAnswer | None:
    if last is None:
        return None
    return UpstreamAnswer.model_validate(
        {
            "at": last.at,
            "status": "failed" if last.error else "ok",
            "code": last.error and last.error.code,
            "detail": last.error and last.error.detail,
            "latency_ms": last.latency_ms,
        }
    )
