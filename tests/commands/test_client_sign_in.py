"""The chat in a terminal at a service with accounts: people sign in and out, on a real terminal; programs have keys."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from pydantic import SecretStr

from settings import Settings
from tests.support.processes import environment, wait_for
from tests.support.secrets import AUTH_SECRET, PASSWORD
from tests.support.serving import ROOT, Server, serving
from tests.support.terminal import CTRL_D, PATIENCE, Terminal, terminal


@pytest.fixture(scope="module")
def guarded(catalogue_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A service with accounts, and Ana's among them."""
    folder = Path(shutil.copytree(catalogue_dir, tmp_path_factory.mktemp("guarded") / "data"))
    settings = Settings(
        _env_file=None, data_dir=folder, auth="on", auth_secret=SecretStr(AUTH_SECRET), registration="open"
    )
    with serving(settings) as server, server.client() as client:
        client.post("/auth/register", json={"username": "ana", "password": PASSWORD}).raise_for_status()
        yield server


def piped(server: Server, state: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "client.py", "--url", server.url, *arguments]
    return subprocess.run(command, cwd=ROOT, env={**environment(state), "XDG_STATE_HOME": str(state), **env},
                          input="/rate the matrix 4\n", capture_output=True, text=True, check=False)  # fmt: skip


def kept(state: Path) -> Path:
    [file] = (state / "marquee" / "sign-ins").iterdir()
    return file


def is_asked(shown: Terminal, question: str, times: int) -> bool:
    return shown.text.count(question) == times


def test_a_person_signs_in_stays_so_and_signs_out(guarded: Server, tmp_path: Path) -> None:
    with terminal(environment(tmp_path), "client.py", "--url", guarded.url, state=tmp_path) as shown:
        answers = {"not of it": "The name or the password is wrong.", PASSWORD: "Signed in as ana."}
        for attempt, (password, answer) in enumerate(answers.items(), 1):
            for question, given in (("Name:", "ana"), ("Password:", password)):
                wait_for(partial(is_asked, shown, question, attempt), PATIENCE)
                shown.say(given)
            shown.wait_for(answer)
        shown.wait_for("Ctrl-D leaves.")
        shown.wait_for_prompt()
        shown.type(CTRL_D)
        assert shown.wait() == 0
        assert PASSWORD.encode() not in shown.written
    assert stat.S_IMODE(kept(tmp_path).stat().st_mode) == 0o600
    assert not any(PASSWORD in path.read_text() for path in tmp_path.rglob("*") if path.is_file())
    ended = {**json.loads(kept(tmp_path).read_text()), "access_token": "of yesterday"}
    kept(tmp_path).write_text(json.dumps(ended))
    with terminal(environment(tmp_path), "client.py", "--url", guarded.url, state=tmp_path) as shown:
        shown.wait_for("Signed in as ana.")
        shown.wait_for_prompt()
        assert json.loads(kept(tmp_path).read_text())["access_token"] != "of yesterday"
        shown.say("/signout")
        shown.wait_for("Signed out.")
        assert not list((tmp_path / "marquee" / "sign-ins").iterdir())
        shown.say("hello")
        shown.wait_for("/signin signs in.")
        shown.say("/signin ana")
        shown.wait_for("Password:")
        shown.say(PASSWORD)
        shown.wait_for("Signed in as ana. /signout ends it.")
        shown.wait_for_prompt()
        shown.say("/rate the matrix 4")
        shown.wait_for("The Matrix (1999): ★★★★☆ 4")
    assert "The Matrix (1999)" in piped(guarded, tmp_path).stdout  # goes on with the sign-in that was kept


def test_a_program_has_a_key(guarded: Server, tmp_path: Path) -> None:
    nobody = piped(guarded, tmp_path)
    said = "client.py: This service asks for an account: sign in at a terminal, or set MARQUEE_API_KEY.\n"
    assert (nobody.returncode, nobody.stderr) == (1, said)
    with guarded.client() as client:
        token = client.post("/auth/token", data={"username": "ana", "password": PASSWORD}).json()["access_token"]
        client.headers["Authorization"] = f"Bearer {token}"
        made = client.post("/auth/keys", json={"name": "a program"}).json()
        program = piped(guarded, tmp_path, MARQUEE_API_KEY=made["key"])
        assert (program.returncode, program.stdout) == (0, "The Matrix (1999): ★★★★☆ 4\n"), program.stderr
        client.delete(f"/auth/keys/{made['id']}").raise_for_status()
    revoked = piped(guarded, tmp_path, "--api-key", made["key"])
    assert (revoked.returncode, revoked.stderr) == (1, "client.py: The key is not valid.\n")
    assert made["key"] not in revoked.stderr
    assert not list(tmp_path.glob("marquee/sign-ins/*"))
