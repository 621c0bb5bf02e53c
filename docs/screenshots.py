"""The README's pictures of the page, made from a conversation with the guide: `python -m docs.screenshots [DATA_DIR]`.

Over the catalogue in DATA_DIR, of which a copy is used, or the sample. The same data and the same Chromium give the
same pictures.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from docs.draw import ROOT
from tests.page.conftest import CHROMIUM
from tests.page.driving import Chat
from tests.support.processes import environment, process, wait_for

FOLDER = ROOT / "docs" / "images"
COLOURS = 256
MOST_BYTES = 200_000
FIT_SECONDS = 300.0
RATED = {1: 4.5, 318: 5, 296: 4, 2571: 4.5, 260: 4}  # movie: stars, so that reasons can be shown
DESKTOP: dict[str, Any] = {"viewport": {"width": 1200, "height": 900}, "color_scheme": "light"}
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 780}, "color_scheme": "dark", "device_scale_factor": 2, "has_touch": True
}  # fmt: skip
UNTOLD = "localStorage.setItem('dismissed:start', 'yes'); localStorage.setItem('dismissed:guide', 'yes');"


def main() -> None:
    if CHROMIUM is None:
        sys.exit("There is no Chromium here (Debian: apt-get install chromium).")
    FOLDER.mkdir(exist_ok=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        process(environment(copied(Path(folder)))) as server,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"]) as browser,
    ):
        with server.client() as client:
            wait_for(lambda: client.get("/health").json()["recommender"]["fitted"], FIT_SECONDS)
            for movie, stars in RATED.items():
                client.put(f"/ratings/{movie}", json={"stars": stars})
        take(browser, server.url, "chat", DESKTOP, ["recommend me three films like Heat"])
        take(browser, server.url, "chat-phone-dark", PHONE, ["three funny films from the nineties"])


def copied(folder: Path) -> Path:
    """A data directory with the catalogue that is asked for, without anybody's chats and ratings."""
    if len(sys.argv) > 1:
        shutil.copytree(sys.argv[1], folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("chat.db*"))
    return folder


def take(browser: Browser, url: str, name: str, look: dict[str, Any], questions: list[str]) -> None:
    """One picture, of a conversation of its own."""
    with browser.new_context(reduced_motion="reduce", **look) as context:
        context.add_init_script(UNTOLD)
        page = context.new_page()
        chat = Chat(page, url).open()
        for question in questions:
            chat.ask(question)
        settle(page)
        save(page, FOLDER / f"{name}.png")


def settle(page: Page) -> None:
    """Nothing is loaded, moved or blinking any more."""
    page.wait_for_load_state("networkidle")
    page.evaluate("document.fonts.ready.then(() => document.activeElement?.blur())")


def save(page: Page, path: Path) -> None:
    """The window as a picture; of few colours where it would be large."""
    page.screenshot(path=path, animations="disabled", caret="hide")
    if path.stat().st_size > MOST_BYTES:
        with Image.open(path) as picture:
            few = picture.convert("RGB").quantize(COLOURS)
        few.save(path, optimize=True)


if __name__ == "__main__":
    main()
