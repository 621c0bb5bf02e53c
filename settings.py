"""The environment, read once into one frozen object. Nothing else reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

DEFAULT_BASE_URL = "https://api.openai.com/v1"

Seconds = Annotated[float, Field(gt=0, le=86_400)]


def _split(value: object) -> object:
    return [part for part in value.replace(",", " ").split() if part] if isinstance(value, str) else value


Names = Annotated[tuple[str, ...], NoDecode, BeforeValidator(_split)]  # `one, two` in the environment
Count = Annotated[int, Field(ge=1, le=1_000_000)]


class Settings(BaseSettings):
    """Every setting of the service; `.env.example` says what each is for.

    Read from the environment, then from `.env`. An empty value counts as not set.
    """

    model_config = SettingsConfigDict(
        env_file=".env", env_file_encoding="utf-8", env_ignore_empty=True, extra="ignore", frozen=True
    )

    openai_api_key: SecretStr | None = None
    openai_base_url: HttpUrl | None = None
    openai_model: str = "gpt-4.1-mini"
    openai_org_id: str | None = None
    openai_project_id: str | None = None

    embeddings_model: str | None = None
    embeddings_source: Literal["provider", "local"] = "provider"

    data_dir: Path = Path("var")
    movielens_dir: Path | None = None
    sqlite_synchronous: Literal["NORMAL", "FULL"] = "NORMAL"

    llm_connect_timeout: Seconds = 5
    llm_idle_timeout: Seconds = 60
    llm_total_timeout: Seconds = 300
    llm_max_retries: Annotated[int, Field(ge=0, le=10)] = 2
    llm_max_retry_after: Seconds = 10
    llm_max_steps: Annotated[int, Field(ge=1, le=50)] = 8
    llm_max_repairs: Annotated[int, Field(ge=0, le=10)] = 2
    llm_max_output_tokens: Count | None = None
    llm_context_tokens: Annotated[int, Field(ge=1_000, le=10_000_000)] = 32_000
    llm_temperature: Annotated[float, Field(ge=0, le=2)] | None = None

    cors_origins: Names = ()
    allowed_hosts: Names = ()
    request_timeout: Seconds = 15
    max_message_chars: Count = 32_000
    max_body_bytes: Annotated[int, Field(ge=1_024, le=100_000_000)] = 1_000_000
    max_live_runs: Count = 500
    shutdown_grace: Annotated[float, Field(ge=0, le=600)] = 10
    replay_retention: Annotated[float, Field(gt=0)] = 7 * 86_400
    sse_ping: Annotated[float, Field(ge=0.1, le=300)] = 15

    log_level: Literal["TRACE", "DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["text", "json"] = "text"

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def offline(self) -> bool:
        """Whether no provider is configured, so that the built-in guide answers."""
        return self.openai_api_key is None and self.openai_base_url is None

    @property
    def base_url(self) -> str:
        """The provider's address; OpenAI's own where only a key is given."""
        return str(self.openai_base_url or DEFAULT_BASE_URL).rstrip("/")

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
