"""The chat page in Chromium: bytes, time until it can be used, a session of 10,000 messages, and streaming.

`python -m benchmarks.page` starts the service in a process of its own, with a scripted upstream. Times are the
browser's own (performance.now, PerformanceObserver, its trace), from the start of the navigation, medians over loads
by a new profile with an empty cache. Each load of the page is followed by one of a line of text from the same service:
what the browser takes for itself, which no page can avoid.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from rich.console import Console
from rich.table import Table

from benchmarks.store import LONG, fill
from storage.opening import open_database
from tests.page.conftest import CHROMIUM, DESKTOP
from tests.page.driving import Chat
from tests.support import scripted
from tests.support.processes import environment, process
from tests.support.scripted import DONE, Pause, Reply, chunk, usage

ROOT = Path(__file__).parent.parent
LOADS = 9
TRACED = 3
BARE = "/health"  # JSON, that the browser shows as text
TASK = "ThreadControllerImpl::RunTask"
SLOWER = 4  # times, for a phone's processor
RATE, SECONDS = 100, 8  # tokens a second, and for how long
BYTES_BAR, READY_BAR, LONG_BAR = 120_000, 300.0, 1_000.0

WATCH = """
    window.seen = {longTasks: [], usable: null, gap: 0};
    new PerformanceObserver((list) => {
        for (const it of list.getEntries()) seen.longTasks.push({start: it.startTime, duration: it.duration});
    }).observe({type: 'longtask', buffered: true});
    let frame = null;
    const look = (now) => {
        if (frame !== null) seen.gap = Math.max(seen.gap, now - frame);
        frame = now;
        const ready = document.querySelector('textarea:not(:disabled)');
        if (ready && seen.usable === null && (!window.awaited || document.body.innerText.includes(awaited)))
            seen.usable = performance.now();
        requestAnimationFrame(look);
    };
    requestAnimationFrame(look);
