from __future__ import annotations

from tests.tools.conftest import tools

__all__ = ["tools"]
