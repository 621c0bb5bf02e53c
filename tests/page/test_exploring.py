"""Exploring: what is asked for stands in the address; results go on without end; what failed can be asked for again."""

from __future__ import annotations

import re
from contextlib import suppress

from playwright.sync_api import Error, Locator, Page, Route, expect

from tests.page.conftest import Watch
from tests.page.driving import Chat

PROBLEM = '{"title": "Overloaded", "status": 503, "detail": "Not right now.", "code": "overloaded"}'


def cards(page: Page) -> Locator:
    return page.get_by_test_id("results").get_by_test_id("movie-card")


def field(page: Page, name: str) -> Locator:
    return page.get_by_role("search", name="Movies").locator(f"[name={name}]")


def refuse(route: Route) -> None:
    route.fulfill(status=503, body=PROBLEM, content_type="application/problem+json")


def test_filters_stand_in_the_address_and_back_takes_them_away(guide: Chat) -> None:
    page = guide.open("#/explore").page
    field(page, "genre").select_option("Sci-Fi")
    expect(cards(page).first).to_contain_text(re.compile(r"\d{4}"))
    field(page, "sort").select_option("oldest")
    page.wait_for_url(re.compile(r"#/explore/genre=Sci-Fi&sort=oldest$"))
    field(page, "year_to").fill("1950")
    page.wait_for_url(re.compile(r"#/explore/genre=Sci-Fi&year_to=1950&sort=oldest$"))
    expect(cards(page).first).to_have_attribute("aria-label", re.compile(r"\(19[0-4]\d\)"))
    page.reload()
    expect(field(page, "genre")).to_have_value("Sci-Fi")
    expect(field(page, "year_to")).to_have_value("1950")
    page.get_by_role("button", name="Clear filters").click()
    page.wait_for_url(re.compile(r"#/explore$"))
    expect(field(page, "genre")).to_have_value("")
    page.go_back()
    expect(field(page, "genre")).to_have_value("Sci-Fi")


def test_results_go_on_and_are_there_again_after_a_movie_was_looked_at(guide: Chat) -> None:
    page = guide.open("#/explore").page
    expect(cards(page)).not_to_have_count(0)
    cards(page).last.scroll_into_view_if_needed()
    expect(cards(page).nth(30)).to_be_attached()
    known = cards(page).count()
    chosen = cards(page).nth(26)
    chosen.scroll_into_view_if_needed()
    place = page.locator("main").evaluate("(main) => main.scrollTop")
    chosen.get_by_role("link").first.click()
    expect(page.get_by_test_id("movie")).to_be_visible()
    page.go_back()
    expect(cards(page).nth(26)).to_be_in_viewport()
    assert cards(page).count() >= known
    assert abs(page.locator("main").evaluate("(main) => main.scrollTop") - place) < 200


def test_only_the_last_of_what_was_typed_is_shown(guide: Chat) -> None:
    """A slow answer to what was asked before does not overwrite a quick one."""
    page = guide.open("#/explore").page
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    page.route(re.compile(r"/movies\?q=heat&"), hold)
    search = page.locator("main").get_by_role("searchbox")
    with page.expect_request(re.compile(r"/movies\?q=heat&")):
        search.fill("heat")
    search.fill("fargo")
    expect(cards(page).first).to_have_attribute("aria-label", "Fargo (1996)")
    for route in held:
        with suppress(Error):  # the page has given it up
            route.continue_()
    expect(page.get_by_test_id("results")).not_to_have_attribute("aria-busy", "")
    expect(cards(page).first).to_have_attribute("aria-label", "Fargo (1996)")


def test_what_failed_can_be_asked_for_again(guide: Chat, watch: Watch) -> None:
    watch.allowed.append("503")
    page = guide.page
    page.route(re.compile(r"/movies\?"), refuse)
    guide.open("#/explore")
    alert = page.locator("main").get_by_role("alert")
    expect(alert).to_contain_text("Not right now.")
    page.unroute(re.compile(r"/movies\?"))
    alert.get_by_role("button", name="Try again").click()
    expect(cards(page).nth(5)).to_be_visible()
    expect(alert).to_have_count(0)


def test_a_tag_leads_from_a_movie_to_others_that_have_it(guide: Chat) -> None:
    page = guide.open("#/movies/1").page
    chip = page.get_by_test_id("tags").get_by_role("link").first
    tag = chip.inner_text()
    chip.click()
    expect(field(page, "tag")).to_have_value(tag)
    expect(cards(page).first).to_be_visible()


def test_no_such_movie_is_said_in_words(guide: Chat, watch: Watch) -> None:
    watch.allowed.append("404")
    page = guide.open("#/movies/99999999").page
    expect(page.locator("main")).to_contain_text("There is no such movie")
    page.get_by_role("link", name="Explore what there is").click()
    expect(cards(page).first).to_be_visible()
