from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import ValidationError

from settings import Settings, slips
from tests.support.serving import ROOT, serving


def documented() -> dict[str, str]:
    lines = (ROOT / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def test_every_setting_is_documented_and_nothing_else() -> None:
    assert {name.lower() for name in documented()} == set(Settings.model_fields)


def test_the_documented_values_are_the_defaults() -> None:
    assert Settings(_env_file=ROOT / ".env.example") == Settings(_env_file=None)


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("OPENAI_MODEL=from-file\nLLM_MAX_STEPS=3\n")
    monkeypatch.setenv("OPENAI_MODEL", "from-environment")
    settings = Settings(_env_file=tmp_path / "file")
    assert (settings.openai_model, settings.llm_max_steps) == ("from-environment", 3)


@pytest.mark.parametrize(
    ("key", "base_url", "offline", "asked"),
    [
        (None, None, True, "https://api.openai.com/v1"),
        ("sk-1", None, False, "https://api.openai.com/v1"),
        (None, "http://localhost:11434/v1", False, "http://localhost:11434/v1"),
        ("", "", True, "https://api.openai.com/v1"),
        ("  ", "\t ", True, "https://api.openai.com/v1"),
        ("  ", "http://localhost:11434/v1", False, "http://localhost:11434/v1"),
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


def test_nothing_follows_the_working_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("OPENAI_MODEL=of-another-folder\n")
    monkeypatch.chdir(tmp_path)
    settings = Settings()
    assert settings.openai_model != "of-another-folder"
    assert Settings.model_config["env_file"] == ROOT / ".env"
    assert Settings(_env_file=None).data_dir == ROOT / "var"
    monkeypatch.setenv("DATA_DIR", "elsewhere")
    assert Settings(_env_file=None).data_dir == ROOT / "elsewhere"
    monkeypatch.setenv("DATA_DIR", str(tmp_path))
    assert Settings(_env_file=None).data_dir == tmp_path


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("OPENAI_APIKEY", "OPENAI_API_KEY"),
        ("OPEN_AI_API_KEY", "OPENAI_API_KEY"),
        ("openai_apikey", "OPENAI_API_KEY"),
        ("OPENAI_API_BASE", "OPENAI_BASE_URL"),
        ("LLM_IDLE_TIMEOUTS", "LLM_IDLE_TIMEOUT"),
        ("MOVIELENS_PATH", "MOVIELENS_DIR"),
    ],
)
def test_a_name_that_is_nearly_a_setting_is_noticed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, meant: str
) -> None:
    said = f"{name.upper()} is no setting and is not read. Do you mean {meant}?"
    file = tmp_path / ".env"
    assert said not in slips(file)
    file.write_text(f"{name}=sk-secret\n")
    assert said in slips(file)
    monkeypatch.setenv(name, "sk-secret")
    assert said in slips(tmp_path / "none")


@pytest.mark.parametrize(
    "name",
    [
        "OPENAI_API_KEY",
        "openai_api_key",
        "HOME",
        "LOGNAME",
        "XDG_DATA_DIRS",
        "LANG",
        "PYTHONPATH",
        "DATABASE_URL",
        "PORT",
    ],
)
def test_other_names_are_left_in_peace(tmp_path: Path, name: str) -> None:
    (tmp_path / ".env").write_text(f"{name}=x\n")
    assert not [said for said in slips(tmp_path / ".env") if said.startswith(f"{name.upper()} ")]


def test_slips_are_told_of_at_the_start(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_APIKEY", "sk-very-secret")
    with serving(settings):
        pass
    written = capfd.readouterr().err
    assert "OPENAI_APIKEY is no setting and is not read. Do you mean OPENAI_API_KEY?" in written
    assert "sk-very-secret" not in written
