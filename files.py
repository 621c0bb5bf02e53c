"""Files and folders that are replaced whole: what is there is the old one or the new one, whenever the process ends."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.util import cache_from_source
from pathlib import Path
from tempfile import mkdtemp
from typing import Any


@contextmanager
def new_file(target: Path) -> Iterator[Path]:
    """A path beside `target` to write to, put in its place at the end of the block; nothing is kept after an error."""
    part = target.with_name(f"{target.name}.{secrets.token_hex(6)}.part")
    try:
        yield part
        flush(part)
        part.replace(target)
        if os.name == "posix":
            flush(target.parent)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def new_folder(target: Path) -> Iterator[Path]:
    """A folder beside `target` to write into, put in its place at the end of the block; nothing is kept after an error.

    No folder can be renamed over another: between two renames there is only the old one, where `whole_folder` finds it.
    """
    part, old = Path(mkdtemp(prefix=f".{target.name}-", dir=target.parent)), _old(target)
    try:
        yield part
        if target.exists():
            shutil.rmtree(old, ignore_errors=True)
            target.replace(old)
        try:
            part.replace(target)
        except OSError:
            if old.exists():
                old.replace(target)
            raise
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def whole_folder(target: Path) -> Path:
    """The folder to read: `target`, or the old one where a crash left that alone."""
    return _old(target) if _old(target).exists() and not target.exists() else target


def read_toml(path: Path) -> dict[str, Any]:
    """A file of TOML that belongs to the code.

    Parsing one takes twenty times longer than reading JSON, so it is kept as that where Python keeps compiled modules,
    with a digest of the file.
    """
    content = path.read_bytes()
    digest, kept = sha256(content).hexdigest(), Path(cache_from_source(str(path))).with_suffix(".json")
    with suppress(OSError, ValueError):
        of, found = json.loads(kept.read_bytes())
        if of == digest:
            return dict(found)
    found = tomllib.loads(content.decode())
    with suppress(OSError):  # a folder that is not ours to write in
        kept.parent.mkdir(exist_ok=True)
        with new_file(kept) as part:
            part.write_text(json.dumps([digest, found]))
    return found


def flush(path: Path) -> None:
    """Have what is written of a file, or the names in a folder, carried to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _old(target: Path) -> Path:
    return target.with_name(f".{target.name}-old")
