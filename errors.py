"""All that can go wrong, as one tree. Codes are those of the HTTP contract; no HTTP in here.

MarqueeError
  x NotFound              nothing has that id
  x Invalid               the request is well-formed and cannot be done
    = InvalidField        the same, by one field
  x Conflict              the request does not fit the state that its object is in
  x RunInProgress         the session answers another message right now
  x IdempotencyMismatch   the key was used for another request
  x Unauthorized          nobody known asks, or not any more
  x Forbidden             it may not be asked from there, or not by such a key
  x RateLimited           too many requests in a time
  x PayloadTooLarge       the body is over the limit
  x RequestTimeout        the request did not arrive whole in time
  x Overloaded            too many live runs
  x SignInUnavailable     the provider that people sign in with cannot be asked
    = SignInTimeout         it did not answer in time
  x StorageUnavailable    the database cannot be written: full disk, read-only file, lock
  x PortTaken             the port of the metrics cannot be had
  x RunFailed             the answer could not be finished
    + UpstreamUnavailable   no connection, a 5xx, or a stream that broke off
      = NothingCame         a response without a body, as some servers give where the request is too long
    + UpstreamTimeout       nothing came in time
    + UpstreamRateLimited   429
    + UpstreamRejected      the provider refused the request: key, model, quota
      = ParameterRefused    it refused what else the request asks for, which another request may leave out
    + ContentFiltered       the provider withheld the answer
    + OutputTruncated       the answer hit the provider's length limit
    + ContextTooLong        the conversation does not fit the model
    + StepLimit             the model kept on calling tools
    + InvalidOutput         the answer never matched the schema asked for
    + Internal              a defect of ours
x CatalogueError          movie data that cannot be read or imported
  + NoCatalogue           the catalogue file is missing or damaged: only an import helps
  + MalformedFile           a file, a line, a column and the reason
x ToolError               a tool call that cannot be carried out, in words the model can act on
  + NoFacts               it asks for running times or people, which the catalogue was not enriched with
  + Unknown               it names a movie, user, genre or tag that the data does not have
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar


class MarqueeError(Exception):
    """An error with a stable `code`, a `title` for its kind and a `detail` that may be shown to anyone."""

    code: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str | None = None) -> None:
        self.detail = detail or f"{self.title}."
        super().__init__(self.detail)


class NotFound(MarqueeError):
    code, title = "not_found", "Not found"


class Invalid(MarqueeError):
    code, title = "validation_error", "The request is not valid"


class InvalidField(Invalid):
    """One field is at fault; `path` leads to it: `body.actions.0.parameters`."""

    def __init__(self, path: str, message: str) -> None:
        self.path, self.message = path, message
        super().__init__(f"{path}: {message}")


class Conflict(MarqueeError):
    code, title = "conflict", "The request does not fit the present state"


class RunInProgress(MarqueeError):
    """The session has a live run, named by `run_id`."""

    code, title = "run_in_progress", "The session is answering another message"

    def __init__(self, run_id: str) -> None:
        self.run_id = run_id
        super().__init__(f"Run {run_id} is in progress. Wait for its end, follow it, or cancel it.")


class IdempotencyMismatch(MarqueeError):
    code, title = "idempotency_mismatch", "This Idempotency-Key was used for another request"


class Unauthorized(MarqueeError):
    code, title = "unauthorized", "Sign in first"


class Forbidden(MarqueeError):
    code, title = "forbidden", "Not allowed"


class RateLimited(MarqueeError):
    """Too many requests; the next one may come after `retry_after` seconds. `headers`: what tells of the limit."""

    code, title = "rate_limited", "Too many requests"

    def __init__(self, detail: str, retry_after: int, headers: Mapping[str, str] | None = None) -> None:
        self.retry_after, self.headers = retry_after, dict(headers or {})
        super().__init__(detail)


class RequestTimeout(MarqueeError):
    code, title = "request_timeout", "The request did not arrive in time"


class PayloadTooLarge(MarqueeError):
    code, title = "payload_too_large", "The request body is too large"


class Overloaded(MarqueeError):
    """More live runs than the service accepts; `retry_after` is in seconds. `headers`: what tells of the limit."""

    code, title = "overloaded", "The service is busy"

    def __init__(
        self, detail: str | None = None, retry_after: int = 5, headers: Mapping[str, str] | None = None
    ) -> None:
        self.retry_after, self.headers = retry_after, dict(headers or {})
        super().__init__(detail)


class StorageUnavailable(MarqueeError):
    code, title = "overloaded", "The database cannot be written"


class PortTaken(MarqueeError):
    """A start that the machine does not allow; the text says what to mend."""


class SignInUnavailable(MarqueeError):
    code, title = "upstream_unavailable", "Signing in is not possible right now"


class SignInTimeout(SignInUnavailable):
    code = "upstream_timeout"


class RunFailed(MarqueeError):
    """An answer that could not be finished. `retry_after`, in seconds, where the provider named one.

    `said`: the provider's own words, for the log alone.
    """

    def __init__(self, detail: str | None = None, retry_after: int | None = None) -> None:
        self.retry_after = retry_after
        self.said = ""
        super().__init__(detail)


class UpstreamUnavailable(RunFailed):
    code, title = "upstream_unavailable", "The language model cannot be reached"


class NothingCame(UpstreamUnavailable):
    """A response that is none: no event, or no body at all."""


class UpstreamTimeout(RunFailed):
    code, title = "upstream_timeout", "The language model took too long"


class UpstreamRateLimited(RunFailed):
    code, title = "upstream_rate_limited", "The language model's provider limits our requests"


class UpstreamRejected(RunFailed):
    code, title = "upstream_rejected", "The language model's provider refused the request"


class ParameterRefused(UpstreamRejected):
    """A refusal that is not about the key or the model: other parameters may do."""


class ContentFiltered(RunFailed):
    code, title = "content_filtered", "The language model's provider withheld the answer"


class OutputTruncated(RunFailed):
    code, title = "output_truncated", "The answer hit the length limit"


class ContextTooLong(RunFailed):
    """The request has more tokens than the model's context, which is `limit` where the provider named it."""

    code, title = "context_too_long", "The conversation is too long for the language model"
    limit: int | None = None


class StepLimit(RunFailed):
    code, title = "step_limit", "The language model kept on calling tools"


class InvalidOutput(RunFailed):
    code, title = "invalid_output", "The answer does not match the schema asked for"


class Internal(RunFailed):
    code, title = "internal", "Something went wrong on our side"


class CatalogueError(Exception):
    """Movie data that cannot be read, downloaded or imported; the text is for the person who asked for it."""


class NoCatalogue(CatalogueError):
    """The catalogue file is missing or damaged, so that only an import helps."""


class MalformedFile(CatalogueError):
    """A data file that is not in MovieLens's layout."""

    def __init__(self, file: str, line: int, column: str, reason: str) -> None:
        self.file, self.line, self.column, self.reason = file, line, column, reason
        super().__init__(f"{file}, line {line}, column {column}: {reason}")


class ToolError(Exception):
    """A tool call that cannot be carried out; the text tells the model what to mend."""


class NoFacts(ToolError):
    """The call asks for running times or people, and the catalogue has none yet."""


class Unknown(ToolError):
    """The call names something that the data does not have; the text names what is near."""
