"""HTTP: sign-in with an OpenID Connect provider: to it, back, and a code changed for tokens.

No token stands in an address: the page is sent back with a code in the fragment, which browsers send to nobody, and
changes it for tokens by POST, once and within a minute.
"""

from __future__ import annotations

from html import escape
from typing import Annotated

from fastapi import APIRouter, Cookie, Depends, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse

from accounts.accounts import RETURN_LASTS, Accounts
from api.authentication import accounts_of, caller_address
from api.browsers import PAGE_GUARDS
from api.problems import refusal
from errors import MarqueeError, Unauthorized
from schemas import ProviderAddress, SignInAtProvider, SignInCode, TokenPair

COOKIE = "marquee-return"
FOLDER = "/auth/oidc"
ARRIVAL = "/#code="
KEPT = ("Retry-After", "RateLimit", "RateLimit-Policy", "WWW-Authenticate")  # of a refusal's headers
NO_STORE = {"Cache-Control": "no-store"}
REFUSED = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Marquee: sign-in</title>
<link rel="stylesheet" href="/static/page.css">
</head>
<body>
<main>
<h1>{title}</h1>
<p>{detail}</p>
<p><a href="/">Back to Marquee</a></p>
</main>
</body>
</html>
"""

router = APIRouter(prefix=FOLDER, tags=["accounts"])
browser = APIRouter(prefix=FOLDER, include_in_schema=False)  # what browsers are sent to; its refusals are for people

OurAccounts = Annotated[Accounts, Depends(accounts_of)]
Address = Annotated[str, Depends(caller_address)]
Told = Annotated[str, Query(max_length=4_000)]


@router.post("/login")
async def begin_sign_in(
    accounts: OurAccounts, address: Address, request: Request, response: Response, body: SignInAtProvider | None = None
) -> ProviderAddress:
    """Begin to sign in with the provider; a code for registration lets it make an account."""
    target, kept = await accounts.leave(_callback(request), body.code if body else None, address)
    _keep(response, request, kept)
    return ProviderAddress(address=target)


@router.post("/token")
async def redeem_code(accounts: OurAccounts, response: Response, body: SignInCode) -> TokenPair:
    """Tokens for the code that a browser came back with: once, and within a minute."""
    response.headers.update(NO_STORE)
    return await accounts.redeem(body.code)


@browser.get("/login")
async def go_to_provider(accounts: OurAccounts, address: Address, request: Request) -> Response:
    """The same by a link."""
    try:
        target, kept = await accounts.leave(_callback(request), None, address)
    except MarqueeError as error:
        return _told(error)
    response = RedirectResponse(target, 302, NO_STORE)
    _keep(response, request, kept)
    return response


@browser.get("/callback")
async def oidc_callback(
    accounts: OurAccounts,
    address: Address,
    code: Told = "",
    state: Told = "",
    error: Told = "",
    kept: Annotated[str, Cookie(alias=COOKIE)] = "",
) -> Response:
    """The way back from the provider."""
    try:
        if error or not code:
            raise Unauthorized("The provider did not sign you in; begin again, or ask its operator.")
        handed = await accounts.come_back(kept, state, code, address)
    except MarqueeError as refused:
        return _told(refused)
    response = RedirectResponse(ARRIVAL + handed, 302, NO_STORE)
    response.delete_cookie(COOKIE, FOLDER, httponly=True, samesite="lax")
    return response


def _callback(request: Request) -> str:
    return str(request.url_for("oidc_callback"))


def _keep(response: Response, request: Request, kept: str) -> None:
    response.set_cookie(
        COOKIE,
        kept,
        int(RETURN_LASTS.total_seconds()),
        path=FOLDER,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )


def _told(error: MarqueeError) -> Response:
    """A refusal as a page for people."""
    problem = refusal(error)
    page = REFUSED.format(title=escape(error.title), detail=escape(error.detail))
    kept = {name: problem.headers[name] for name in KEPT if name in problem.headers}
    return HTMLResponse(page, problem.status_code, {**kept, **PAGE_GUARDS, **NO_STORE})
