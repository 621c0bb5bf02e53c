"""Metrics as the service sees them: what can be noted, and what is there to be read; this one notes nothing.

Labels are of bounded sets: routes, tools, codes. Ids, titles, models and addresses are never among them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class State:
    """The service at the moment of a scrape. `pending_events`: made, and not on the disk yet."""

    live_runs: int
    followers: int
    pending_events: int
    catalogue: str
    catalogue_version: str


@dataclass(frozen=True, slots=True)
class Ended:
    """The end of a run: its outcome, its seconds, tokens that its model read and wrote, claims of its answer."""

    outcome: str
    seconds: float
    prompt_tokens: int
    completion_tokens: int
    claims: int
    unsupported_claims: int


class Metrics:
    """Metrics that are off. `on`: whether taking the time for one is worth it."""

    on = False

    def first_token(self, seconds: float) -> None:
        """The first words of an answer, since its run began."""

    def token_gap(self, seconds: float) -> None:
        """The wait for the next piece of a model's text."""

    def run_ended(self, run: Ended) -> None:
        """The end of a run."""

    def tool_called(self, tool: str, outcome: str, seconds: float) -> None:
        """The end of a tool call."""

    def committed(self, events: int, seconds: float) -> None:
        """A commit of the journal: events of however many runs."""

    def upstream_failed(self, code: str, *, retried: bool) -> None:
        """A request to the provider that failed; `retried`: another one followed."""

    def ranked(self, operation: str, seconds: float) -> None:
        """The work of the recommender."""

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """The end of an HTTP request, streams included."""

    def watch(self, read: Callable[[], State]) -> None:
        """Have the state of the service read at each scrape, from another thread."""


OFF = Metrics()
