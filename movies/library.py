"""The catalogue and its recommender as one consistent pair, taken up anew when a file is replaced.

Whoever is in the middle of something keeps the pair they have; it is closed when the last one is done.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING
from zipfile import BadZipFile

import numpy as np
from filelock import FileLock, Timeout
from loguru import logger
from threadpoolctl import threadpool_limits

from errors import CatalogueError
from movies.arrays import load_movies
from movies.linking import Linker
from movies.models import CatalogueInfo, Filters
from movies.reader import Catalogue
from recommend import TO_BE_TUNED, UNFITTED, About, Recommender
from settings import ROOT, Settings
from taste.interactions import Indices, Longs, Mask

if TYPE_CHECKING:
    from movies.embeddings import Embedder, Meanings

WATCH_SECONDS = 1.0
SMALL = 200_000  # ratings, up to which a catalogue is fitted within moments, and the first answer waits for it
PATIENCE = 30.0  # seconds that it waits at most; two are enough where the machine has nothing else to do
SAMPLE = ROOT / "data" / "sample"

NO_MODEL = (OSError, EOFError, BadZipFile, ValueError, KeyError, TypeError)  # what numpy and JSON say of a bad file


@dataclass(eq=False, slots=True)
class Snapshot:
    """One catalogue with the recommender for it. Knows how movie ids and the recommender's indexes belong together.

    The recommender is read when it is first needed (`ready`): opening waits for nothing that an answer may do without.
    """

    catalogue: Catalogue
    read: Callable[[], Recommender]
    kept: About | None
    meanings: Meanings | None = None
    users: int = 0
    _recommender: Recommender | None = None
    _reading: Lock = field(default_factory=Lock)
    _linker: asyncio.Task[Linker] | None = None
    _unlinkable: str = ""

    @property
    def info(self) -> CatalogueInfo:
        return self.catalogue.info

    @property
    def recommender(self) -> Recommender:
        """The model, or popularity and content alone where there is none."""
        with self._reading:
            if self._recommender is None:
                self._recommender = self.read()
            return self._recommender

    @property
    def about(self) -> About:
        """The model, as far as it can be told without reading it."""
        return self._recommender.about if self._recommender else self.kept or UNFITTED

    @property
    def movie_ids(self) -> Longs:
        """Ids of the recommender's movies by their index, int64."""
        return self.recommender.movies.movie_ids

    async def ready(self) -> None:
        """Have the recommender read, in a thread.

        Raises:
            CatalogueError: The catalogue cannot be read.
        """
        if self._recommender is None:
            await asyncio.to_thread(lambda: self.recommender)

    def indexes(self, movie_ids: Iterable[int]) -> Indices:
        """Recommender indexes of the ids that the catalogue has; int32, in the given order."""
        wanted = np.fromiter(movie_ids, np.int64)
        places = np.searchsorted(self.movie_ids, wanted).clip(max=max(len(self.movie_ids) - 1, 0))
        return (
            places[self.movie_ids[places] == wanted].astype(np.int32) if len(self.movie_ids) else np.empty(0, np.int32)
        )

    def ids(self, indexes: Indices) -> list[int]:
        """Movie ids of recommender indexes."""
        return [int(movie_id) for movie_id in self.movie_ids[indexes]]

    async def linker(self) -> Linker:
        """The linker of the catalogue's titles, genres, tags and people, built in a thread when first asked for.

        Raises:
            CatalogueError: The catalogue cannot be read now, or never as far as linking goes; callers do without.
        """
        if self._unlinkable:
            raise CatalogueError(self._unlinkable)
        if self._linker is None or (self._linker.done() and (self._linker.cancelled() or self._linker.exception())):
            self._linker = asyncio.create_task(self._build_linker(), name="linker")
        return await asyncio.shield(self._linker)

    def stop(self) -> None:
        """Give up building a linker."""
        if self._linker is not None:
            self._linker.cancel()

    async def _build_linker(self) -> Linker:
        try:
            movies, genres, tags = await self.catalogue.link_rows()
            people = await self.catalogue.people_rows()
            return await asyncio.to_thread(Linker.build, movies, genres, tags, people)
        except CatalogueError:
            raise
        except Exception as error:
            logger.opt(exception=error).debug("No linker could be built")
            self._unlinkable = f"Titles cannot be found in texts: {error!r}"
            raise CatalogueError(self._unlinkable) from error

    async def allowed(self, filters: Filters) -> Mask | None:
        """A mask of the movies that pass, bool [n_movies]; None where every one does."""
        if filters == Filters():
            return None
        mask = np.zeros(len(self.movie_ids), bool)
        mask[self.indexes(await self.catalogue.matching(filters))] = True
        return mask


