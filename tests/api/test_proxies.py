"""What a proxy says of the client is believed of trusted proxies alone."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from pydantic import ValidationError

from settings import Settings
from tests.support.processes import environment, process
from tests.support.serving import Server, serving

TRUSTED: dict[str, Any] = {"trusted_proxies": "127.0.0.1, 10.0.0.0/8", "allowed_hosts": "chat.example"}


def with_limit(settings: Settings, **more: Any) -> Settings:
    """One message a minute for an address: a second one that is answered came from another."""
    return Settings(_env_file=None, **settings.model_dump(exclude_unset=True), messages_per_minute=1, **more)


def count_as_one(client: httpx.Client, *forwarded: list[str]) -> bool:
    """Whether two messages, each with these lines of X-Forwarded-For, come from one address as the service sees it."""
    answers = [
        client.post(
            "/sessions", json={"message": {"content": "hello"}}, headers=[("X-Forwarded-For", it) for it in lines]
        )
        for lines in forwarded
    ]
    assert answers[0].status_code == 201
    return answers[1].status_code == 429


def test_nobody_gives_themselves_an_address(settings: Settings) -> None:
    with serving(with_limit(settings)) as server, server.client() as client:  # no proxy is trusted
        assert count_as_one(client, ["203.0.113.1"], ["203.0.113.2"])
    with serving(with_limit(settings, **TRUSTED)) as server, server.client() as client:
        assert count_as_one(client, ["198.51.100.1, 203.0.113.7"], ["198.51.100.2, 203.0.113.7"])  # ours added the last
        assert count_as_one(client, ["198.51.100.1, 203.0.113.8, 10.1.2.3"], ["203.0.113.8, 10.1.2.4"])  # two of ours
        assert count_as_one(client, ["198.51.100.1", "203.0.113.9"], ["198.51.100.2", "203.0.113.9"])  # in lines
        assert count_as_one(client, ["2001:db8:0:1:a::1"], ["2001:db8:0:1:b::1"])  # somebody's network
        assert not count_as_one(client, ["192.0.2.1"], ["192.0.2.2"])
        assert not count_as_one(client, ["2001:db8:0:2::1"], ["2001:db8:0:3::1"])


def test_host_and_scheme_are_a_trusted_proxys_word(settings: Settings) -> None:
    said = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example", "Origin": "https://chat.example"}
    with serving(with_limit(settings, **TRUSTED)) as server:
        assert opened(server, said) == 201
        assert opened(server, {**said, "X-Forwarded-Host": "evil.example"}) == 403
        assert opened(server, {**said, "X-Forwarded-Host": "evil.example, chat.example"}) == 201
        assert opened(server, {**said, "Origin": "https://evil.example"}) == 403
    with serving(with_limit(settings, allowed_hosts="chat.example")) as server:
        assert opened(server, said) == 403
        assert opened(server, {"X-Forwarded-Host": "evil.example"}) == 201  # not read


def opened(server: Server, headers: dict[str, str]) -> int:
    with server.client() as client:
        return client.post("/sessions", headers=headers).status_code


@pytest.mark.parametrize("wrong", ["*", "proxy.example", "10.0.0.1/8", "0.0.0.0/0", "::/0"])
def test_a_proxy_is_an_address_and_not_everybody(wrong: str) -> None:
    with pytest.raises(ValidationError, match="trusted_proxies"):
        Settings(_env_file=None, trusted_proxies=wrong)


def test_uvicorn_by_itself_believes_nobody_either(settings: Settings) -> None:
    """Started as the README says, it would take the word of whoever connects from this machine."""
    with process(environment(settings.data_dir, MESSAGES_PER_MINUTE="1")) as running, running.client() as client:
        assert count_as_one(client, ["203.0.113.1"], ["203.0.113.2"])
