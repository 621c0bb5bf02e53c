"""Logging: loguru to standard error, as text or as JSON lines, and to a file. The libraries' loggers go the same way.

A line of JSON has `time`, `level`, `message`, and, where it belongs to one, `request_id`, `account`, `session`, `run`
and the `code` of an error. No line has a secret of the settings.
"""

from __future__ import annotations

import json
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextvars import ContextVar
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit
from uuid import uuid4

from loguru import logger
from pydantic import SecretStr

from errors import StorageUnavailable
from settings import Settings
from text import printable

if TYPE_CHECKING:
    from loguru import Record

TEXT = "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level:<7}</level> {message}"
QUIET = ("uvicorn.access", "httpx", "httpx2", "openai", "sse_starlette", "aiosqlite", "filelock", "asyncio", "mcp")
SHORTEST_SECRET = 8  # characters: local servers take any key, and people give them `x`
REQUEST_ID: ContextVar[str | None] = ContextVar("request_id", default=None)  # of the request that is being answered
_SANE_ID = re.compile(r"[\w.:/+=@-]{1,128}", re.ASCII)


def request_id_of(given: str | None) -> str:
    """The id that a client gave its request, if it is fit for a log and a header; else a new one."""
    return given if given is not None and _SANE_ID.fullmatch(given) else uuid4().hex[:12]


def set_up(settings: Settings) -> None:
    """Send everything from `settings.log_level` on to standard error, and to `settings.log_file` as JSON lines.

    Raises:
        StorageUnavailable: The file cannot be written.
    """
    cleaner = Cleaner(settings)
    logger.remove()
    logger.configure(patcher=_complete)
    form = cleaner.json_line if settings.log_format == "json" else TEXT
    logger.add(_StandardError(cleaner), level=settings.log_level, format=form, diagnose=False)
    if settings.log_file is not None:
        _add_file(settings, cleaner)
    logging.basicConfig(handlers=[_Forward()], level=logging.INFO, force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def harmless(record: Record) -> None:
    """Escape the control characters of a record: its words may be a stranger's, and a terminal may show it."""
    record["message"] = printable(record["message"])


class Cleaner:
    """Takes the secrets of the settings out of what is logged; wherever they came from, an error's text or a URL."""

    def __init__(self, settings: Settings) -> None:
        found = {secret for secret in _secrets(settings) if len(secret) >= SHORTEST_SECRET}
        self._secrets = sorted(found | {json.dumps(secret)[1:-1] for secret in found}, key=len, reverse=True)

    def clean(self, text: str) -> str:
        """The text with `***` in the place of every secret."""
        for secret in self._secrets:
            text = text.replace(secret, "***")
        return text

    def json_line(self, record: Record) -> str:
        """A record as one line of JSON, in the form of loguru's templates, where braces and `<` mean something."""
        entry = {
            "time": record["time"].isoformat(),
            "level": record["level"].name,
            "message": record["message"],
            **record["extra"],
        }
        if record["exception"] is not None:
            entry["exception"] = "".join(traceback.format_exception(record["exception"].value))
        line = self.clean(json.dumps(entry, default=str, ensure_ascii=False))
        return line.replace("<", "\\u003c").replace("{", "{{").replace("}", "}}") + "\n"


class _StandardError:
    """Standard error as it is at the moment, to which no secret is written."""

    def __init__(self, cleaner: Cleaner) -> None:
        self._cleaner = cleaner

    def write(self, text: str) -> None:
        sys.stderr.write(self._cleaner.clean(text))
        sys.stderr.flush()

    def isatty(self) -> bool:
        """True for a terminal, which has colours."""
        return sys.stderr.isatty()


class _Forward(logging.Handler):
    """Hands records of the standard library's loggers over."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname if record.levelname in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL") else "INFO"
        logger.opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def _complete(record: Record) -> None:
    harmless(record)
    if (request_id := REQUEST_ID.get()) is not None:
        record["extra"].setdefault("request_id", request_id)


def _add_file(settings: Settings, cleaner: Cleaner) -> None:
    """Log to the file, which is its owner's alone. Several processes may share it: each looks before it writes."""
    assert settings.log_file is not None
    try:
        logger.add(
            settings.log_file,
            level=settings.log_level,
            format=cleaner.json_line,
            rotation=settings.log_rotation,
            retention=int(settings.log_retention) if settings.log_retention.isdigit() else settings.log_retention,
            watch=True,
            opener=lambda path, flags: os.open(path, flags, 0o600),
        )
    except OSError as error:
        raise StorageUnavailable(f"LOG_FILE {settings.log_file} cannot be written: {error.strerror}.") from error


def _secrets(settings: Settings) -> Iterator[str]:
    for name in type(settings).model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            yield value.get_secret_value()
        elif password := urlsplit(str(value)).password if name.endswith("_url") and value else None:
            yield from (password, unquote(password))
