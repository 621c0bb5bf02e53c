"""The types of the service's interface for TypeScript, made from its OpenAPI document: schema.d.ts.

`.venv/bin/python examples/typescript/generate.py` generates, after `npm install` in this folder, and compiles. The
first line of schema.d.ts has a fingerprint of the document that it was made from: tests/test_examples.py compares it.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

HERE = Path(__file__).parent
SCHEMA = HERE / "schema.d.ts"
WORDS = {"title", "description", "summary"}  # say something to people, and nothing of types


def openapi() -> dict[str, Any]:
    """The present document."""
    sys.path.insert(0, str(HERE.parent.parent))
    from main import app  # noqa: PLC0415  it is found only now

    return app.openapi()


def fingerprint(document: dict[str, Any]) -> str:
    """Equal for documents of the same types."""
    return hashlib.sha256(
        json.dumps(_types(document["paths"] | document["components"]["schemas"])).encode()
    ).hexdigest()


def _types(part: Any) -> Any:
    if isinstance(part, dict):
        return {
            name: _types(value)
            for name, value in sorted(part.items())
            if name not in WORDS or not isinstance(value, str)  # not a property of that name
        }
    return [_types(item) for item in part] if isinstance(part, list) else part


def main() -> None:
    if not (HERE / "node_modules").is_dir():
        sys.exit(f"First `npm install` in {HERE}.")
    document = openapi()
    with TemporaryDirectory() as folder:
        source = Path(folder) / "openapi.json"
        source.write_text(json.dumps(document))
        made = subprocess.run(
            ["npx", "openapi-typescript", source], cwd=HERE, stdout=subprocess.PIPE, text=True, check=True
        )
    SCHEMA.write_text(f"// fingerprint: {fingerprint(document)}\n{made.stdout}")
    subprocess.run(["npx", "tsc"], cwd=HERE, check=True)


if __name__ == "__main__":
    main()
