from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from conftest import ROOT
from settings import Settings


def documented() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert {name.lower() for name in documented()} == set(Settings.model_fields)


def test_the_documented_values_are_the_defaults(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text((ROOT / ".env.example").read_text())
    assert Settings() == Settings(_env_file=None)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".env").write_text("OPENAI_MODEL=from-file\nLLM_MAX_STEPS=3\n")
    monkeypatch.setenv("OPENAI_MODEL", "from-environment")
    settings = Settings()
    assert (settings.openai_model, settings.llm_max_steps) == ("from-environment", 3)


@pytest.mark.parametrize(
    ("key", "base_url", "offline", "asked"),
    [
        (None, None, True, "https://api.openai.com/v1"),
        ("sk-1", None, False, "https://api.openai.com/v1"),
        (None, "http://localhost:11434/v1", False, "http://localhost:11434/v1"),
        ("", "", True, "https://api.openai.com/v1"),
    ],
)
def test_who_answers(
    monkeypatch: pytest.MonkeyPatch, key: str | None, base_url: str | None, offline: bool, asked: str
) -> None:
    for name, value in (("OPENAI_API_KEY", key), ("OPENAI_BASE_URL", base_url)):
        if value is not None:
            monkeypatch.setenv(name, value)
    settings = Settings(_env_file=None)
    assert (settings.offline, settings.base_url) == (offline, asked)


def test_the_key_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    assert "very-secret" not in repr(Settings(_env_file=None))


@pytest.mark.parametrize(
    ("name", "value"), [("LLM_MAX_STEPS", "0"), ("OPENAI_BASE_URL", "nowhere"), ("LOG_LEVEL", "LOUD")]
)
def test_a_setting_that_cannot_be_is_refused(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError, match=name.lower()):
        Settings(_env_file=None)