"""
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime"
QUIET = "performance.now() - Math.max(seen.usable, ...seen.longTasks.map((it) => it.start + it.duration)) > 500"


def main() -> None:
    bytes_of_page = sum(path.stat().st_size for path in (ROOT / "static").rglob("*") if path.is_file())
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "movielens.py", "import", "data/sample", "--data-dir", folder]
        subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
        chats = Path(folder) / "chat.db"
        long = asyncio.run(fill(chats, overall=LONG))
        last = asyncio.run(last_words(chats, long))
        with scripted.running() as upstream, process(environment(Path(folder), upstream)) as server:
            upstream.otherwise = lambda _: streamed()
            with chromium() as browser:
                measure(browser, server.url, long, last, bytes_of_page)


def measure(browser: Browser, url: str, long: str, last: str, bytes_of_page: int) -> None:
    """All figures as a table. `long`: the session of many messages, `last`: the end of it."""
    first, bare = beside_a_bare_one(browser, url)
    worked = processor_time(browser, url)
    slower = loads(browser, url, slower=SLOWER)
    opened = loads(browser, f"{url}/#/chat/{long}", awaited=last)
    tasks, gap, busy = streaming(browser, url)
    tasks_long, gap_long, busy_long = streaming(browser, url, f"#/chat/{long}")
    table = Table("", "", "bar")
    table.add_row("bytes of the page's files", f"{bytes_of_page:,}", f"{BYTES_BAR:,}")
    table.add_row("can be used after, ms", f"{first:.0f}", f"{READY_BAR:.0f}")
    table.add_row("a line of text from the same service is painted after, ms", f"{bare:.0f}", "")
    table.add_row("processor's time of the page's thread until it can be used, ms", f"{worked:.0f}", "")
    table.add_row(f"the same, processor {SLOWER} times slower", f"{slower:.0f}", "")
    table.add_row(f"a session of {LONG:,} messages opens in, ms", f"{opened:.0f}", f"{LONG_BAR:.0f}")
    table.add_row(f"long tasks at {RATE} tokens/s", str(tasks), "0")
    table.add_row("longest time between frames, ms", f"{gap:.0f}", "")
    table.add_row("longest task, ms of the processor's time", f"{busy:.0f}", "50")
    table.add_row(f"the same three in the session of {LONG:,}", f"{tasks_long}, {gap_long:.0f}, {busy_long:.0f}", "0")
    table.add_row("load of the machine, processes that want to run", f"{os.getloadavg()[0]:.1f}", "")
    Console().print(table)


@contextmanager
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        sys.exit("There is no Chromium here (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])


@contextmanager
def opened_page(browser: Browser, awaited: str = "", slower: int = 1) -> Iterator[Page]:
    """A page of a new profile, which watches itself."""
    with browser.new_context(viewport=DESKTOP) as context:
        page = context.new_page()
        page.add_init_script(f"window.awaited = {awaited!r};{WATCH}")
        if slower > 1:
            context.new_cdp_session(page).send("Emulation.setCPUThrottlingRate", {"rate": slower})
        yield page


def beside_a_bare_one(browser: Browser, url: str) -> tuple[float, float]:
    """The medians of loads in turn: of the page until it can be used, of a line of text until it is painted."""
    pairs = [(load(browser, url, "", 1), painted(browser, f"{url}{BARE}")) for _ in range(LOADS)]
    return statistics.median(it for it, _ in pairs), statistics.median(it for _, it in pairs)


def painted(browser: Browser, url: str) -> float:
    with opened_page(browser) as page:
        page.goto(url)
        page.wait_for_function(f"() => {PAINTED}")
        return float(page.evaluate(PAINTED))


def processor_time(browser: Browser, url: str) -> float:
    """The least of a few traced loads, from the start of the navigation to the first frame with a field to type in."""
    return min(traced(browser, url) for _ in range(TRACED))


def traced(browser: Browser, url: str) -> float:
    with opened_page(browser) as page:
        browser.start_tracing(page=page, categories=["toplevel", "blink.user_timing"])
        page.goto(url)
        page.wait_for_function(f"() => seen.usable !== null && {PAINTED}")
        events = json.loads(browser.stop_tracing())["traceEvents"]
        until = max(page.evaluate(PAINTED), page.evaluate("seen.usable")) * 1_000
    starts = [it for it in events if it["name"] == "navigationStart"]
    start = next(it["ts"] for it in starts if it["args"]["data"]["documentLoaderURL"].startswith(url))
    tasks = [it for it in events if it["name"] == TASK and (it["pid"], it["tid"]) in main_threads(events)]
    return sum(float(it.get("tdur", 0)) for it in tasks if start <= it["ts"] <= start + until) / 1_000


def loads(browser: Browser, url: str, awaited: str = "", slower: int = 1) -> float:
    """The median until there is a field to type in, what is awaited is seen, and no long task is under way."""
    return statistics.median(load(browser, url, awaited, slower) for _ in range(LOADS))


def load(browser: Browser, url: str, awaited: str, slower: int) -> float:
    with opened_page(browser, awaited, slower) as page:
        page.goto(url)
        page.wait_for_function(f"() => seen.usable !== null && {QUIET}")
        painted, usable = page.evaluate(PAINTED) or 0, page.evaluate("seen.usable")
        ends = page.evaluate("seen.longTasks.map((it) => it.start + it.duration)")
        return float(max(painted, usable, *ends) if ends else max(painted, usable))


def streaming(browser: Browser, url: str, path: str = "") -> tuple[int, float, float]:
    """Long tasks while an answer streams, the longest time between two frames, and the longest task's processor time.

    In milliseconds. On a machine that does other things besides, a task takes long in which nothing is done: the
    processor's time, of a second answer that is traced, tells what is the page's own.
    """
    with opened_page(browser) as page:
        chat = Chat(page, url).open(path)
        page.wait_for_function(f"() => seen.usable !== null && {QUIET}")
        page.evaluate("seen.longTasks.length = 0; seen.gap = 0")
        answered(chat)
        tasks, gap = int(page.evaluate("seen.longTasks.length")), float(page.evaluate("seen.gap"))
        browser.start_tracing(page=page, categories=["toplevel"])
        answered(chat)
        return tasks, gap, busiest(json.loads(browser.stop_tracing())["traceEvents"])


def answered(chat: Chat) -> None:
    asked = chat.exchanges.filter(has_text="go on").count()
    chat.send("go on")
    chat.exchanges.filter(has_text="go on").nth(asked).get_by_text("The end.").wait_for(timeout=SECONDS * 5_000)
    chat.expect_idle()
    chat.page.evaluate("new Promise((done) => setTimeout(done, 500))")


def busiest(events: list[dict[str, Any]]) -> float:
    """The longest task of a page's main thread, in milliseconds of the processor's time."""
    main = main_threads(events)
    return max(float(it.get("tdur", 0)) for it in events if (it["pid"], it["tid"]) in main) / 1_000


def main_threads(events: list[dict[str, Any]]) -> set[tuple[int, int]]:
    """Process and thread of each page."""
    return {(it["pid"], it["tid"]) for it in events if it.get("args", {}).get("name") == "CrRendererMain"}


def streamed() -> Reply:
    """Paragraphs, a list and bold words, a token at a time."""
    words = ["**Heat** ", "is ", "a ", "film ", "of ", "1995. ", "\n\n- ", "It ", "is ", "long"]
    pieces: list[scripted.Piece] = []
    for number in range(RATE * SECONDS):
        pieces += [Pause(1 / RATE), chunk({"content": words[number % len(words)]})]
    return Reply([*pieces, chunk({"content": "\n\nThe end."}), chunk(finish="stop"), usage(), DONE])


async def last_words(path: Path, session: str) -> str:
    """The end of the newest message of a session."""
    database = await open_database(path)
    try:
        [row] = await database.fetch(
            "SELECT content FROM messages WHERE session_id = ? ORDER BY number DESC LIMIT 1", (session,)
        )
    finally:
        await database.close()
    return " ".join(str(row["content"]).split()[-6:])


if __name__ == "__main__":
    main()
