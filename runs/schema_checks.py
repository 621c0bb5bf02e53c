"""Checks by JSON Schema off the event loop, in processes that can be stopped: a thread that hangs cannot.

Which checks, and what ends them, is in json_schema.py.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import JsonValue

import json_schema
from errors import InvalidField

WORKERS = 2
STALLED_SECONDS = 30.0  # of the clock, the start of the process included: its own limit is of processor time
ANSWER_BYTES = 1_000_000

_SCRIPT = Path(json_schema.__file__)
_TOO_LONG = "takes longer to check than the time that there is for it"
_UNFINISHED = "could not be checked"


class _Unfinished(Exception):
    """The check came to no end; the text says why."""


class SchemaChecker:
    """Asks processes that are started when there is something to check."""

    def __init__(self) -> None:
        self._slots = asyncio.Semaphore(WORKERS)
        self._workers: set[Process] = set()
        self._idle: list[Process] = []

    async def check_schemas(self, schemas: Mapping[str, JsonValue]) -> None:
        """Return where all can be used, each given under its path in the request.

        Raises:
            InvalidField: What is wrong with the first that cannot.
        """
        if not schemas:
            return
        paths = list(schemas)
        try:
            bad = await self._ask(json.dumps(list(schemas.values())).encode(), None)
        except _Unfinished as error:
            raise InvalidField(paths[0], f"The schema {error}.") from None
        if bad is not None:
            place, reason = bad
            raise InvalidField(paths[place], f"The schema cannot be used: {reason}.")

    async def document_problem(self, schema: JsonValue, text: str) -> str | None:
        """The problems of a JSON document by a schema; None where it is valid."""
        try:
            problems = await self._ask(json.dumps(schema).encode(), text.encode())
        except _Unfinished as error:
            return f"The document {error}."
        return " ".join(problems) or None

    async def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            if worker.returncode is None:
                worker.kill()
        for worker in self._workers:
            await worker.wait()

    async def _ask(self, schema: bytes, document: bytes | None) -> Any:
        request = b"%d %d\n" % (len(schema), -1 if document is None else len(document)) + schema + (document or b"")
        async with self._slots:
            worker = await self._worker()
            answer = b""
            try:
                async with asyncio.timeout(STALLED_SECONDS):
                    answer = await _exchange(worker, request)
                    if not answer:
                        await worker.wait()
            except TimeoutError:
                pass
            finally:
                self._give_back(worker, usable=bool(answer))
        if not answer:
            raise _Unfinished(_TOO_LONG if worker.returncode in {None, -signal.SIGPROF} else _UNFINISHED)
        return json.loads(answer)

    async def _worker(self) -> Process:
        while self._idle:
            worker = self._idle.pop()
            if worker.returncode is None:
                return worker
        self._workers = {worker for worker in self._workers if worker.returncode is None}
        worker = await asyncio.create_subprocess_exec(
            sys.executable, str(_SCRIPT), stdin=PIPE, stdout=PIPE, limit=ANSWER_BYTES, start_new_session=True
        )
        self._workers.add(worker)
        return worker

    def _give_back(self, worker: Process, *, usable: bool) -> None:
        """Keep a worker for the next; end one that did not answer, whatever it is doing."""
        if usable:
            self._idle.append(worker)
        elif worker.returncode is None:
            worker.kill()


async def _exchange(worker: Process, request: bytes) -> bytes:
    """The answer; nothing where the process ended instead."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    try:
        worker.stdin.write(request)
        await worker.stdin.drain()
    except ConnectionError:
        return b""
    return await worker.stdout.readline()
