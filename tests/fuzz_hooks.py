"""What JSON Schema cannot say of a request, told to schemathesis, so that it does not take it for valid."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import schemathesis

sys.path.insert(0, str(Path(__file__).parent.parent))

from pydantic import ValidationError

from schemas import JsonSchemaFormat, SessionCreate


@schemathesis.hook
def filter_body(context: Any, body: Any) -> bool:  # noqa: ARG001  the hook's signature
    """Leave out bodies that hold a JSON Schema which is none, or two actions of one name."""
    if not isinstance(body, dict):
        return True
    try:
        if isinstance(body.get("actions"), list):
            SessionCreate(actions=body["actions"])
        if isinstance(body.get("response_format"), dict):
            JsonSchemaFormat.model_validate(body["response_format"].get("json_schema"))
    except ValidationError:
        return False
    return True
