"""OpenAI's stream of chunks, as bytes, into typed deltas.

The SDK's own stream ends a truncated answer as if it were whole and builds a costly object a chunk, so its raw response
is read instead. Protocol: WHATWG HTML, section 9.2 (event streams), and OpenAI's `chat.completion.chunk`. Quirks of the
stream are handled here, of tool calls in tool_calls.py, of errors in failures.py, of requests in openai_compatible.py.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from itertools import groupby
from typing import Annotated, Any

from loguru import logger
from pydantic import Field, TypeAdapter, ValidationError, ValidatorFunctionWrapHandler, WrapValidator
from pydantic_core import from_json

from errors import NothingCame, OutputTruncated, RunFailed, UpstreamUnavailable
from providers.base import Delta, Finish, FinishReason, ReasoningDelta, TextDelta, Usage
from providers.failures import MAX_LOGGED_CHARS, NOTHING, stream_error
from providers.tool_calls import UNREADABLE, CallAssembler, CallFragment, Loose, arguments_text
from text import Characters, one_line, scalars

MAX_EVENT_BYTES = 8_000_000
MAX_LINE = 65_536  # bytes of the beginning of a line that is looked at again with each block
MAX_ANSWER_CHARS = 4_000_000  # of one completion: text, thoughts and arguments
MAX_TOKENS = 2**53  # that a provider may count: exact in every JSON parser, and a run's sum fits into the database
MAX_REASON_CHARS = 50

_BOM = b"\xef\xbb\xbf"
_DONE = b"[DONE]"
_FINISH: dict[str, FinishReason] = {
    "stop": "stop",
    "tool_calls": "stop",  # whether there are calls is seen from the calls
    "function_call": "stop",
    "length": "length",
    "max_tokens": "length",
    "max_output_tokens": "length",
    "content_filter": "content_filter",
    "safety": "content_filter",
    "recitation": "content_filter",
    "prohibited_content": "content_filter",
}  # any other name ends a whole answer, too, and is noted
_BROKEN_FINISH = frozenset({"error", "abort", "insufficient_system_resource", "malformed_function_call"})
_BROKE_OFF = "The answer broke off before its end."
_REPORTED = "The provider reported an error in the middle of the answer."


def _or_none(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:
    """The value, or None where it is not as expected: no answer fails for an extra."""
    try:
        return validate(value)
    except ValidationError:
        return None


_Extra = WrapValidator(_or_none)


class _Text(Loose):
    text: str | None = None


class _Delta(Loose):
    content: str | list[_Text] | None = None
    refusal: str | None = None
    reasoning: Annotated[str | None, _Extra] = None
    reasoning_content: Annotated[str | None, _Extra] = None
    reasoning_text: Annotated[str | None, _Extra] = None
    tool_calls: list[CallFragment | None] | None = None

    @property
    def text(self) -> str:
        if isinstance(self.content, list):
            return "".join(part.text or "" for part in self.content)
        return self.content or ""

    @property
    def thought(self) -> str:
        return self.reasoning or self.reasoning_content or self.reasoning_text or ""


class _TopToken(Loose):
    token: str


class _Token(Loose):
    token: str
    top_logprobs: list[_TopToken] | None = None


class _Logprobs(Loose):
    content: list[_Token] | None = None


class _Choice(Loose):
    index: int | None = None
    delta: _Delta | None = None
    message: _Delta | None = None  # a whole completion from a server that does not stream
    finish_reason: str | None = None
    logprobs: Annotated[_Logprobs | None, _Extra] = None


_Tokens = Annotated[int, Field(ge=0, le=MAX_TOKENS)]


class _PromptDetails(Loose):
    cached_tokens: _Tokens | None = None


class _Usage(Loose):
    prompt_tokens: _Tokens | None = None
    completion_tokens: _Tokens | None = None
    prompt_tokens_details: Annotated[_PromptDetails | None, _Extra] = None


class _Chunk(Loose):
    choices: list[_Choice | None] | None = None
    usage: Any = None
    object: Annotated[str | None, _Extra] = None
    error: Any = None


_CHUNK = TypeAdapter(_Chunk)


class EventDecoder:
    """Bytes in, the `data` of whole events out. Comments, ids and event names are dropped."""

    def __init__(self) -> None:
        self._pending: list[bytes] = []
        self._data: list[bytes] = []
        self._size = 0
        self._first = True

    def feed(self, block: bytes) -> Iterator[bytes]:
        """Events that this block completes.

        Raises:
            UpstreamUnavailable: One event is longer than MAX_EVENT_BYTES.
        """
        self._size += len(block)
        if self._size > MAX_EVENT_BYTES:
            raise UpstreamUnavailable(UNREADABLE)
        self._pending.append(block)
        if b"\n" not in block and b"\r" not in block:
            return
        lines = b"".join(self._pending).splitlines(keepends=True)
        self._pending = [] if lines[-1].endswith(b"\n") else [lines.pop()]  # a beginning, or half of a CRLF
        for ended in lines:
            if line := ended.rstrip(b"\r\n"):
                self._add_line(line)
            else:
                yield from self._event()
        self._size = sum(map(len, self._pending)) + sum(len(line) + 1 for line in self._data)

    def take(self, block: bytes) -> bytes | None:
        """The pending bytes and a block behind them, to be read elsewhere; None amid an event, or a long line."""
        if self._data or self._first or self._size > MAX_LINE:
            return None
        raw, self._size = b"".join([*self._pending, block]), 0
        self._pending.clear()
        return raw

    def end(self) -> Iterator[bytes]:
        """The event at the end of the stream that lacks its blank line, if any."""
        self._add_line(b"".join(self._pending).rstrip(b"\r"))
        yield from self._event()

    def _add_line(self, line: bytes) -> None:
        if self._first:
            line, self._first = line.removeprefix(_BOM), False
        if line.startswith(b"data:"):
            self._data.append(line[5:].removeprefix(b" "))

    def _event(self) -> Iterator[bytes]:
        """The event so far, unless it is empty; by the standard such a one is not dispatched."""
        event = b"\n".join(self._data)
        self._data.clear()
        if event:
            yield event


class _Plain:
    r"""A chunk that is nothing but text, as bytes around that text: the next ones are mostly the same but for it.

    Reading them so is exact: what stands between the same bytes and is the inside of a JSON string is that string.

    >>> plain = _Plain.of(b'{"choices":[{"delta":{"content":"Hi"}}]}', "Hi", b"\n")
    >>> plain.read(b'data: {"choices":[{"delta":{"content":"a"}}]}\n\ndata: {"choices":[{"delta":{"content":"b')
    (1, 'a', b'data: {"choices":[{"delta":{"content":"b')
    """

    def __init__(self, before: bytes, after: bytes) -> None:
        self._before, self._after = before, after

    @classmethod
    def of(cls, event: bytes, text: str, newline: bytes) -> _Plain | None:
        """The bytes around the text of an event; None where it is not told with certainty which they are."""
        before, key, rest = event.partition(b'"content":')
        if b'"content":' in rest or b"\n" in event:
            return None
        content, quote, after = rest.lstrip(b" ").removeprefix(b'"').partition(b'"')
        gap = rest[: rest.find(b'"') + 1]
        if content != text.encode(errors="replace") or b"\\" in content:
            return None
        return cls(b"data: " + before + key + gap, quote + after + 2 * newline)

    def read(self, raw: bytes) -> tuple[int, str, bytes] | None:
        """The number of such chunks that raw bytes begin with, their text, and the rest; None where there are none."""
        before, after = self._before, self._after
        end = raw.rfind(after)
        if end < 0 or not raw.startswith(before):
            return None
        texts = raw[len(before) : end].split(after + before)
        text = _strings(texts)
        return None if text is None else (len(texts), text, raw[end + len(after) :])


def _strings(inner: list[bytes]) -> str | None:
    """The text that is inside JSON strings; None where one is none."""
    joined = b"".join(inner)
    try:
        if joined.isascii() and b"\\" not in joined:
            return str(from_json(b'"%b"' % joined))
        return "".join(from_json(b'"%b"' % one) for one in inner)
    except ValueError:
        return None


class ChunkReader:
    """One response: feed it blocks of bytes, then ask for the end.

    A body that begins with `{` is one JSON document, from a server that does not stream, or an error. `events` counts
    what was not a mere keep-alive; `done` says that nothing more will come.
    """

    def __init__(self) -> None:
        self._document: list[bytes] = []
        self._size = 0
        self._decoder = EventDecoder()
        self._calls = CallAssembler()
        self._text, self._thought = Characters(), Characters()
        self._said = 0
        self._reason: str | None = None
        self._usage: Usage | None = None
        self._refused = False
        self._first_token: str | None = None
        self._started = False
        self._plain: _Plain | None = None
        self._newline = b"\n"
        self.events = 0
        self.done = False

    @property
    def finished(self) -> bool:
        """True once the finish reason is known; only the usage may still come."""
        return self._reason is not None

    @property
    def silent(self) -> bool:
        """True as long as nothing but keep-alives and the end mark came."""
        return self.events == self.done

    @property
    def begun(self) -> bool:
        """True once the first token is there: of a text, a thought or a call."""
        return bool(self._said or self._calls)

    def feed(self, block: bytes) -> Iterator[Delta]:
        """Deltas of one block. None for a keep-alive.

        Raises:
            RunFailed: An error inside the stream, data that is no chat completion, or more than any answer is long.
        """
        if self._document or (not self._started and block.lstrip().startswith((b"{", b"<"))):
            self._size += len(block)
            if self._size > MAX_EVENT_BYTES:
                raise UpstreamUnavailable(UNREADABLE)
            self._document.append(block)  # a part of the one document that the body is
            return
        self._started = self._started or bool(block.strip())
        if self._plain is not None and not self.done and (raw := self._decoder.take(block)) is not None:
            if (read := self._plain.read(raw)) is None:
                block = raw
            else:
                count, text, block = read
                self.events += count
                self._count(len(text))
                if text := self._text.whole(text):
                    yield TextDelta(text)
        if block:
            self._newline = b"\r\n" if b"\r\n" in block else b"\n"
            yield from self._joined(self._decoder.feed(block))

    def end(self) -> Iterator[Delta]:
        """The deltas that are left, the tool calls, and the finish.

        Raises:
            RunFailed: The same as in `feed`; UpstreamUnavailable where no finish reason came: the answer is not whole.
        """
        events = [b"".join(self._document)] if self._document else self._decoder.end()
        yield from self._joined(events)
        if self._reason is None:
            raise NothingCame(NOTHING) if self.silent else UpstreamUnavailable(_BROKE_OFF)
        reason = _FINISH.get(self._reason, "stop")
        unknown = None if self._reason in _FINISH else one_line(scalars(self._reason[:MAX_REASON_CHARS]))
        if self._refused:
            reason = "refusal"
        if reason == "stop" and self._calls:
            reason = "tool_calls"
            yield from self._calls.requests()
        yield Finish(reason, self._usage, self._first_token, unknown)

    def _joined(self, events: Iterable[bytes]) -> Iterator[Delta]:
        """Their deltas, neighbouring texts as one: a block may bring hundreds. What came before an error stands."""
        found: list[Any] = []
        failed = None
        try:
            for event in events:
                found += self._read(event)
        except RunFailed as error:
            failed = error
        for kind, deltas in groupby(found, type):
            if kind is TextDelta or kind is ReasoningDelta:
                yield kind("".join(delta.text for delta in deltas))
            else:
                yield from deltas
        if failed:
            raise failed

    def _read(self, event: bytes) -> Iterator[Delta]:
        if self.done:
            return
        self.events += 1
        if event.strip() == _DONE:
            self.done = True
            return
        chunk = _chunk(event)
        if (text := _text_alone(chunk)) is not None:
            self._plain = _Plain.of(event, text, self._newline)
        if chunk.usage:
            self._take_usage(chunk.usage)
        for choice in chunk.choices or ():
            if choice is not None and not choice.index:
                yield from self._choice(choice)

    def _take_usage(self, given: Any) -> None:
        """Note the provider's count. One that cannot be is dropped: no answer fails for it."""
        try:
            usage = _Usage.model_validate(given)
        except ValidationError as error:
            wrong = error.errors(include_input=False)[0]
            logger.warning("The provider's usage is dropped: {}: {}", ".".join(map(str, wrong["loc"])), wrong["msg"])
            return
        if usage.prompt_tokens is not None:
            details = usage.prompt_tokens_details or _PromptDetails()
            cached = details.cached_tokens or 0
            self._usage = Usage(usage.prompt_tokens, usage.completion_tokens or 0, cached_tokens=cached)

    def _choice(self, choice: _Choice) -> Iterator[Delta]:
        delta = choice.delta or choice.message or _Delta()
        self._count(_size(delta))
        if thought := self._thought.whole(delta.thought):
            yield ReasoningDelta(thought)
        if text := self._text.whole(delta.text or delta.refusal or ""):
            self._refused = self._refused or bool(delta.refusal)
            yield TextDelta(text)
        for fragment in delta.tool_calls or ():
            if fragment is not None:
                self._calls.add(fragment)
        if reason := (choice.finish_reason or "").lower():
            if reason in _BROKEN_FINISH:
                raise UpstreamUnavailable(_REPORTED)
            self._reason = reason
        if self._first_token is None and choice.logprobs and choice.logprobs.content:
            token = choice.logprobs.content[0]
            self._first_token = scalars(token.top_logprobs[0].token if token.top_logprobs else token.token)

    def _count(self, size: int) -> None:
        self._said += size
        if self._said > MAX_ANSWER_CHARS:
            raise OutputTruncated


