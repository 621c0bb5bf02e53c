"""A disk that can be cut off: what SQLite writes, syncs and deletes, in order, and what a power cut leaves of it.

It listens where SQLite calls the system (its VFS), in the copy of SQLite that the sqlite3 module uses, so the service's
own connections are recorded as they are. What was synced is on the disk; each other write is there whole or not at all.
A deleted file is gone at once.
"""

from __future__ import annotations

import _sqlite3  # the library behind sqlite3
import ctypes
import random
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pytest

_int, _pointer = ctypes.c_int, ctypes.c_void_p
# A name is passed on as the pointer it is: SQLite keeps that of a file for as long as the file is open.
_XOpen = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _pointer, _int, _pointer)
_XDelete = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int)
_XWrite = ctypes.CFUNCTYPE(_int, _pointer, _pointer, _int, ctypes.c_int64)
_XTruncate = ctypes.CFUNCTYPE(_int, _pointer, ctypes.c_int64)
_XSync = ctypes.CFUNCTYPE(_int, _pointer, _int)


class _VFS(ctypes.Structure):
    """The beginning of `sqlite3_vfs`."""

    _fields_ = [
        *((name, _int) for name in ("iVersion", "szOsFile", "mxPathname")),
        *((name, _pointer) for name in ("pNext", "zName", "pAppData")),
        ("xOpen", _XOpen),
        ("xDelete", _XDelete),
    ]


class _Methods(ctypes.Structure):
    """`sqlite3_io_methods`, version 3."""

    _fields_ = [
        ("iVersion", _int),
        *((name, _pointer) for name in ("xClose", "xRead")),
        ("xWrite", _XWrite),
        ("xTruncate", _XTruncate),
        ("xSync", _XSync),
        ("others", _pointer * 13),
    ]


class _File(ctypes.Structure):
    _fields_ = [("methods", ctypes.POINTER(_Methods))]


class Done(NamedTuple):
    """One thing that was done to a file. `acknowledged` is ours: a commit was reported to its caller."""

    kind: Literal["write", "truncate", "sync", "delete", "acknowledged"]
    path: Path = Path()
    offset: int = 0
    data: bytes = b""


class Recorder:
    """What was done to the files, in order."""

    def __init__(self) -> None:
        self.log: list[Done] = []
        self._paths: dict[int, Path] = {}
        self._kept: list[Any] = []  # what SQLite holds pointers to

    def acknowledge(self) -> None:
        self.log.append(Done("acknowledged"))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Record every file that is opened meanwhile. All must be closed before the end."""
        try:
            find = ctypes.CDLL(getattr(_sqlite3, "__file__", None)).sqlite3_vfs_find
        except AttributeError:
            pytest.skip("this Python hides its SQLite")
        find.restype = ctypes.POINTER(_VFS)
        vfs = find(None).contents
        plain = _VFS.from_buffer_copy(vfs)
        vfs.xOpen, vfs.xDelete = self._open_like(plain), self._delete_like(plain)
        try:
            yield
        finally:
            vfs.xOpen, vfs.xDelete = plain.xOpen, plain.xDelete

    def _open_like(self, plain: _VFS) -> Any:
        def xopen(vfs: int, name: int | None, file: int, flags: int, out: int | None) -> int:
            result = int(plain.xOpen(vfs, name, file, flags, out))
            if result == 0 and name is not None:
                self._paths[file] = _path(name)
                opened = _File.from_address(file)
                methods = self._recording(opened.methods.contents)
                opened.methods = ctypes.pointer(methods)
                self._kept.append(methods)
            return result

        return self._keep(_XOpen(xopen))

    def _delete_like(self, plain: _VFS) -> Any:
        def xdelete(vfs: int, name: int, sync: int) -> int:
            self.log.append(Done("delete", _path(name)))
            return int(plain.xDelete(vfs, name, sync))

        return self._keep(_XDelete(xdelete))

    def _recording(self, methods: _Methods) -> _Methods:
        """The methods of a file; those that change it are recorded first, a sync when it is done."""
        plain, recording = _Methods.from_buffer_copy(methods), _Methods.from_buffer_copy(methods)

        def xwrite(file: int, data: int, size: int, offset: int) -> int:
            self.log.append(Done("write", self._paths[file], offset, ctypes.string_at(data, size)))
            return int(plain.xWrite(file, data, size, offset))

        def xtruncate(file: int, size: int) -> int:
            self.log.append(Done("truncate", self._paths[file], size))
            return int(plain.xTruncate(file, size))

        def xsync(file: int, flags: int) -> int:
            result = int(plain.xSync(file, flags))
            self.log.append(Done("sync", self._paths[file]))
            return result

        recording.xWrite, recording.xTruncate = self._keep(_XWrite(xwrite)), self._keep(_XTruncate(xtruncate))
        recording.xSync = self._keep(_XSync(xsync))
        return recording

    def _keep(self, function: Any) -> Any:
        self._kept.append(function)
        return function


class Disk:
    """Files as they are after part of a log."""

    def __init__(self) -> None:
        self.acknowledged = 0
        self._synced: dict[Path, bytearray] = {}
        self._unsynced: defaultdict[Path, list[Done]] = defaultdict(list)

    def take(self, done: Done) -> None:
        if done.kind == "acknowledged":
            self.acknowledged += 1
        elif done.kind == "delete":
            self._synced.pop(done.path, None)
            self._unsynced.pop(done.path, None)
        elif done.kind == "sync":
            _apply(self._synced.setdefault(done.path, bytearray()), self._unsynced.pop(done.path, []))
        else:
            self._unsynced[done.path].append(done)

    def leave(self, folder: Path, share: float, chance: random.Random) -> None:
        """Put the files into a folder with a share of what was not synced: 0 is a power cut, 1 a killed process."""
        folder.mkdir()
        for path in self._synced.keys() | self._unsynced.keys():
            content = bytearray(self._synced.get(path, b""))
            _apply(content, [done for done in self._unsynced[path] if chance.random() < share])
            (folder / path.name).write_bytes(content)


def _path(name: int) -> Path:
    return Path(ctypes.string_at(name).decode())


def _apply(content: bytearray, changes: list[Done]) -> None:
    for done in changes:
        if done.kind == "truncate":
            del content[done.offset :]
        content.extend(bytes(max(0, done.offset - len(content))))
        content[done.offset : done.offset + len(done.data)] = done.data
