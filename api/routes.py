"""The application put together: all routes, the faces, the page, and the layers that every request passes."""

from __future__ import annotations

from fastapi import Depends, FastAPI

from api import accounts, health, messages, movies, oidc, posters, prompts, ratings, runs, sessions, taste
from api.authentication import Authentication
from api.dependencies import refuse_unknown_parameters
from api.faces import completions, conversations, mcp, responses, ui
from api.faces.errors import OpenAIErrors
from api.fairness import Fairness
from api.middleware import BodyLimit, Gate, RequestLog
from api.openapi import install_documents
from api.page import install_page
from api.problems import answer_with_problems
from api.proxies import Proxies


def install(app: FastAPI) -> None:
    """Add them to an application that does not run yet."""
    modules = (sessions, messages, runs, movies, posters, ratings, taste, prompts, accounts, oidc, health)
    routers = [part.router for part in modules]
    for router in routers:
        app.include_router(router, dependencies=[Depends(refuse_unknown_parameters)])
    faces = [completions.router, responses.router, conversations.router, mcp.router, ui.router]
    for router in (oidc.browser, *faces):  # providers and clients add parameters of their own
        app.include_router(router)
    install_documents(app)
    install_page(app)
    answer_with_problems(app, [*routers, *faces])
    layers = (BodyLimit, Authentication, Gate, OpenAIErrors, Fairness, RequestLog, Proxies)
    for layer in layers:  # the last one is passed first
        app.add_middleware(layer)