def _size(delta: _Delta) -> int:
    """The characters of text, thought and arguments."""
    functions = (fragment.function for fragment in delta.tool_calls or () if fragment and fragment.function)
    called = sum(len(arguments_text(function.arguments)) for function in functions)
    return len(delta.text) + len(delta.thought) + called


def _text_alone(chunk: _Chunk) -> str | None:
    """The text of a chunk that is nothing else."""
    if chunk.usage or chunk.choices is None or len(chunk.choices) != 1 or (choice := chunk.choices[0]) is None:
        return None
    delta = choice.delta
    if delta is None or choice.index or choice.finish_reason or choice.logprobs or choice.message:
        return None
    if delta.refusal or delta.thought or delta.tool_calls or not isinstance(delta.content, str):
        return None
    return delta.content


def _chunk(event: bytes) -> _Chunk:
    """One event as a chunk. Surrogates that come apart are no valid JSON to pydantic, so Python's parser is asked too.

    Raises:
        RunFailed: It is an error, or no chat completion.
    """
    try:
        chunk = _CHUNK.validate_json(event)
    except ValidationError:
        try:
            chunk = _CHUNK.validate_python(json.loads(event))
        except (ValueError, RecursionError):
            failed = UpstreamUnavailable(UNREADABLE)
            failed.said = event[: 10 * MAX_LOGGED_CHARS].decode(errors="replace")
            raise failed from None
    if chunk.error:
        raise stream_error(chunk.error)
    if chunk.object == "error":
        raise stream_error(json.loads(event))
    return chunk
