"""Sources of files: a folder, a zip, the sites of GroupLens and IMDb. Nothing in here knows what is in a file.

A zip is read in place and never unpacked, so that no entry of it can land anywhere.
"""

from __future__ import annotations

import hashlib
import re
import stat
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from pathlib import Path, PurePosixPath
from typing import IO, TypeAlias

import httpx

from errors import CatalogueError
from files import new_file

EDITIONS = ("ml-latest-small", "ml-latest", "ml-32m", "ml-25m", "ml-20m", "ml-10m", "ml-1m")
GROUPLENS = "https://files.grouplens.org/datasets/movielens/"
IMDB = "https://datasets.imdbws.com/"

MAX_UNPACKED = 64 * 2**30
MAX_RATIO = 200  # CSV of ratings packs to a quarter, the worst text hardly to a hundredth
ATTEMPTS = 4
BLOCK = 2**20

Progress = Callable[[str, int, int], None]  # what is read, bytes done, bytes in all (0: not known)

_DRIVE = re.compile(r"^[A-Za-z]:")
_MD5 = re.compile(r"\b[0-9a-fA-F]{32}\b")


class Folder:
    """The files of one folder on disk."""

    def __init__(self, path: Path) -> None:
        self.path, self.name = path, path.resolve().name

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self.path.iterdir() if entry.is_file())

    def size(self, file: str) -> int:
        return (self.path / file).stat().st_size

    def open(self, file: str) -> IO[bytes]:
        return (self.path / file).open("rb")

    def close(self) -> None:
        """Nothing is held open."""


class Zip:
    """The files of a zip, at its top or in its one top folder; the whole of it is refused if any entry is unsafe."""

    def __init__(self, path: Path) -> None:
        self.name = path.stem
        try:
            self._zip = zipfile.ZipFile(path)
        except zipfile.BadZipFile as error:
            raise CatalogueError(f"{path.name} is not a zip file, or is cut off") from error
        entries = [entry for entry in self._zip.infolist() if not entry.is_dir()]
        try:
            _refuse_unsafe(path.name, self._zip.infolist())
            self._entries = _by_plain_name(path.name, entries)
        except CatalogueError:
            self._zip.close()
            raise

    def names(self) -> list[str]:
        return sorted(self._entries)

    def size(self, file: str) -> int:
        return self._entries[file].file_size

    def open(self, file: str) -> IO[bytes]:
        return self._zip.open(self._entries[file])

    def close(self) -> None:
        self._zip.close()


Source: TypeAlias = Folder | Zip


def open_source(path: Path) -> Source:
    """Open a folder or a zip.

    Raises:
        CatalogueError: there is nothing at `path`, or it is neither, or the zip is unsafe.
    """
    if path.is_dir():
        return Folder(path)
    if not path.exists():
        raise CatalogueError(f"There is nothing at {path}")
    return Zip(path)


def download(edition: str, folder: Path, base_url: str, progress: Progress) -> Path:
    """Fetch an edition's zip into `folder`, verified by its published MD5; a good copy that is there already is kept.

    A broken connection is taken up where it broke, a few times; what is not whole and verified never gets the zip's
    name, and nothing of it stays behind.

    Raises:
        CatalogueError: unknown edition, no connection, a refusal by the server, or a wrong MD5.
    """
    if edition not in EDITIONS:
        raise CatalogueError(f"There is no edition {edition!r} to download. Known: {', '.join(EDITIONS)}")
    url = base_url.rstrip("/") + f"/{edition}.zip"
    target = folder / f"{edition}.zip"
    folder.mkdir(parents=True, exist_ok=True)
    with _client(url) as client:
        md5 = _published_md5(client, url + ".md5")
        if not (target.exists() and _md5_of(target) == md5):
            _fetch_whole(client, url, target, progress, md5)
    return target


