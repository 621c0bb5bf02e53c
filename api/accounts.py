"""HTTP: accounts: registration, sign-in by OAuth2's password form, API keys, the end of an account."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Response
from fastapi.security import OAuth2PasswordRequestForm

from accounts.accounts import Accounts, Identity
from api.authentication import accounts_of, caller_address, signed_in, signed_in_in_person
from api.dependencies import Service
from api.export import account_document, streamed
from movies.models import Page
from schemas import (
    Account,
    ApiKey,
    ApiKeyCreate,
    NewApiKey,
    PasswordChange,
    Refresh,
    Registration,
    SignInOptions,
    TokenPair,
)

router = APIRouter(prefix="/auth", tags=["accounts"])

OurAccounts = Annotated[Accounts, Depends(accounts_of)]
SignedIn = Annotated[Identity, Depends(signed_in)]
InPerson = Annotated[Identity, Depends(signed_in_in_person)]
Address = Annotated[str, Depends(caller_address)]


@router.get("/options")
async def sign_in_options(service: Service, accounts: OurAccounts) -> SignInOptions:
    """The ways in: who may register, and a provider to sign in with."""
    provider = accounts.provider.name if accounts.provider else None
    return SignInOptions(registration=service.settings.registration, provider=provider)


@router.post("/register", status_code=201)
async def register(accounts: OurAccounts, address: Address, body: Registration) -> Account:
    """Make an account, where REGISTRATION lets people do so."""
    return await accounts.register(body, address)


@router.post("/token")
async def sign_in(
    accounts: OurAccounts,
    address: Address,
    response: Response,
    form: Annotated[OAuth2PasswordRequestForm, Depends()],
) -> TokenPair:
    """Tokens for a name and its password (RFC 6749, section 4.3)."""
    response.headers["Cache-Control"] = "no-store"
    return await accounts.sign_in(form.username, form.password, address)


@router.post("/refresh")
async def refresh(accounts: OurAccounts, response: Response, body: Refresh) -> TokenPair:
    """New tokens for a refresh token, which is used up by it."""
    response.headers["Cache-Control"] = "no-store"
    return await accounts.refresh(body.refresh_token)


@router.post("/logout", status_code=204)
async def sign_out(accounts: OurAccounts, caller: InPerson) -> None:
    """End this sign-in: its tokens are worth nothing from now on."""
    assert caller.sign_in_id is not None
    await accounts.store.close_sign_in(caller.sign_in_id)


@router.post("/password", status_code=204)
async def change_password(accounts: OurAccounts, caller: InPerson, address: Address, body: PasswordChange) -> None:
    """Change the password, which ends every sign-in of the account, this one too. API keys stay."""
    await accounts.change_password(caller.account, body, address)


@router.get("/me")
async def read_account(caller: SignedIn) -> Account:
    """The caller's account."""
    return caller.account


@router.delete("/me", status_code=204)
async def delete_account(service: Service, accounts: OurAccounts, caller: InPerson) -> None:
    """Delete the account with all that belongs to it: sessions, ratings, recommendations, keys."""
    await accounts.store.disable(caller.account.id, disabled=True)  # nothing new begins
    await service.runs.cancel_all(caller.account.id)
    await accounts.store.delete(caller.account.id)


@router.get(
    "/export",
    response_class=Response,
    responses={200: {"description": "All that belongs to the account", "content": {"application/json": {}}}},
)
async def export_account(service: Service, caller: SignedIn) -> Response:
    """All that belongs to the account as one document: sessions with their messages, ratings, recommendations."""
    return await streamed(account_document(service, caller.account), "application/json")


@router.post("/keys", status_code=201)
async def make_key(accounts: OurAccounts, caller: InPerson, response: Response, body: ApiKeyCreate) -> NewApiKey:
    """Make an API key for a program. It is shown this once: what is kept tells nobody the key."""
    response.headers["Cache-Control"] = "no-store"
    return await accounts.make_key(caller.account, body)


@router.get("/keys")
async def list_keys(accounts: OurAccounts, caller: SignedIn) -> Page[ApiKey]:
    """The account's API keys, oldest first."""
    return Page(data=await accounts.store.keys(caller.account.id))


@router.delete("/keys/{key_id}", status_code=204)
async def revoke_key(accounts: OurAccounts, caller: InPerson, key_id: str) -> None:
    """Revoke an API key at once."""
    await accounts.store.remove_key(caller.account.id, key_id)
