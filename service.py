"""Everything that a front needs, opened and closed together: the store, the library, the provider, the runs."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from loguru import logger

from accounts.quotas import Quotas
from db import Store
from errors import CatalogueError, NoCatalogue, StorageUnavailable
from guide.provider import OfflineGuide
from movies.library import SAMPLE, Library, import_command
from movies.posters import Posters
from providers.base import Provider
from providers.contexts import Contexts
from providers.traced import Traced
from runs.journal import Journal
from runs.leases import Lease
from runs.live_run import Resources
from runs.runner import Runs
from runs.schema_checks import SchemaChecker
from settings import ROOT, Settings, slips
from storage.accounts import AccountStore
from storage.histories import Histories
from storage.opening import open_database
from storage.own_ratings import OwnRatings
from storage.records import Clock, utc_now
from storage.sessions import Sessions
from storage.sqlite import Database
from telemetry.base import OFF, Metrics, State
from telemetry.tracing import begin_tracing

if TYPE_CHECKING:
    from accounts.accounts import Accounts


@dataclass(frozen=True, slots=True)
class Marquee:
    """The running service, whatever its front."""

    settings: Settings
    database: Database
    store: Store
    sessions: Sessions
    histories: Histories
    accounts: Accounts | None
    ratings: OwnRatings
    library: Library
    provider: Provider
    contexts: Contexts
    runs: Runs
    quotas: Quotas
    checker: SchemaChecker
    clock: Clock
    posters: Posters
    metrics: Metrics


@asynccontextmanager
async def open_marquee(
    settings: Settings, clock: Clock = utc_now, metrics: Metrics = OFF, *, ahead: bool = True
) -> AsyncIterator[Marquee]:
    """Open the service over `settings.data_dir`; import a catalogue where there is none; settle what a crash left.

    Args:
        settings: of the service.
        clock: tells the time.
        metrics: are told what happens.
        ahead: whether what will be needed is read before anybody asks for it: not for one answer alone.

    Raises:
        StorageUnavailable: The data directory cannot be written.
        CatalogueError: There is no catalogue and none can be imported.
    """
    for slip in slips():
        logger.warning("{}", slip)
    if settings.auth == "off" and settings.oidc_issuer is not None:
        logger.warning(
            "OIDC_ISSUER is set and AUTH=off: everybody is let in, and nobody signs in. AUTH=on asks for it."
        )
    _make_folder(settings.data_dir)
    async with AsyncExitStack() as stack:
        lease = stack.enter_context(Lease(settings.data_dir / "leases"))
        database = await open_database(settings.chat_path, settings.sqlite_synchronous)
        stack.push_async_callback(database.close)
        library = await _open_library(settings, ahead=ahead)
        stack.push_async_callback(library.close)
        provider = make_provider(settings, metrics)
        stack.push_async_callback(provider.close)
        accounts = _make_accounts(settings, database, clock) if settings.auth == "on" else None
        store, sessions, ratings = Store(database), Sessions(database, clock), OwnRatings(database, clock)
        journal = Journal(store, metrics)
        stack.push_async_callback(journal.close)
        quotas, checker = Quotas(settings), SchemaChecker()
        stack.push_async_callback(checker.close)
        contexts = Contexts("full" if settings.offline else settings.llm_tools, settings.llm_context_tokens)
        tools = (library, ratings, checker, quotas)
        resources = Resources(store, journal, provider, contexts, *tools, settings, clock, metrics)
        runs = Runs(resources, lease)
        stack.push_async_callback(runs.close)
        await runs.settler.settle_all()
        posters = Posters(settings)
        stack.push_async_callback(posters.close)
        metrics.watch(partial(_state, runs, journal, library))
        parts = (library, provider, contexts, runs, quotas, checker, clock, posters, metrics)
        yield Marquee(settings, database, store, sessions, Histories(database), accounts, ratings, *parts)


def _make_accounts(settings: Settings, database: Database, clock: Clock) -> Accounts:
    from accounts.accounts import Accounts  # noqa: PLC0415  with it cryptography, which nobody else needs

    return Accounts(AccountStore(database, clock), settings, clock)


def make_provider(settings: Settings, metrics: Metrics = OFF) -> Provider:
    """The configured endpoint, or the offline guide where none is; its requests are traced where traces are."""
    provider = _make_provider(settings, metrics)
    return Traced(provider) if begin_tracing() else provider


def _make_provider(settings: Settings, metrics: Metrics) -> Provider:
    if settings.offline:
        logger.info("No OPENAI_API_KEY and no OPENAI_BASE_URL: the built-in offline guide answers")
        guide = OfflineGuide()
        guide.prepare()
        return guide
    from providers.openai_compatible import OpenAIProvider  # noqa: PLC0415  the SDK takes half a second to import

    logger.info("Answers come from {} at {}", settings.openai_model, settings.address)
    return OpenAIProvider(settings, metrics)


def _state(runs: Runs, journal: Journal, library: Library) -> State:
    """The service as a scrape shows it."""
    catalogue = library.info
    return State(runs.count, journal.followers, journal.pending, catalogue.name, catalogue.version)


async def _open_library(settings: Settings, *, ahead: bool) -> Library:
    """The library, after an import where there is no catalogue or a damaged one."""
    try:
        return await Library.open(settings, ahead=ahead)
    except NoCatalogue as error:
        logger.info("{}; the movies of MOVIELENS_DIR, or the sample, are imported", error)
    await import_catalogue(settings)
    return await Library.open(settings, ahead=ahead)


async def import_catalogue(settings: Settings) -> None:
    """Import the settings' movies in a process of its own (it uses a second copy of SQLite), or wait for who does.

    Raises:
        CatalogueError: The import failed; it has said why on standard error.
    """
    script, *arguments = import_command(settings)
    null = asyncio.subprocess.DEVNULL
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(ROOT / script), *arguments, stdin=null, stdout=null
    )
    try:
        code = await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
    if code != 0:
        raise CatalogueError(f"The movies in {settings.movielens_dir or SAMPLE} could not be imported.")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageUnavailable(f"The data directory {folder} cannot be made: {error.strerror}.") from None
