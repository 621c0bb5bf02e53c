"""A conversation by the reference client: `python examples/python_client.py [URL] [QUESTION …]`.

It streams the answer, lists the movies that it rests on, rates the first and asks what to watch next. It can be killed
and started again at any moment: with the same key nothing is said twice.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))  # client.py, schemas.py and movies/ are all it needs

from client import Client, ClientError
from movies.models import ListedMovie, MovieList, RecommendationRequest
from schemas import RunEnded, SessionCreate, TextDeltaEvent, ToolCallEvent, ToolResultEvent


def say_why(error: ClientError, _: float) -> None:
    print(f"{error} Trying again …", file=sys.stderr)


async def converse(url: str, question: str) -> None:
    async with Client(url, patience=5, on_wait=say_why) as client:
        session = await client.create_session(SessionCreate(title="By Python"), key=f"example {question}")
        found: list[ListedMovie] = []
        async for event in client.send_message(session.id, question):
            match event:
                case TextDeltaEvent():
                    print(event.delta, end="", flush=True)
                case ToolCallEvent():
                    print(f"[{event.name} {event.arguments}]")
                case ToolResultEvent(name="search_movies" | "similar_movies" | "recommend", ok=True):
                    found = MovieList.model_validate(event.result).movies
                case RunEnded():
                    print(f"\n[{event.type}]")
        for movie in found[:1]:
            await client.put_rating(movie.movie_id, 5)
            more = await client.recommend(RecommendationRequest(liked=[movie.movie_id], limit=3))
            print(f"Who likes {movie.called} may like {', '.join(other.called for other in more.movies)}")


def main(url: str = "http://127.0.0.1:8000", *question: str) -> int:
    try:
        asyncio.run(converse(url, " ".join(question) or "recommend me three films like Heat"))
    except ClientError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
