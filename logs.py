"""Logging: loguru to standard error, as text or as JSON lines. The libraries' own loggers are sent the same way."""

from __future__ import annotations

import json
import logging
import sys
from typing import TYPE_CHECKING

from loguru import logger

from settings import Settings
from text import printable

if TYPE_CHECKING:
    from loguru import Record

TEXT = "<dim>{time:HH:mm:ss.SSS}</dim> <level>{level:<7}</level> {message}"
QUIET = ("uvicorn.access", "httpx", "httpx2", "openai", "sse_starlette", "aiosqlite", "filelock", "asyncio")


class _Forward(logging.Handler):
    """Hands records of the standard library's loggers over."""

    def emit(self, record: logging.LogRecord) -> None:
        level = record.levelname if record.levelname in ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL") else "INFO"
        logger.opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def set_up(settings: Settings) -> None:
    """Send everything from `settings.log_level` on to standard error in `settings.log_format`."""
    logger.remove()
    logger.configure(patcher=harmless)
    if settings.log_format == "json":
        logger.add(_write_json, level=settings.log_level)
    else:
        logger.add(sys.stderr, level=settings.log_level, format=TEXT, diagnose=False)
    logging.basicConfig(handlers=[_Forward()], level=logging.INFO, force=True)
    for name in ("uvicorn", "uvicorn.error"):
        logging.getLogger(name).handlers = []
        logging.getLogger(name).propagate = True
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def harmless(record: Record) -> None:
    """Escape the control characters of a record: its words may be a stranger's, and a terminal may show it."""
    record["message"] = printable(record["message"])


def _write_json(message: object) -> None:
    """One line of JSON a record: time, level, message, and whatever the record was bound to."""
    record: Record = message.record  # type: ignore[attr-defined]
    entry = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "message": record["message"],
        **record["extra"],
    }
    if record["exception"] is not None:
        entry["exception"] = str(message).rstrip()
    sys.stderr.write(json.dumps(entry, default=str, ensure_ascii=False) + "\n")
