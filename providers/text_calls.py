"""A small model's text as what it means: thoughts, and tool calls that its server left in the text.

Read are `<think>` at the start; calls in tags that begin a line (_CLOSINGS: each a model family's documented form), not
within one, where a model may quote what a stranger wrote into the data; and, at the start, a JSON object that calls a
tool on offer, bare or in a fence. What a tool's result holds as well is a quotation, and no call. Text is held back
only while it can still become one of these, and any cut into chunks gives the same.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

from providers.base import ChatRequest, Delta, Finish, ReasoningDelta, TextDelta, ToolRequest

MAX_HELD_CHARS = 16_000  # of one call; what is longer is text

_THOUGHTS = {"<think>": "</think>", "<thinking>": "</thinking>"}
_CLOSINGS = {  # "": closed by the end of the text
    "<tool_call>": "</tool_call>",  # Hermes, Qwen
    "<function=": "</function>",  # Llama 3.1; Qwen3-Coder, which often leaves out the tag around it
    "<tools>": "</tools>",  # Qwen2.5-Coder
    "<function_call>": "</function_call>",
    "<|tool_call|>": "<|/tool_call|>",  # Phi-4-mini
    "<|python_tag|>": "",  # Llama 3
    "[TOOL_CALLS]": "",  # Mistral
}
_FIRST_OF_TAGS = frozenset(tag[0] for tag in _CLOSINGS)
_FENCE = "```"
_NAMES = ("name", "function", "tool")
_ARGUMENTS = ("arguments", "parameters", "args")
_KEYS = (*_NAMES, *_ARGUMENTS, "type", "id")
_FORGOTTEN = ("}", "}}")  # at the end
_SPACE = " \t\r\n"
_BETWEEN = " \t\r\n,;"  # calls

_FENCED = re.compile(r"```\w*\s*")
_FIRST_KEY = re.compile(r'\{\s*(?:"([^"]*)("?)|(.?))')
_FIRST_VALUE = re.compile(r'\{\s*"\w+"\s*:\s*"([^"]*)("?)')
_NAMED = re.compile(r'"(?:name|function|tool)"\s*:\s*"([^"]+)"')
_GIVEN = re.compile(r'"(?:arguments|parameters|args)"\s*:\s*')
_FUNCTION = re.compile(r"(?:<function=)?([^>\s]+)>(.*?)(?:</function>|\Z)", re.DOTALL)
_PARAMETER = re.compile(r"<parameter=([^>]+)>(.*?)(?:</parameter>|(?=<parameter=)|\Z)", re.DOTALL)
_ESCAPED = re.compile(r"\\+[nrtbf]")
_JSON = json.JSONDecoder()

_Call = tuple[str, str]  # name and arguments
_Mode = Callable[[bool], list[Delta] | None]


class TextReader:
    """Reads the text of one completion.

    Args:
        names: the tools that the model may call; where there are none, nothing is a call.
        bare: whether a JSON object may be one; not where the answer itself is to be JSON.
        data: what tools gave, which a model may quote.
    """

    def __init__(self, names: Collection[str], *, bare: bool = True, data: Sequence[str] = ()) -> None:
        self._names = frozenset(names)
        self._bare = bare and bool(names)
        self._data = data
        self._held = ""
        self._mode: _Mode = self._start
        self._opening = ""  # of the thought or call that is being read
        self._dropped = ""  # what means nothing where the text stands: white space behind a thought or a call
        self._closing = ""  # what may still close the call that was read
        self._on_new_line = True
        self._count = 0

    @classmethod
    def of(cls, request: ChatRequest) -> TextReader:
        """For the answer to a request. A model that has no tools any more may still write calls as it did before."""
        before = {call.name for message in request.messages for call in message.tool_calls}
        data = [message.content for message in request.messages if message.role == "tool"]
        return cls({tool.name for tool in request.tools} or before, bare=request.response_format is None, data=data)

    def read(self, delta: Delta) -> Iterator[Delta]:
        """The delta as what it means; what is still held comes before the finish."""
        if isinstance(delta, TextDelta) and not self._is_plain(delta.text):
            yield from self.feed(delta.text)
            return
        if isinstance(delta, TextDelta):
            self._pass_line(delta.text)
        elif isinstance(delta, Finish):
            yield from self.end()
        yield delta

    def feed(self, text: str) -> Iterator[Delta]:
        """The deltas that can be told with this text."""
        self._held += text
        return self._told(last=False)

    def end(self) -> Iterator[Delta]:
        """The rest."""
        return self._told(last=True)

    def _is_plain(self, text: str) -> bool:
        """True for most texts behind the beginning; here alone so that they cost nothing."""
        return self._mode == self._text and not self._held and self._has_no_tag(text)

    def _has_no_tag(self, text: str) -> bool:
        return not self._names or _FIRST_OF_TAGS.isdisjoint(text)

    def _told(self, *, last: bool) -> Iterator[Delta]:
        while self._held and (deltas := self._mode(last)) is not None:
            yield from deltas

    # A mode takes from what is held, or gives way to another; None: it needs more text.

    def _start(self, last: bool) -> list[Delta] | None:
        """The beginning of the text, and what follows a thought or a call."""
        if self._dropped:
            self._held = self._held.lstrip(self._dropped)
        text = self._held.lstrip()
        if self._closing and text.startswith(self._closing):
            self._held, self._closing = text.removeprefix(self._closing), ""
            return []
        for opening in _THOUGHTS:
            if text.startswith(opening):
                self._turn(self._thought, text.removeprefix(opening), opening)
                return []
        if self._bare and text.startswith(("{", _FENCE)):
            return self._object(text, last)
        if not last and any(opening.startswith(text) for opening in (*_THOUGHTS, _FENCE, self._closing)):
            return None
        self._turn(self._text, self._held)
        return []

    def _thought(self, last: bool) -> list[Delta] | None:
        if self._dropped:
            self._held = self._held.lstrip(self._dropped)
        closing = _THOUGHTS[self._opening]
        thought, closed, rest = self._held.partition(closing)
        if closed:
            self._turn(self._start, rest)
            return _thoughts(thought)
        self._held = "" if last else _beginning(thought, [closing])
        thought = thought.removesuffix(self._held)
        if thought:
            self._dropped = ""
        return _thoughts(thought) or None

    def _text(self, last: bool) -> list[Delta] | None:
        """Plain text, until a tag begins a call."""
        text = self._held
        tags = [] if self._has_no_tag(text) else list(_CLOSINGS)
        found = [(at, tag) for tag in tags for at in _places(tag, text) if self._begins_line(at)]
        if found:
            at, tag = min(found)
            self._turn(self._tagged, text[at:], tag)
        else:
            beginning = "" if last else _beginning(text, tags)
            at = len(text) - len(beginning)
            self._held = beginning if self._begins_line(at) else ""
        told = text.removesuffix(self._held)
        self._pass_line(told)
        return _texts(told) or (None if not found else [])

    def _tagged(self, last: bool) -> list[Delta] | None:
        """A call from its opening to its closing tag, which a model may leave out at the end."""
        closing, begins = _CLOSINGS[self._opening], len(self._opening)
        ends = self._held.find(closing, begins, begins + MAX_HELD_CHARS) if closing else -1
        if ends < 0 and len(self._held) > begins + MAX_HELD_CHARS:
            opening = self._opening
            self._turn(self._text, self._held[begins:])
            self._on_new_line = False
            return _texts(opening)
        if ends < 0 and not last:
            return None
        body = self._held[begins:] if ends < 0 else self._held[begins:ends]
        calls, rest = _function(body) if self._opening == "<function=" else _calls(body)
        whole = self._held if ends < 0 else self._held[: ends + len(closing)]
        if self._is_quoted(whole.removesuffix(rest)):
            calls = []
        self._turn(self._start if calls else self._text, self._held.removeprefix(whole))
        if not calls:
            self._on_new_line = False
            return _texts(whole)
        self._closing, self._on_new_line = "</tool_call>", True
        return [*self._requests(calls), *_texts("" if ends >= 0 else rest)]

    def _object(self, text: str, last: bool) -> list[Delta] | None:
        """A JSON object, perhaps in a fence: a call of a tool on offer, or text."""
        fence = _FENCED.match(text)
        begins = fence.end() if fence else 0
        found = _object_call(text[begins:], self._names, last=last)
        if found is None:
            return None
        call, ends = found
        if call is None or self._is_quoted(text[begins : begins + ends]):
            self._turn(self._text, self._held)
            return []
        closing = _FENCE if fence else self._closing
        self._turn(self._start, text[begins + ends :])
        self._dropped, self._closing = _BETWEEN, closing
        return self._requests([call])

    def _is_quoted(self, text: str) -> bool:
        """True for what stands in a result, too, in letters and digits: JSON writes the rest otherwise."""
        return any(_letters(text) in _letters(result) for result in self._data)

    def _begins_line(self, at: int) -> bool:
        """True where nothing but spaces stands before a place in what is held, on its line."""
        before = self._held[:at].rstrip(" \t")
        return before.endswith("\n") or (not before and self._on_new_line)

    def _pass_line(self, text: str) -> None:
        """Note how a text that is told leaves the line."""
        bare = text.rstrip(" \t")
        self._on_new_line = bare.endswith("\n") or (not bare and self._on_new_line)

    def _turn(self, mode: _Mode, held: str, opening: str = "") -> None:
        self._mode, self._held, self._opening = mode, held, opening
        self._dropped, self._closing = _SPACE, ""

    def _requests(self, calls: Iterable[_Call]) -> list[Delta]:
        requests: list[Delta] = []
        for name, arguments in calls:
            self._count += 1
            requests.append(ToolRequest(f"text_{self._count}", name, arguments))
        return requests


def _letters(text: str) -> str:
    r"""The letters and digits of a text, be it in JSON or not.

    >>> _letters('{"a":\n 1}') == _letters(r'"{\"a\":\n 1}"') == "a1"
    True
    """
    return "".join(filter(str.isalnum, _ESCAPED.sub("", text))).casefold()


def _texts(text: str) -> list[Delta]:
    return [TextDelta(text)] if text else []


def _thoughts(text: str) -> list[Delta]:
    return [ReasoningDelta(text)] if text else []


def _places(tag: str, text: str) -> Iterator[int]:
    at = text.find(tag)
    while at >= 0:
        yield at
        at = text.find(tag, at + 1)


def _beginning(text: str, marks: Iterable[str]) -> str:
    """The end of a text that may be the beginning of a mark.

    >>> _beginning("so <tool", ["<tool_call>", "[TOOL_CALLS]"])
    '<tool'
    """
    ends = (text[-size:] for mark in marks for size in range(1, len(mark)) if text.endswith(mark[:size]))
    return max(ends, key=len, default="")


# JSON as calls


def _object_call(text: str, names: Collection[str], *, last: bool) -> tuple[_Call | None, int] | None:
    """The call that a text begins with, and its length; no call where there can be none; None: more is needed."""
    if not _may_call(text, names):
        return None, 0
    value, ends = _decoded(text)
    if ends > MAX_HELD_CHARS or (not ends and len(text) > MAX_HELD_CHARS):
        return None, 0
    if not ends and not last:
        return None
    call = _call(value) if ends else _mended(text)
    ends = ends or len(text)
    return (call if call and call[0] in names and _GIVEN.search(text, 0, ends) else None), ends


def _may_call(text: str, names: Collection[str]) -> bool:
    """True for an object, or its beginning, that may call one of these tools, by its first key and value.

    >>> [_may_call(text, ["search"]) for text in ('{"na', '{"name": "se', '{"name": "Heat', '{"title"')]
    [True, True, False, False]
    """
    if (first := _FIRST_KEY.match(text)) is None or first[3]:
        return not text
    key, whole = first[1] or "", bool(first[2])
    if not (key in _KEYS if whole else any(known.startswith(key) for known in _KEYS)):
        return False
    if key not in _NAMES or not (value := _FIRST_VALUE.match(text)):
        return True
    return value[1] in names if value[2] else any(name.startswith(value[1]) for name in names)


def _calls(body: str) -> tuple[list[_Call], str]:
    """The calls within a pair of tags, one after another or in a list, and what follows them."""
    rest = body.strip()
    if rest.startswith("<function="):
        return _function(rest)
    calls: list[_Call] = []
    while True:
        value, ends = _decoded(rest)
        found = [call for item in (value if isinstance(value, list) else [value]) if (call := _call(item))]
        if not found:
            mended = None if calls else _mended(rest)
            return ([mended], "") if mended else (calls, rest)
        calls += found
        rest = rest[ends:].lstrip(_BETWEEN).removeprefix("<tool_call>").lstrip()


def _function(body: str) -> tuple[list[_Call], str]:
    """The call in `name>…`, whose arguments are JSON or stand in tags of their own."""
    found = _FUNCTION.match(body)
    if found is None:
        return [], body
    name, given = found[1], found[2].strip()
    if parameters := _PARAMETER.findall(given):
        given = json.dumps({key.strip(): value.strip() for key, value in parameters}, ensure_ascii=False)
    return [(name, given or "{}")], body[found.end() :].strip()


def _decoded(text: str) -> tuple[Any, int]:
    """The JSON value that a text begins with, and its length: 0 where there is none that is whole."""
    try:
        return _JSON.raw_decode(text)
    except (ValueError, RecursionError):
        return None, 0


def _call(value: Any) -> _Call | None:
    """The call in a JSON object, `{"name": …, "arguments": …}` or what models make of that; None where it is none."""
    if not isinstance(value, dict):
        return None
    if isinstance(value.get("function"), dict):  # as OpenAI's API has it
        value = value["function"]
    name = next((value[key] for key in _NAMES if isinstance(value.get(key), str)), "")
    given: Any = next((value[key] for key in _ARGUMENTS if value.get(key) is not None), {})
    arguments = given if isinstance(given, str) else json.dumps(given, ensure_ascii=False)
    return (name, arguments or "{}") if name else None


def _mended(text: str) -> _Call | None:
    """A call that came to no end: with the brace that was forgotten, or with its arguments as they are."""
    text = text.strip().removesuffix(_FENCE).rstrip()
    for braces in _FORGOTTEN:
        if call := _call(_decoded(text + braces)[0]):
            return call
    name, given = _NAMED.search(text), _GIVEN.search(text)
    return (name[1], text[given.end() :]) if name and given else None
