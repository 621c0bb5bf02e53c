"""The two chains of every tutorial, over HTTP: `python examples/chains.py http://127.0.0.1:8000 USER_ID [QUESTION …]`.

A sequential chain hands each model's words on to the next prompt: a user's ratings → their taste → why these
recommendations fit it. A router chain leaves it to the model which tool answers which question.
"""

from __future__ import annotations

import sys
from typing import Any

import httpx

QUESTIONS = ["recommend me three films like Heat", "which westerns are best?", "compare Heat and Ronin"]


def sequential(client: httpx.Client, user_id: int) -> tuple[str, str]:
    """A user's ratings → taste, in the model's words → recommendations, in words that rest on that taste."""
    taste = post(client, "/prompts/ratings_prompt_per_user", user_id=user_id)["text"]
    asked = {"user_id": user_id, "taste": taste, "limit": 3}
    return taste, post(client, "/prompts/recommendations_prompt_per_taste", **asked)["text"]


def router(client: httpx.Client, questions: list[str]) -> list[tuple[str, list[str], str]]:
    """Each question, the tools that the model chose for it, and its answer; one session, so each knows those before."""
    session = post(client, "/sessions")["id"]
    routed = []
    for question in questions:
        messages = post(client, f"/sessions/{session}/messages", content=question)["messages"]
        chosen = [call["name"] for message in messages for call in message.get("tool_calls") or []]
        routed.append((question, chosen, messages[-1]["content"]))
    return routed


def post(client: httpx.Client, path: str, **body: Any) -> dict[str, Any]:
    response = client.post(path, json=body, headers={"Accept": "application/json"})
    response.raise_for_status()
    return dict(response.json())


def main(url: str, user_id: str, *questions: str) -> None:
    with httpx.Client(base_url=url, timeout=600) as client:
        taste, recommendations = sequential(client, int(user_id))
        print(f"Taste: {taste}\n\nRecommendations: {recommendations}\n")
        for question, chosen, answer in router(client, list(questions) or QUESTIONS):
            print(f"{question} → {', '.join(chosen) or 'no tool'}\n{answer}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
