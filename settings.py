"""The settings of the service: the environment and `.env`, read into one frozen object at the start."""

from __future__ import annotations

import os
from collections.abc import Iterable
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from dotenv import dotenv_values
from pydantic import BeforeValidator, Field, HttpUrl, IPvAnyNetwork, SecretStr, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

VERSION = "0.1.0"  # of the service
ROOT = Path(__file__).parent
ENV_FILE = ROOT / ".env"
DEFAULT_BASE_URL = "https://api.openai.com/v1"
SHORTEST_SECRET = 32  # bytes of a key for HMAC with SHA-256 (RFC 7518, section 3.2)
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
ROTATION = r"^(\d+ (KB|MB|GB|hours?|days?|weeks?)|\d\d:\d\d)$"
RETENTION = r"^(\d+|\d+ (days?|weeks?|months?))$"
NEAR = 0.85  # difflib's likeness from which on a name is taken for a slip

Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _split(value: object) -> object:
    return [part for part in value.replace(",", " ").split() if part] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]  # `one, two` in the environment
Networks = Annotated[tuple[IPvAnyNetwork, ...], NoDecode, BeforeValidator(_split)]
Count = Annotated[int, Field(ge=1, le=1_000_000)]


def _is_loopback(host: str) -> bool:
    """True for a name of this machine.

    >>> _is_loopback("127.0.0.1"), _is_loopback("[::1]"), _is_loopback("example.com")
    (True, True, False)
    """
    try:
        return host == "localhost" or ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


class Settings(BaseSettings):
    """Every setting of the service; `.env.example` says what each is for.

    Read from the environment, then from `.env` beside this file. A blank value counts as not set.
    """

    model_config = SettingsConfigDict(
        env_file=ENV_FILE, env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    openai_api_key: SecretStr | None = None
    openai_base_url: Annotated[HttpUrl | None, Field(repr=False)] = None  # it may hold a password
    openai_model: str = "gpt-4.1-mini"
    openai_org_id: str | None = None
    openai_project_id: str | None = None

    embeddings_model: str | None = None
    embeddings_source: Literal["provider", "local"] = "provider"

    data_dir: Annotated[Path, Field(validate_default=True)] = Path("var")
    movielens_dir: Path | None = None
    tmdb_api_key: SecretStr | None = None
    tmdb_base_url: HttpUrl = HttpUrl("https://api.themoviedb.org/3")
    tmdb_image_url: HttpUrl = HttpUrl("https://image.tmdb.org/t/p/w342")
    sqlite_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"

    llm_connect_timeout: Seconds = 5
    llm_first_token_timeout: Seconds = 300
    llm_idle_timeout: Seconds = 60
    llm_total_timeout: Seconds = 600
    llm_max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    llm_max_retry_after: Seconds = 10
    llm_max_steps: Annotated[int, Field(ge=1, le=50)] = 8
    llm_max_repairs: Annotated[int, Field(ge=0, le=10)] = 2
    llm_max_output_tokens: Count | None = None
    llm_tools: Literal["auto", "full", "small"] = "auto"
    llm_context_tokens: Annotated[int, Field(ge=1_000, le=10_000_000)] = 32_000
    llm_temperature: Annotated[float, Field(ge=0, le=2)] | None = None
    grounding: Literal["off", "mark", "strict"] = "mark"

    cors_origins: Names = ()
    allowed_hosts: Names = ()
    trusted_proxies: Networks = ()
    request_timeout: Seconds = 15
    max_message_chars: Count = 32_000
    max_body_bytes: Annotated[int, Field(ge=1_024, le=100_000_000)] = 1_000_000
    max_import_bytes: Annotated[int, Field(ge=1_024, le=100_000_000)] = 10_000_000
    max_live_runs: Count = 500
    shutdown_grace: Annotated[float, Field(ge=0, le=600)] = 10
    replay_retention: Annotated[float, Field(gt=0)] = 7 * 86_400
    sse_ping: Annotated[float, Field(ge=0.1, le=300)] = 15

    auth: Literal["off", "on"] = "off"
    auth_secret: SecretStr | None = None
    registration: Literal["open", "code", "closed"] = "closed"
    registration_code: SecretStr | None = None
    messages_per_minute: Count | None = None
    max_live_runs_per_caller: Count | None = None
    max_sessions_per_account: Count | None = None
    tokens_per_day: Annotated[int, Field(ge=1, le=10**12)] | None = None
    oidc_issuer: HttpUrl | None = None
    oidc_client_id: str | None = None
    oidc_client_secret: SecretStr | None = None
    oidc_name: str | None = None
    access_token_minutes: Annotated[int, Field(ge=1, le=1_440)] = 15
    sign_in_days: Annotated[int, Field(ge=1, le=3_650)] = 30

    metrics: Literal["off", "on"] = "off"
    metrics_host: str = "127.0.0.1"
    metrics_port: Annotated[int, Field(ge=0, le=65_535)] = 9464
    metrics_token: SecretStr | None = None

    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"
    log_requests: bool = True
    log_file: Path | None = None
    log_rotation: Annotated[str, Field(pattern=ROTATION)] = "20 MB"
    log_retention: Annotated[str, Field(pattern=RETENTION)] = "10"

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, values: Any) -> Any:
        if not isinstance(values, dict):
            return values
        trimmed = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
        return {name: value for name, value in trimmed.items() if value != ""}

    @model_validator(mode="after")
    def _guarded(self) -> Self:
        secret = self.auth_secret.get_secret_value() if self.auth_secret else ""
        if self.auth == "on" and len(secret.encode()) < SHORTEST_SECRET:
            raise ValueError(
                f"AUTH=on needs AUTH_SECRET, at least {SHORTEST_SECRET} bytes: "
                'python -c "import secrets; print(secrets.token_urlsafe(32))"'
            )
        if self.auth == "on" and self.registration == "code" and not self.registration_code:
            raise ValueError("REGISTRATION=code needs REGISTRATION_CODE.")
        if self.metrics == "on" and self.metrics_host not in LOOPBACK and not self.metrics_token:
            raise ValueError(f"METRICS_HOST={self.metrics_host} can be reached by others, and so needs METRICS_TOKEN.")
        return self

    @model_validator(mode="after")
    def _by_provider(self) -> Self:
        issuer = self.oidc_issuer
        if (issuer is None) != (self.oidc_client_id is None):
            raise ValueError("OIDC_ISSUER and OIDC_CLIENT_ID go together.")
        if issuer is not None and issuer.scheme != "https" and not _is_loopback(issuer.host or ""):
            raise ValueError("OIDC_ISSUER must be https, but on this machine itself.")
        return self

    @field_validator("data_dir", "log_file", mode="after")
    @classmethod
    def _beside_the_code(cls, value: Path | None) -> Path | None:
        return value and ROOT / value

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @field_validator("trusted_proxies", mode="after")
    @classmethod
    def _not_everybody(cls, value: tuple[IPvAnyNetwork, ...]) -> tuple[IPvAnyNetwork, ...]:
        if any(network.prefixlen == 0 for network in value):
            raise ValueError("Who trusts everybody's headers believes any address.")
        return value

    @property
    def offline(self) -> bool:
        """True where no provider is configured, so that the built-in guide answers."""
        return self.openai_api_key is None and self.openai_base_url is None

    @property
    def base_url(self) -> str:
        """The provider's address; OpenAI's own where only a key is given."""
        return str(self.openai_base_url or DEFAULT_BASE_URL).rstrip("/")

    @property
    def address(self) -> str:
        """The provider's address as it may be shown: without credentials and query."""
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"

    @property
    def issuer(self) -> str:
        """The provider that people sign in with, as its tokens name it; '' where there is none."""
        return str(self.oidc_issuer or "").rstrip("/")

    @property
    def issuer_name(self) -> str:
        """The provider as people are told of it."""
        return self.oidc_name or (self.oidc_issuer and self.oidc_issuer.host) or ""

    @property
    def chat_path(self) -> Path:
        """The precious file: sessions, messages, runs, events, own ratings."""
        return self.data_dir / "chat.db"

    @property
    def catalogue_path(self) -> Path:
        """The reproducible file: the imported movies and ratings."""
        return self.data_dir / "catalogue.db"

    @property
    def embeddings_path(self) -> Path:
        """The folder of the movies' vectors, where an embedding model is configured."""
        return self.data_dir / "embeddings"

    @property
    def model_path(self) -> Path:
        """The folder of the fitted recommender."""
        return self.data_dir / "recommender"


