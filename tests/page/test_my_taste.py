"""My taste: the list follows my ratings, which I change, delete, bring along and take away."""

from __future__ import annotations

import json
import re
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.page.conftest import Watch
from tests.page.driving import Chat
from tests.page.test_views import stored
from tests.support.processes import wait_for

LETTERBOXD = """Date,Name,Year,Letterboxd URI,Rating
2024-01-02,Heat,1995,https://boxd.it/1,4.5
2024-01-03,King Kong,,https://boxd.it/2,3
2024-01-03,The Film That Is Not There,2031,https://boxd.it/3,2
"""


def part(page: Page, name: str) -> Locator:
    return page.get_by_test_id(name)


def shown(page: Page) -> list[str]:
    return [str(card.get_attribute("aria-label")) for card in part(page, "for-you").get_by_test_id("movie-card").all()]


def rows(page: Page) -> Locator:
    return page.get_by_test_id("own-rating")


@pytest.fixture
def rated(client: httpx.Client) -> list[str]:
    """Thirty own ratings, the newest last."""
    movies = client.get("/movies", params={"limit": 30}).json()["data"]
    for index, movie in enumerate(movies):
        client.put(f"/ratings/{movie['movie_id']}", json={"stars": 1 + index % 9 / 2}).raise_for_status()
    return [f"{movie['title']} {movie['year']}" for movie in movies]


def test_the_list_follows_a_rating_at_once(guide: Chat, client: httpx.Client) -> None:
    page = guide.open("#/taste").page
    expect(part(page, "for-you")).to_contain_text("These are loved by many")
    first = part(page, "for-you").get_by_test_id("movie-card").first
    name = str(first.get_attribute("aria-label"))
    first.get_by_role("slider").press("End")
    expect(part(page, "for-you")).to_contain_text(f"Because of {name[:-7]}")
    assert name not in shown(page)
    assert list(stored(client).values()) == [5.0]
    expect(part(page, "taste").get_by_role("img", name="Your ratings by stars")).to_be_visible()
    expect(rows(page)).to_have_count(1)


@pytest.mark.usefixtures("rated")
def test_the_sliders_change_the_list_and_are_remembered(guide: Chat) -> None:
    page = guide.open("#/taste").page
    expect(part(page, "for-you").get_by_test_id("movie-card").first).to_be_visible()
    before = shown(page)
    page.get_by_role("slider", name=re.compile("^Novelty")).press("End")
    expect(part(page, "for-you").get_by_test_id("movie-card").first).not_to_have_attribute("aria-label", before[0])
    page.reload()
    expect(page.get_by_role("slider", name=re.compile("^Novelty"))).to_have_value("1")


def test_own_ratings_are_sorted_found_and_turned_over(guide: Chat, rated: list[str]) -> None:
    page = guide.open("#/taste").page
    expect(rows(page)).to_have_count(25)
    expect(rows(page).first).to_contain_text(rated[-1])
    page.get_by_role("button", name="On", exact=True).click()
    expect(rows(page)).to_have_count(5)
    page.get_by_label("Order of your ratings").select_option("oldest")
    expect(rows(page).first).to_contain_text(rated[0])
    page.get_by_label("Find among your ratings").fill(rated[7][:-5])
    expect(rows(page).first).to_contain_text(rated[7])


@pytest.mark.usefixtures("rated")
def test_a_deleted_rating_can_be_brought_back_by_the_keyboard(guide: Chat, client: httpx.Client) -> None:
    page = guide.open("#/taste").page
    before = stored(client)
    first = rows(page).first
    delete = first.get_by_role("button", name=re.compile("^Delete the rating of"))
    delete.focus()
    page.keyboard.press("Enter")
    undo = page.get_by_role("button", name="Undo")
    expect(undo).to_be_focused()
    wait_for(lambda: len(stored(client)) == 29)
    page.keyboard.press("Enter")
    expect(first.get_by_role("button", name=re.compile("^Delete the rating of"))).to_be_focused()
    assert stored(client) == before


def test_an_export_is_looked_over_before_it_is_brought_in(guide: Chat, client: httpx.Client, tmp_path: Path) -> None:
    export = tmp_path / "ratings.csv"
    export.write_text(LETTERBOXD)
    page = guide.open("#/taste").page
    transfer = part(page, "transfer")
    transfer.locator("input[type=file]").set_input_files(export)
    expect(transfer.get_by_test_id("import-preview")).to_contain_text("Letterboxd")
    expect(transfer).to_contain_text("1 new, 1 to choose and 1 not found")
    assert stored(client) == {}
    choice = transfer.get_by_label("Which movie is King Kong?")
    choice.select_option(index=1)
    chosen = int(choice.input_value())
    transfer.get_by_role("button", name="Import 2 movies").click()
    expect(transfer.get_by_test_id("import-done")).to_contain_text("2 new")
    heat = client.get("/movies", params={"q": "Heat 1995", "limit": 1}).json()["data"][0]["movie_id"]
    assert stored(client) == {heat: 4.5, chosen: 3.0}
    expect(rows(page)).to_have_count(2)
    expect(part(page, "for-you")).to_contain_text("Because of")


@pytest.mark.usefixtures("rated")
def test_ratings_are_taken_away_as_files(guide: Chat) -> None:
    page = guide.open("#/taste").page
    for name in ("CSV", "JSON"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"Export as {name}").click()
        assert download.value.suggested_filename == f"marquee-ratings.{name.lower()}"
        text = Path(download.value.path()).read_text()
        assert len(json.loads(text)["ratings"] if name == "JSON" else text.splitlines()[1:]) == 30


@pytest.mark.usefixtures("rated")
def test_a_part_that_failed_can_be_asked_for_again(guide: Chat, watch: Watch) -> None:
    watch.allowed.append("503")
    page = guide.page
    problem = '{"title": "Overloaded", "status": 503, "detail": "Not right now.", "code": "overloaded"}'
    page.route(
        "**/taste", lambda route: route.fulfill(status=503, body=problem, content_type="application/problem+json")
    )
    guide.open("#/taste")
    alert = part(page, "taste").get_by_role("alert")
    expect(alert).to_contain_text("Not right now.")
    expect(part(page, "for-you").get_by_test_id("movie-card").first).to_be_visible()
    page.unroute("**/taste")
    alert.get_by_role("button", name="Try again").click()
    expect(part(page, "taste").get_by_role("table", name=re.compile("^Genres"))).to_be_visible()


def test_plots_are_stepped_through_by_keys(guide: Chat) -> None:
    page = guide.open("#/movies/1").page
    stars = page.get_by_role("group", name=re.compile("by stars, by arrow keys"))
    stars.press("End")
    expect(stars.locator("+ .plot-readout")).to_contain_text("5 stars")
    time = page.get_by_role("group", name=re.compile("over time, by arrow keys"))
    time.press("ArrowRight")
    expect(time.locator("+ .plot-readout")).to_contain_text("rating")
    page.get_by_role("button", name="By month").click()
    expect(page.get_by_role("button", name="By month")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("table", name=re.compile("over time"))).to_contain_text(re.compile(r"Jan \d{4}"))
