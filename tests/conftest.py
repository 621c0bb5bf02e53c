"""The service on a real socket, over real files, with a scripted upstream: nothing here is a stand-in for our code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from settings import Settings
from tests.support import scripted
from tests.support.imdb import write_imdb
from tests.support.serving import ROOT, Server, serving

MOVIELENS_DIR = os.environ.get("TEST_MOVIELENS_DIR") or os.environ.get("MOVIELENS_DIR")
for name in [name for name in os.environ if name.startswith(("OPENAI_", "LLM_", "EMBEDDINGS_", "METRICS", "OTEL_"))]:
    del os.environ[name]  # a developer's own key must not reach a test
for name in ("MOVIELENS_DIR", "DATA_DIR"):
    os.environ.pop(name, None)
if MOVIELENS_DIR is not None:
    os.environ["TEST_MOVIELENS_DIR"] = MOVIELENS_DIR  # for the workers that the tests are spread over


def pytest_xdist_auto_num_workers() -> int:
    """Half as many again as there are cores: tests wait for sockets and disks more than they compute."""
    return max(2, (os.cpu_count() or 1) * 3 // 2)


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="session")
def movielens_dir() -> Path:
    """The real ml-latest-small; tests that need it are skipped where it is not named."""
    if MOVIELENS_DIR is None:
        pytest.skip("MOVIELENS_DIR is not set")
    return Path(MOVIELENS_DIR)


@pytest.fixture(scope="session")
def catalogue_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with the sample imported and its recommender fitted, made once; copy it, do not write to it."""
    folder = tmp_path_factory.mktemp("catalogue")
    environment = {**os.environ, "DATA_DIR": str(folder)}
    for command in (["movielens.py", "import", "data/sample"], ["recommend.py", "fit"]):
        done = subprocess.run([sys.executable, *command], cwd=ROOT, env=environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
    return folder


@pytest.fixture(scope="session")
def enriched_dir(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with running times and people of our own making; copy it, do not write to it."""
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("enriched") / "data"))
    source = write_imdb(tmp_path_factory.mktemp("imdb"))
    done = subprocess.run(
        [sys.executable, "movielens.py", "enrich", source, "--data-dir", folder],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return folder


@pytest.fixture
def data_dir(catalogue_dir: Path, tmp_path: Path) -> Path:
    """A data directory of the test's own."""
    return Path(shutil.copytree(catalogue_dir, tmp_path / "data"))


@pytest.fixture
def upstream() -> Iterator[scripted.Upstream]:
    """A scripted OpenAI-compatible endpoint; at the end, every request it got must have been valid."""
    with scripted.running() as endpoint:
        yield endpoint
    assert endpoint.problems == []


@pytest.fixture
def settings(data_dir: Path) -> Settings:
    """Settings of the offline guide over a data directory of the test's own."""
    return Settings(_env_file=None, data_dir=data_dir, log_level="WARNING", shutdown_grace=1)


@pytest.fixture
def server(settings: Settings) -> Iterator[Server]:
    """The service with the offline guide."""
    with serving(settings) as running:
        yield running


@pytest.fixture
def client(server: Server) -> Iterator[httpx.Client]:
    with server.client() as client:
        yield client


@pytest.fixture
def llm_settings(settings: Settings, upstream: scripted.Upstream) -> Settings:
    """Settings that name the scripted upstream."""
    return Settings(
        _env_file=None,
        **settings.model_dump(exclude_unset=True),
        openai_api_key="sk-test-secret",
        openai_base_url=upstream.url,
        openai_model="scripted",
        llm_first_token_timeout=60,
        llm_idle_timeout=60,
        llm_max_retries=1,
    )


@pytest.fixture
def llm_server(llm_settings: Settings) -> Iterator[Server]:
    """The service with the scripted upstream."""
    with serving(llm_settings) as running:
        yield running


@pytest.fixture
def llm_client(llm_server: Server) -> Iterator[httpx.Client]:
    with llm_server.client() as client:
        yield client