def download_files(names: Iterable[str], folder: Path, base_url: str, progress: Progress) -> Path:
    """Fetch files into `folder`; one that is there already is kept while the site has no newer one.

    Raises:
        CatalogueError: no connection, or a refusal by the server.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        url, target = base_url.rstrip("/") + f"/{name}", folder / name
        with _client(url) as client:
            if not (target.exists() and _is_current(client, url, target)):
                _fetch_whole(client, url, target, progress)
    return folder


@contextmanager
def _client(url: str) -> Iterator[httpx.Client]:
    """A client for one file, whose failures are said in words."""
    try:
        with httpx.Client(follow_redirects=True, timeout=httpx.Timeout(60, connect=15)) as client:
            yield client
    except httpx.HTTPStatusError as error:
        raise CatalogueError(f"{error.request.url} answered {error.response.status_code}") from error
    except httpx.HTTPError as error:
        raise CatalogueError(f"{url} cannot be fetched: {error or type(error).__name__}") from error


def _is_current(client: httpx.Client, url: str, target: Path) -> bool:
    """True where the site's file is no newer than ours, and as long."""
    response = client.head(url, headers={"Accept-Encoding": "identity"}).raise_for_status()
    status, changed = target.stat(), response.headers.get("Last-Modified", "")
    try:
        newer = parsedate_to_datetime(changed).timestamp() > status.st_mtime
    except ValueError:  # not told
        newer = True
    return not newer and response.headers.get("Content-Length") == str(status.st_size)


def _published_md5(client: httpx.Client, url: str) -> str:
    response = client.get(url).raise_for_status()
    match = _MD5.search(response.text)
    if match is None:
        raise CatalogueError(f"{url} holds no MD5")
    return match[0].lower()


def _fetch_whole(client: httpx.Client, url: str, target: Path, progress: Progress, md5: str | None = None) -> None:
    for stale in target.parent.glob(f"{target.name}.*.part"):
        stale.unlink(missing_ok=True)
    with new_file(target) as part:
        with part.open("wb") as file:
            _fetch_with_retries(client, url, file, progress)
        if md5 is not None and _md5_of(part) != md5:
            raise CatalogueError(f"{url} does not match its published MD5 {md5}: it was not kept")


def _fetch_with_retries(client: httpx.Client, url: str, file: IO[bytes], progress: Progress) -> None:
    headers = {"Accept-Encoding": "identity"}
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _fetch_rest(client, url, file, progress, headers)
        except httpx.TransportError:
            if attempt == ATTEMPTS:
                raise
        else:
            return


def _fetch_rest(client: httpx.Client, url: str, file: IO[bytes], progress: Progress, headers: dict[str, str]) -> None:
    """Append what is missing of the file; a server that ignores the range, or has another file now, sends all again."""
    done = file.tell()
    if done:
        headers["Range"] = f"bytes={done}-"
    with client.stream("GET", url, headers=headers) as response:
        response.raise_for_status()
        if etag := response.headers.get("ETag"):
            headers["If-Range"] = etag
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            done = file.seek(0)
            file.truncate()
        total = done + int(response.headers.get("Content-Length", -done))
        for block in response.iter_raw():
            done += file.write(block)
            progress(url.rsplit("/", 1)[-1], done, total)


def _md5_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _refuse_unsafe(name: str, entries: list[zipfile.ZipInfo]) -> None:
    for entry in entries:
        parts = PurePosixPath(entry.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or _DRIVE.match(entry.filename) or "\0" in entry.filename:
            raise CatalogueError(f"{name} is refused: its entry {entry.filename!r} leaves the folder")
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise CatalogueError(f"{name} is refused: its entry {entry.filename!r} is a link")
        if entry.flag_bits & 1:
            raise CatalogueError(f"{name} is refused: its entry {entry.filename!r} is encrypted")
        if entry.file_size > BLOCK and entry.file_size > MAX_RATIO * max(entry.compress_size, 1):
            raise CatalogueError(f"{name} is refused: its entry {entry.filename!r} unpacks to far more than it holds")
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise CatalogueError(f"{name} is refused: it unpacks to more than {MAX_UNPACKED // 2**30} GiB")


def _by_plain_name(name: str, entries: list[zipfile.ZipInfo]) -> dict[str, zipfile.ZipInfo]:
    """Index the files by plain name; all must lie in one place, since two `ratings.csv` would leave a choice."""
    wanted = [entry for entry in entries if not PurePosixPath(entry.filename).parts[0].startswith(("__MACOSX", "."))]
    folders = {str(PurePosixPath(entry.filename).parent) for entry in wanted if _is_data(entry.filename)}
    if len(folders) > 1:
        raise CatalogueError(
            f"{name} is refused: its data files lie in more than one folder: {', '.join(sorted(folders))}"
        )
    files = {PurePosixPath(entry.filename).name: entry for entry in wanted if _is_data(entry.filename)}
    if len(files) < sum(_is_data(entry.filename) for entry in wanted):
        raise CatalogueError(f"{name} is refused: two of its entries have the same name")
    return files


def _is_data(file: str) -> bool:
    return file.endswith((".csv", ".dat", "catalogue.toml"))
