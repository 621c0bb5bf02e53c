"""The files of deploy/ and the commands of docs/deploy.md, run as far as a test may run them."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from settings import Settings
from tests.support.processes import wait_for
from tests.support.scripted import DONE, Gate, Reply, Upstream, chunk, usage
from tests.support.serving import ROOT, Server, serving
from tests.support.wire import ask, check_whole, new_session, replay, sending

DEPLOY = ROOT / "deploy"
DOCUMENT = (ROOT / "docs/deploy.md").read_text()
NAME = "films.example.com"
COMMANDS = [line for block in re.findall(r"```sh\n(.*?)```", DOCUMENT, re.DOTALL) for line in block.splitlines()]
OURS = [line for line in COMMANDS if "db.py" in line or "backup.sh" in line]
HERE = ("nginx -t", "caddy validate", "systemd-analyze verify")  # run by the other tests of this module
OF_THE_MACHINE = (
    "adduser ", "apt-get ", "certbot ", "chmod ", "cp ", "git ", "install ", "journalctl ", "python3 -m venv ",
    "systemctl ", "/opt/marquee/.venv/bin/pip ",
)  # fmt: skip
STARTS_IN = 30


def test_every_command_is_run_or_said_not_to_be() -> None:
    assert [line for line in COMMANDS if line not in OURS and not line.startswith(HERE + OF_THE_MACHINE)] == []
    for name in re.findall(r"/opt/marquee/((?:deploy|docs|db|requirements)[\w./]*)", DOCUMENT):
        assert (ROOT / name).is_file(), name


# Backup, restore


def test_the_operators_commands_do_what_they_say(settings: Settings, tmp_path: Path) -> None:
    """Each as it is written, with other places: beside the service, then the copy in the place of what there is."""
    [nightly] = re.findall(r"```cron\n(?:\S+ ){6}(.*)\n", DOCUMENT)
    copies = tmp_path / "backups"

    def run(command: str) -> str:
        newest = max(copies.glob("chat-*.db"), default=Path("none"))
        for meant, here in (
            ("sudo -u marquee ", ""),
            ("/opt/marquee/.venv/bin/python", sys.executable),
            ("/var/backups/marquee/FILE", str(newest)),
            ("/var/backups/marquee", str(copies)),
            ("/var/lib/marquee", str(settings.data_dir)),
            ("/opt/marquee", str(ROOT)),
        ):
            command = command.replace(meant, here)
        env = {**os.environ, "PYTHON": sys.executable}
        done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    restoring = [line for line in OURS if "restore" in line]
    assert len(restoring) == 2
    with serving(settings) as server, server.client() as client:
        run_id = ask(client, new_session(client), "films like Heat")["run"]["id"]
        before = replay(client, run_id).frames
        said = [run(line) for line in OURS if line not in restoring]
        assert any("Added ana." in words for words in said)
        assert any("is sound." in words for words in said)
        old = copies / "chat-19990101T000000Z.db"
        old.touch()
        os.utime(old, (0, 0))
        run(nightly)
        assert not old.exists()
        lost = ask(client, new_session(client), "films like Alien")["run"]["id"]
    assert {path.stat().st_mode & 0o777 for path in copies.iterdir()} == {0o600}
    run(restoring[0])
    with serving(settings) as server, server.client() as client:
        assert replay(client, run_id).frames == before
        assert client.get(f"/runs/{lost}").status_code == httpx.codes.NOT_FOUND


# The unit


def test_systemd_understands_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed (Debian: apt-get install systemd)")
    unit = (DEPLOY / "marquee.service").read_text()
    assert "/opt/marquee/.venv/bin/uvicorn" in unit
    here = tmp_path / "marquee.service"
    uvicorn = Path(sys.executable).with_name("uvicorn")
    here.write_text(unit.replace("/opt/marquee/.venv/bin/uvicorn", str(uvicorn)).replace("/opt/marquee", str(ROOT)))
    command = ["systemd-analyze", "verify", "--man=no", "--recursive-errors=no", str(here)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


# The proxies


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def nginx(server: Server, folder: Path) -> tuple[list[str], str]:
    """Our nginx.conf on ports of its own, with a certificate of its own; the address."""
    port, key, certificate = free_port(), folder / "key.pem", folder / "cert.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={NAME}",
         "-keyout", key, "-out", certificate], check=True, capture_output=True)  # fmt: skip
    site = (DEPLOY / "nginx.conf").read_text()
    for meant, here in (
        ("127.0.0.1:8000", "{}:{}".format(*server.address)),
        ("listen 80", f"listen 127.0.0.1:{free_port()}"),
        ("listen 443", f"listen 127.0.0.1:{port}"),
        (f"/etc/letsencrypt/live/{NAME}/fullchain.pem", str(certificate)),
        (f"/etc/letsencrypt/live/{NAME}/privkey.pem", str(key)),
    ):
        assert meant in site
        site = site.replace(meant, here)
    (folder / "site.conf").write_text(site)
    kept = "".join(
        f"{kind}_temp_path {folder}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;" if os.geteuid() == 0 else ""
    http = f"http {{ access_log off; {kept} include {folder}/site.conf; }}"
    (folder / "nginx.conf").write_text(f"{user} daemon off; pid {folder}/pid; events {{}} {http}")
    command = ["nginx", "-e", str(folder / "error.log"), "-c", str(folder / "nginx.conf")]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    return command, f"https://127.0.0.1:{port}"


def caddy(server: Server, folder: Path) -> tuple[list[str], str]:
    """Our Caddyfile on a port of its own, without a certificate: Caddy would ask the world for it; the address."""
    checked = subprocess.run(
        ["caddy", "validate", "--adapter", "caddyfile", "--config", DEPLOY / "Caddyfile"],
        env={**os.environ, "HOME": str(folder)}, capture_output=True, text=True, check=False)  # fmt: skip
    assert checked.returncode == 0, checked.stderr
    port = free_port()
    site = (DEPLOY / "Caddyfile").read_text().replace("127.0.0.1:8000", "{}:{}".format(*server.address))
    site = site.replace(f"\n{NAME} {{", f"\nhttp://{NAME}:{port} {{\n\tbind 127.0.0.1")
    (folder / "Caddyfile").write_text(f"{{\n\tadmin off\n}}\n{site}")
    command = ["caddy", "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
    return command, f"http://127.0.0.1:{port}"


@contextmanager
def started(command: list[str], folder: Path, url: str) -> Iterator[httpx.Client]:
    """A proxy, and a client of it."""
    with (folder / "output").open("wb") as output:
        process = subprocess.Popen(command, env={**os.environ, "HOME": str(folder)}, stdout=output, stderr=output)
    headers = {"Host": url.replace("127.0.0.1", NAME).partition("://")[2]}
    client = httpx.Client(base_url=url, headers=headers, verify=False, timeout=60)

    def is_there() -> bool:
        assert process.poll() is None, (folder / "output").read_text()
        try:
            return client.get("/health/live").is_success
        except httpx.TransportError:
            return False

    try:
        wait_for(is_there, STARTS_IN)
        yield client
    finally:
        client.close()
        process.terminate()
        process.wait(STARTS_IN)


@pytest.mark.parametrize("proxy", [nginx, caddy])
def test_a_stream_comes_through_as_it_is_made(
    proxy: Callable[[Server, Path], tuple[list[str], str]], llm_settings: Settings, upstream: Upstream, tmp_path: Path
) -> None:
    """The first words arrive while the model has not said the rest; the proxy holds nothing back."""
    if shutil.which(proxy.__name__) is None:
        pytest.skip(f"{proxy.__name__} is not installed (Debian: apt-get install {proxy.__name__})")
    gate = Gate()
    upstream.queue(Reply([chunk({"content": "First "}), gate, chunk({"content": "last"}, "stop"), usage(), DONE]))
    settings = llm_settings.model_copy(update={"allowed_hosts": (NAME,), "llm_idle_timeout": 60})
    with serving(settings) as server:
        command, url = proxy(server, tmp_path)
        with started(command, tmp_path, url) as client:
            session = client.post("/sessions").raise_for_status().json()["id"]
            origin = {"Origin": f"{url.partition('://')[0]}://{client.headers['host']}"}
            renamed = client.patch(f"/sessions/{session}", json={"title": "Through"}, headers=origin)
            assert renamed.status_code == httpx.codes.OK, renamed.text
            with sending(client, session) as live:
                live.until("text.delta")
                assert live.response.headers["x-request-id"]
                gate.open()
                whole = live.rest()
        check_whole(whole)
        assert whole.text == "First last"
        with server.client() as near:
            assert near.get(f"/runs/{whole.run['id']}/events").content.endswith(whole.blocks[-1])
