"""Tools asked as a model asks them."""

from __future__ import annotations

from typing import Any

from tools.registry import Toolbox, find_tool


async def ask(tools: Toolbox, name: str, **args: Any) -> Any:
    result, _ = await tools.run(name, find_tool(name).check(args))
    return result


def titles(result: Any) -> list[str]:
    return [movie["title"] for movie in result["movies"]]
