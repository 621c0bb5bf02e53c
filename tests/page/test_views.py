"""A movie's page, one's taste, and exploring: what is rated in one place counts in all."""

from __future__ import annotations

import re

import httpx
from playwright.sync_api import Locator, expect

from tests.page.conftest import PHONE, Watch
from tests.page.driving import Chat
from tests.support.processes import wait_for


def rate(card: Locator, stars: float) -> None:
    """By the keys of the slider: halves."""
    slider = card.get_by_role("slider").first
    slider.focus()
    slider.press("Home")
    for _ in range(int(stars * 2)):
        slider.press("ArrowRight")


def toy_story(client: httpx.Client) -> int:
    return int(client.get("/movies", params={"q": "Toy Story"}).json()["data"][0]["movie_id"])


def stored(client: httpx.Client) -> dict[int, float]:
    return {it["movie"]["movie_id"]: it["stars"] for it in client.get("/ratings").json()["data"]}


def titles(cards: Locator) -> list[str]:
    return [str(card.get_attribute("aria-label")) for card in cards.all()]


def test_ratings_move_what_is_recommended(guide: Chat, client: httpx.Client) -> None:
    first = guide.ask("recommend me a film").locator("[data-testid=movie-card]")
    expect(first.first).to_be_visible()
    before = titles(first)
    loved = first.nth(0)
    rate(loved, 5)
    wait_for(lambda: list(stored(client).values()) == [5.0])
    rate(first.nth(1), 1)
    wait_for(lambda: sorted(stored(client).values()) == [1.0, 5.0])
    second = guide.ask("recommend me a film").locator("[data-testid=movie-card]")
    expect(second.first).to_be_visible()
    after = titles(second)
    assert not {before[0], before[1]} & set(after)
    assert before != after


def test_a_rating_is_the_same_everywhere(guide: Chat, client: httpx.Client) -> None:
    """On a card of the chat, on the movie's page, in another tab; changed and taken back."""
    card = guide.ask("tell me about Heat (1995)").locator("[data-testid=movie-card]").first
    other = guide.another_tab()
    rate(card, 3.5)
    wait_for(lambda: list(stored(client).values()) == [3.5])
    [movie] = stored(client)
    slider = other.page.locator("[data-testid=movie-card]").first.get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("3.5"))
    guide.open(f"#/movies/{movie}")
    slider = guide.page.get_by_role("slider", name=re.compile("Heat")).first
    expect(slider).to_have_attribute("aria-valuetext", re.compile("3.5"))
    slider.press("ArrowRight")
    wait_for(lambda: stored(client) == {movie: 4.0})
    slider.press("Delete")
    wait_for(lambda: stored(client) == {})


def test_stars_are_given_by_the_mouse(guide: Chat, client: httpx.Client) -> None:
    card = guide.ask("tell me about Heat (1995)").locator("[data-testid=movie-card]").first
    slider = card.get_by_role("slider").first
    box = slider.bounding_box()
    assert box is not None
    slider.click(position={"x": box["width"] * 0.78, "y": box["height"] / 2})  # the middle of the fourth star is at 0.7
    wait_for(lambda: list(stored(client).values()) == [4.0])


def test_a_rating_that_is_not_stored_is_taken_back(guide: Chat, watch: Watch) -> None:
    watch.allowed.append("503")
    card = guide.ask("tell me about Heat (1995)").locator("[data-testid=movie-card]").first
    problem = '{"title": "Overloaded", "status": 503, "detail": "Not now.", "code": "overloaded"}'
    guide.page.route(
        "**/ratings/*", lambda route: route.fulfill(status=503, body=problem, content_type="application/problem+json")
    )
    rate(card, 4)
    expect(card.get_by_role("slider")).to_have_attribute("aria-valuetext", "not rated")


def test_a_movie_has_a_page(guide: Chat, client: httpx.Client) -> None:
    """Its ratings over time as a plot with words, its tags, movies like it, and a way to ask about it."""
    guide.open(f"#/movies/{toy_story(client)}")
    page = guide.page
    expect(page.get_by_role("heading", level=1)).to_contain_text("Toy Story (1995)")
    expect(page).to_have_title(re.compile("Toy Story"))
    expect(
        page.get_by_role("table", name=re.compile("over time|by month|by year", re.IGNORECASE)).first
    ).to_be_visible()
    like = page.locator("[data-testid=movie-card]")
    expect(like.nth(2)).to_be_visible()
    expect(page.get_by_role("link", name="IMDb").first).to_have_attribute("href", re.compile("^https://www.imdb.com/"))
    like.nth(1).get_by_role("link").first.click()
    expect(page.get_by_role("heading", level=1)).not_to_contain_text("Toy Story (1995)")
    page.go_back()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Toy Story (1995)")


def test_a_film_can_be_rated_on_the_first_screen_of_a_phone(guide: Chat) -> None:
    """Without scrolling: the first stars stand above the field that one types into."""
    guide.page.set_viewport_size(PHONE)
    stars = guide.page.get_by_test_id("rate-shelf").get_by_role("slider").first
    expect(stars).to_be_in_viewport(ratio=1)
    below, field = stars.bounding_box(), guide.composer.bounding_box()
    assert below is not None
    assert field is not None
    assert below["y"] + below["height"] < field["y"]


def test_the_first_screen_leads_to_a_list_of_ones_own(guide: Chat, client: httpx.Client) -> None:
    """By two presses on stars that are in sight, nothing read or typed; what one rates changes the list."""
    page = guide.page
    shelf, own = page.get_by_test_id("rate-shelf"), page.get_by_test_id("for-you")
    for number, stars in enumerate((0.9, 0.1)):
        slider = shelf.get_by_role("slider").nth(number)
        expect(slider).to_be_in_viewport(ratio=1)
        box = slider.bounding_box()
        assert box is not None
        slider.click(position={"x": box["width"] * stars, "y": box["height"] / 2})
        expect(own).to_contain_text(f"From your {number + 1} rating")
        listed = titles(own.get_by_test_id("movie-card"))
        assert len(listed) == 8
        assert not {str(it["movie"]["title"]) for it in client.get("/ratings").json()["data"]} & set(listed)
    page.get_by_role("button", name="Your list").click()
    expect(own.get_by_test_id("movie-card").first).to_be_in_viewport()