@dataclass(frozen=True, slots=True)
class _Chore:
    """Work on the data in a process of its own, what it is for, and the lock that keeps other services from it."""

    command: Sequence[str]
    process: asyncio.subprocess.Process
    version: str
    lock: FileLock
    follower: asyncio.Task[None]


class Library:
    """The current snapshot of a data directory, opened by `open()`."""

    def __init__(self, settings: Settings, *, work: bool, ahead: bool) -> None:
        self._settings, self._work, self._ahead = settings, work, ahead
        self._embedder = _make_embedder(settings) if settings.embeddings_model else None
        self._snapshot: Snapshot | None = None
        self._seen: tuple[object, ...] = ()
        self._watcher: asyncio.Task[None] | None = None
        self._chores: dict[str, _Chore] = {}
        self._troubles: dict[str, str] = {}
        self._said: dict[str, str] = {}  # of each chore, the stage it is at
        self._wake = asyncio.Event()
        self._settled = asyncio.Event()
        self._patient_until = 0.0
        self._retiring: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, settings: Settings, *, work: bool = True, ahead: bool = True) -> Library:
        """Open what is there.

        Args:
            settings: say where.
            work: whether what is missing (the fitted model, vectors) is made beside the service.
            ahead: whether what will be needed is read before anybody asks for it, and what takes minutes is made; a
                process of one answer waits for neither.

        Raises:
            NoCatalogue: There is none, or it is damaged.
            CatalogueError: It cannot be read.
        """
        library = cls(settings, work=work, ahead=ahead)
        await library._take_up()
        library._watcher = asyncio.create_task(library._watch(), name="library")
        return library

    async def close(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            await asyncio.wait({self._watcher})
        for name in list(self._chores):
            await self._stop(name)
        if self._retiring is not None:
            await self._retiring
        if self._snapshot is not None:
            self._snapshot.stop()
            await self._snapshot.catalogue.close()
        if self._embedder is not None:
            await self._embedder.close()

    @asynccontextmanager
    async def use(self, *, patient: bool = True) -> AsyncIterator[Snapshot]:
        """The current snapshot, kept open until the end of the block.

        Args:
            patient: whether the first fit of a small catalogue is waited for: the same question would get other movies
                a moment later.
        """
        if patient and not self._settled.is_set():
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._patient_until):
                    await self._settled.wait()
        snapshot = self._current
        snapshot.users += 1
        try:
            yield snapshot
        finally:
            snapshot.users -= 1
            if snapshot is not self._snapshot and snapshot.users == 0:
                await snapshot.catalogue.close()

    @property
    def info(self) -> CatalogueInfo:
        """The catalogue in use."""
        return self._current.info

    @property
    def problems(self) -> list[str]:
        """The troubles of the moment, for whoever looks after the service."""
        return list(self._troubles.values())

    @property
    def fitting(self) -> bool:
        """True while a model is being fitted."""
        fit = self._chores.get("fit")
        return fit is not None and fit.process.returncode is None

    @property
    def tuning(self) -> str | None:
        """The stage at which the choice of parameters is, while one goes on."""
        tune = self._chores.get("tune")
        return self._said.get("tune", "begun") if tune is not None and tune.process.returncode is None else None

    async def _watch(self) -> None:
        """Take up replaced files, and see to it that what is missing gets made."""
        while True:
            self._wake.clear()
            try:
                await self._look()
                if self._work:
                    await self._see_to_chores()
                if self._ahead:
                    await self._current.ready()
                    await self._current.catalogue.warm()
                    await self._warm_linker()
            except (CatalogueError, OSError) as error:
                self._note("library", f"The data directory cannot be looked after: {error}.")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), WATCH_SECONDS)

    def _await_fit(self) -> None:
        """Have callers wait for a fit that is soon to come."""
        snapshot = self._current
        soon = self._work and not snapshot.about.fitted and 0 < snapshot.info.ratings <= SMALL
        self._patient_until = asyncio.get_running_loop().time() + PATIENCE
        if soon:
            self._settled.clear()
        else:
            self._settled.set()

    async def _warm_linker(self) -> None:
        try:
            await self._current.linker()
        except CatalogueError as error:
            self._note("linker", f"{error}; the service does without.")

    async def _look(self) -> None:
        """Take up what was replaced, and what was damaged under us once it is whole again; the old one serves on."""
        marks, doubtful = self._marks(), not self._current.catalogue.intact
        if marks == self._seen and not (doubtful and "catalogue" not in self._troubles):
            return
        try:
            await self._take_up(doubtful=doubtful)
        except CatalogueError as error:
            self._seen = marks
            instead = "movie data cannot be read until it is replaced" if doubtful else "the old one serves on"
            self._note("catalogue", f"{error}; {instead}.")

    @property
    def _current(self) -> Snapshot:
        assert self._snapshot is not None
        return self._snapshot

    def _note(self, what: str, trouble: str) -> None:
        """Say a trouble in the log, once, and to whoever asks for `problems`."""
        if self._troubles.get(what) != trouble:
            self._troubles[what] = trouble
            logger.error(trouble)

    async def _see_to_chores(self) -> None:
        """Have made what is missing: the model, the vectors, and a catalogue where the one in use was damaged."""
        snapshot = self._current
        damaged = not snapshot.catalogue.intact
        await self._see_to("import", import_command(self._settings), str(self._marks()[0]), wanted=damaged)
        about, version = snapshot.about, snapshot.info.version
        unfitted = not damaged and not about.fitted and snapshot.info.ratings > 0
        await self._see_to("fit", ("recommend.py", "fit", "--to-be-tuned"), version, wanted=unfitted)
        untuned = not damaged and self._ahead and about.tuning == TO_BE_TUNED
        await self._see_to("tune", ("recommend.py", "tune"), version, wanted=untuned)
        wanted = not damaged and self._ahead and self._embedder is not None and snapshot.meanings is None
        await self._see_to("embed", ("recommend.py", "embed"), version, wanted=wanted)

    async def _see_to(self, name: str, command: Sequence[str], version: str, *, wanted: bool) -> None:
        """Start a chore that is wanted, note that one failed, stop one whose catalogue was replaced meanwhile."""
        chore = self._chores.get(name)
        if chore is not None and chore.version != version:
            await self._stop(name)
            chore = None
        if chore is None and wanted:
            await self._start(name, command, version)
        elif chore is not None and chore.process.returncode is not None:
            chore.lock.release()
            if name == "fit" and self._marks() == self._seen:
                self._settled.set()
            if chore.process.returncode != 0:
                self._note(name, f"`{' '.join(chore.command)}` failed; the service does without.")

    async def _start(self, name: str, command: Sequence[str], version: str) -> None:
        """Start a chore, unless another service over the same data does it, or has just done it."""
        lock = FileLock(self._settings.data_dir / f"{name}.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return
        if self._marks() != self._seen:
            lock.release()
            return
        environment = {**os.environ, "DATA_DIR": str(self._settings.data_dir)}
        null, pipe = asyncio.subprocess.DEVNULL, asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(ROOT / command[0]), *command[1:], stdin=null, stdout=pipe, env=environment
        )
        self._chores[name] = _Chore(command, process, version, lock, asyncio.create_task(self._follow(name, process)))

    async def _follow(self, name: str, process: asyncio.subprocess.Process) -> None:
        """Take down the stages that a chore says it is at, a line each, and look at once when it is done."""
        assert process.stdout is not None
        async for line in process.stdout:
            self._said[name] = line.decode(errors="replace").strip()
            logger.debug("{}: {}", name, self._said[name])
        await process.wait()
        self._wake.set()

    async def _stop(self, name: str) -> None:
        chore = self._chores.pop(name)
        if chore.process.returncode is None:
            chore.process.terminate()
            await chore.process.wait()
        chore.follower.cancel()
        chore.lock.release()

    async def _take_up(self, *, doubtful: bool = False) -> None:
        """Open the files as they are now and put them in the place of the current snapshot."""
        marks = self._marks()
        snapshot = await self._open_snapshot(doubtful=doubtful)
        old, self._snapshot, self._seen, self._troubles = self._snapshot, snapshot, marks, {}
        info, about = snapshot.info, snapshot.about
        logger.info(
            "Catalogue {}: {} movies, {} ratings; recommender {}", info.name, info.movies, info.ratings, about.version
        )
        if about.tuning not in (None, TO_BE_TUNED) and (old is None or old.about.tuning != about.tuning):
            logger.info("The recommender's parameters: {}", about.tuning)
        self._await_fit()
        if old is not None and old.users == 0:
            self._retiring = asyncio.create_task(old.catalogue.close())
            await asyncio.shield(self._retiring)

    async def _open_snapshot(self, *, doubtful: bool) -> Snapshot:
        catalogue = await Catalogue.open(self._settings.catalogue_path, doubtful=doubtful)
        version = catalogue.info.version
        return Snapshot(
            catalogue, partial(self._read, version), self._about_model(version), self._load_meanings(version)
        )

    def _about_model(self, version: str) -> About | None:
        """The fitted model, if there is one that belongs to this catalogue."""
        try:
            return About.read(self._settings.model_path, version)
        except NO_MODEL as error:
            logger.debug("No fitted recommender: {}", error)
            return None

    def _read(self, version: str) -> Recommender:
        """The fitted one if it belongs to this catalogue, else one that needs no fit."""
        try:
            recommender = Recommender.load(self._settings.model_path, version)
        except NO_MODEL as error:
            logger.debug("The recommender cannot be read: {}", error)
            recommender = Recommender.unfitted(load_movies(self._settings.catalogue_path))
        threadpool_limits(1, "blas")  # a request's products are small: threads cost them more than they bring
        return recommender

    def _load_meanings(self, version: str) -> Meanings | None:
        """The movies' vectors, where they are configured and made."""
        if self._embedder is None or self._settings.embeddings_model is None:
            return None
        from movies.embeddings import load  # noqa: PLC0415  as below

        try:
            return load(self._settings.embeddings_path, version, self._embedder, self._settings.embeddings_model)
        except NO_MODEL as error:
            logger.debug("No vectors: {}", error)
            return None

    def _marks(self) -> tuple[object, ...]:
        """Marks of the files, to see that one of them was replaced."""
        paths = (self._settings.catalogue_path, self._settings.model_path, self._settings.embeddings_path)
        return tuple(map(_mark, paths))


def import_command(settings: Settings) -> tuple[str, ...]:
    """The script and arguments that bring in the movies of the settings, where no whole catalogue is there."""
    source = settings.movielens_dir or SAMPLE
    return "movielens.py", "import", "--if-needed", str(source), "--data-dir", str(settings.data_dir)


def _make_embedder(settings: Settings) -> Embedder:
    from movies.embeddings import make_embedder  # noqa: PLC0415  few have a model of meaning

    return make_embedder(settings)


def _mark(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_mtime_ns
