"""Process leases: every process that shares a data directory holds a lock file of its own while it runs.

The operating system frees the lock of a process that died, however it died, so a run's owner can be told dead.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self

from filelock import FileLock, Timeout

from errors import StorageUnavailable
from storage.records import new_id


class Lease:
    """That of this process, by an id that no other start has."""

    def __init__(self, folder: Path) -> None:
        self.id = new_id("lease")
        self._folder = folder
        self._lock = FileLock(self._path(self.id), mode=0o600)

    def __enter__(self) -> Self:
        """Take the lock.

        Raises:
            StorageUnavailable: The folder cannot be written.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except OSError as error:
            raise StorageUnavailable(f"The data directory {self._folder.parent} cannot be written.") from error
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.release()
        self._path(self.id).unlink(missing_ok=True)

    def is_alive(self, lease_id: str) -> bool:
        """True while the process that holds a lease runs; the file of a dead one is removed."""
        if lease_id == self.id:
            return True
        path = self._path(lease_id)
        if not path.exists():
            return False
        try:
            with FileLock(path, timeout=0, mode=0o600):
                pass
        except Timeout:
            return True
        path.unlink(missing_ok=True)
        return False

    def others(self) -> list[str]:
        """The leases of other processes that run."""
        names = [path.stem for path in self._folder.glob("*.lock") if path.stem != self.id]
        return [name for name in names if self.is_alive(name)]

    def _path(self, lease_id: str) -> Path:
        return self._folder / f"{lease_id}.lock"