def slips(env_file: Path = ENV_FILE) -> list[str]:
    """Names in the environment and in `.env` that look like a setting of ours and are none, each in a sentence."""
    given = {name.upper() for name in (*os.environ, *(dotenv_values(env_file) if env_file.is_file() else ()))}
    known = {name.upper() for name in Settings.model_fields}
    return list(_slips(sorted(given - known), known))


def _slips(names: Iterable[str], known: set[str]) -> Iterable[str]:
    for name in names:
        meant = _OTHERS_NAMES.get(name) or next(iter(get_close_matches(name, known, 1, NEAR)), None)
        if meant is not None:
            yield f"{name} is no setting and is not read. Do you mean {meant}?"


_OTHERS_NAMES = {  # what other programs call it, too far from ours to be found by likeness, or near a wrong one
    "OPENAI_API_BASE": "OPENAI_BASE_URL",
    "OPENAI_API_BASE_URL": "OPENAI_BASE_URL",
    "OPENAI_API_HOST": "OPENAI_BASE_URL",
    "OPENAI_API_URL": "OPENAI_BASE_URL",
    "OPENAI_ENDPOINT": "OPENAI_BASE_URL",
    "OPENAI_URL": "OPENAI_BASE_URL",
    "OPENAI_API_MODEL": "OPENAI_MODEL",
    "OPENAI_MODEL_NAME": "OPENAI_MODEL",
    "LLM_MODEL": "OPENAI_MODEL",
    "OPENAI_KEY": "OPENAI_API_KEY",
    "OPENAI_TOKEN": "OPENAI_API_KEY",
    "OPENAI_API_TOKEN": "OPENAI_API_KEY",
    "OPENAI_ORGANIZATION": "OPENAI_ORG_ID",
    "OPENAI_ORG": "OPENAI_ORG_ID",
    "OPENAI_PROJECT": "OPENAI_PROJECT_ID",
    "EMBEDDING_MODEL": "EMBEDDINGS_MODEL",
    "MOVIELENS_PATH": "MOVIELENS_DIR",
}
