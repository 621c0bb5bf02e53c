"""static/markdown.js: which nodes a text becomes, whole or as it grows, with mentions counted in code points."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from settings import Settings
from tests.page.hostile import PAYLOADS
from tests.support.serving import serving

CASES = {  # text: the nodes, attributes and icons left out
    "plain": "<p>plain</p>",
    "two\nlines": "<p>two\nlines</p>",
    "two  \nlines": "<p>two<br>lines</p>",
    "one\n\ntwo": "<p>one</p><p>two</p>",
    "*a* _b_ **c** __d__ ***e*** ~~f~~": (
        "<p><em>a</em> <em>b</em> <strong>c</strong> <strong>d</strong> <em><strong>e</strong></em> <del>f</del></p>"
    ),
    "snake_case_name 2*3*4 a * b": "<p>snake_case_name 2<em>3</em>4 a * b</p>",
    "**Heat**: 3.9": "<p><strong>Heat</strong>: 3.9</p>",
    "*open **and": "<p>*open **and</p>",
    r"\*not\* \# x": "<p>*not* # x</p>",
    "`a*b*` ``c`d``": "<p><code>a*b*</code> <code>c`d</code></p>",
    "# One": "<h3>One</h3>",
    "### Three #": "<h5>Three</h5>",
    "#tag": "<p>#tag</p>",
    "---": "<hr>",
    "> said\n> again": "<blockquote><p>said\nagain</p></blockquote>",
    "- a\n- b": "<ul><li>a</li><li>b</li></ul>",
    "* a\n  * b\n* c": "<ul><li>a<ul><li>b</li></ul></li><li>c</li></ul>",
    "1. a\n2. b": "<ol><li>a</li><li>b</li></ol>",
    "3) a\n4) b": "<ol><li>a</li><li>b</li></ol>",
    "1. a\n\n2. b": "<ol><li>a</li><li>b</li></ol>",
    "1. a\n   - b": "<ol><li>a<ul><li>b</li></ul></li></ol>",
    "Films:\n- a\n- b": "<p>Films:</p><ul><li>a</li><li>b</li></ul>",
    "in 1995.\n1995. was": "<p>in 1995.\n1995. was</p>",
    "- [ ] a\n- [x] b": "<ul><li><span>☐</span>a</li><li><span>☑</span>b</li></ul>",
    "| a | b |\n|---|---|\n| 1 | 2 |": (
        "<div><table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table></div>"
    ),
    "[a](https://a.invalid/x)": "<p><a>a</a></p>",
    "[a](/x) [b](ftp://x) [c](x": "<p><span>a</span> <span>b</span> [c](x</p>",
    "see https://a.invalid/x.": "<p>see <a>https://a.invalid/x</a>.</p>",
    "![alt](https://a.invalid/x.png)": "<p><a>alt</a></p>",
    "<b>x</b> &amp; &lt;": "<p>&lt;b&gt;x&lt;/b&gt; &amp;amp; &amp;lt;</p>",
    "": "",
    " \n\n": "",
}
PIECES = (
    "word ", "*", "**", "_", "`", "```\n", "```py\n", "\n", "\n\n", "- ", "1. ", "2) ", "  ", "    ", "> ", "# ",
    "| a ", "|\n", "|---|---|\n", "[x](https://a.invalid)", "[", "](", ")", "\\", "~~", "https://a.invalid/b", "é",
    "\U0001f3ac", "---\n", "<b>", "\t", "\r\n", "![", "+ ", "[ ] ", "!", "&amp;", "Heat (1995). ",
)  # fmt: skip
MARKS = ("*", "**a", "[", "](", "`", "``a", "> ", "- ", "_a", "|", "<http://a", "~~", "\\", "1. ")
NODES = """
    p em strong del code pre h3 h4 h5 h6 hr br blockquote ul ol li table thead tbody tr th td a div span button svg path
"""
AS_HTML = """
    (node) => {
        const bare = node.cloneNode(true);
        for (const it of bare.querySelectorAll('button, svg')) it.remove();
        for (const it of bare.querySelectorAll('*'))
            for (const name of it.getAttributeNames()) it.removeAttribute(name);
        return bare.innerHTML;
    }
"""

IMPORTED = """
    async () => {
        const [{fill}, {render}] = await Promise.all([import('/static/dom.js'), import('/static/markdown.js')]);
        window.show = (text, mentions, root = document.createElement('div')) => {
            fill(root, render(text, mentions));
            return root;
        };
    }
"""


@pytest.fixture(scope="module")
def module(browser: Browser, catalogue_dir: Any) -> Iterator[Page]:
    """A page of the service that has imported the module."""
    with serving(Settings(_env_file=None, data_dir=catalogue_dir, log_level="WARNING")) as server:
        page = browser.new_page()
        page.goto(server.url)
        page.evaluate(IMPORTED)
        page.evaluate(f"() => {{ window.asHtml = {AS_HTML} }}")
        yield page
        page.close()


@pytest.mark.parametrize("text", CASES)
def test_a_text_becomes_nodes(module: Page, text: str) -> None:
    assert module.evaluate("(text) => asHtml(show(text))", text) == CASES[text]


def test_a_block_of_code_keeps_its_text(module: Page) -> None:
    said = "```python\nif a < b:\n    print('*x*')\n\n# no heading\n```\nafter"
    shown = module.evaluate("(text) => show(text).querySelector('pre').textContent", said)
    assert shown == "if a < b:\n    print('*x*')\n\n# no heading"


def test_mentions_count_code_points(module: Page) -> None:
    """Before a title stand characters that take two units in JavaScript; one lies within emphasis, one in a table."""
    said = "\U0001f3ac\U0001f1e9\U0001f1ea e\u0301 **Heat** (1995), *Ran* and\n\n| film |\n|---|\n| Ikiru |\n\nNobody"
    mentions = [
        {"start": said.index(name), "end": said.index(name) + len(name), "text": name, "kind": "movie", "title": name,
         "movie_id": number, "year": None, "confidence": 1, "supported": name != "Ran"}
        for number, name in enumerate(["Heat", "Ran", "Ikiru"], start=1)
    ]  # fmt: skip
    links = module.evaluate(
        """([text, mentions]) => [...show(text, mentions).querySelectorAll('a')]
            .map((it) => [it.textContent, it.getAttribute('href'), it.parentNode.nodeName])""",
        [said, mentions],
    )
    assert links == [["Heat", "#/movies/1", "STRONG"], ["Ran", "#/movies/2", "EM"], ["Ikiru", "#/movies/3", "TD"]]
    whole = module.evaluate("([text, mentions]) => show(text, mentions).textContent", [said, mentions])
    assert "\ue000" not in whole
    assert "Heat (1995)" in whole


def test_a_text_that_grows_ends_as_if_it_had_come_whole(module: Page) -> None:
    """However it is cut: random texts of all marks, in random deltas."""
    chance = random.Random(5)
    texts = ["".join(chance.choices(PIECES, k=chance.randrange(1, 60))) for _ in range(400)]
    cases = [[text, sorted(chance.sample(range(len(text) + 1), min(len(text), 12)))] for text in [*texts, *PAYLOADS]]
    wrong = module.evaluate(
        """(cases) => cases.flatMap(([text, cuts]) => {
            const root = document.createElement('div');
            const points = [...text];
            for (const cut of [...cuts, points.length]) show(points.slice(0, cut).join(''), [], root);
            const whole = show(text);
            return asHtml(root) === asHtml(whole) ? [] : [[text, asHtml(root), asHtml(whole)]];
        })""",
        cases,
    )
    assert wrong == [], json.dumps(wrong[:3], indent=1)


@pytest.mark.parametrize(
    "piece", ["*", "**a", "[", "](", "`", "``a", "> ", "- ", "_a", "|", "<http://a", "~~", "\\", "1. "]
)
def test_no_text_takes_for_ever(module: Page, piece: str) -> None:
    """The largest message there is, of one mark: a quadratic reader would take minutes."""
    module.evaluate("(text) => { show(text); }", (piece * 32_000)[:32_000])


def test_nothing_hostile_becomes_more_than_text_and_links(module: Page) -> None:
    names = module.evaluate(
        """(texts) => [...new Set(texts.flatMap((text) =>
            [...show(text).querySelectorAll('*')].map((it) => it.nodeName.toLowerCase())))]""",
        list(PAYLOADS),
    )
    assert set(names) <= set(NODES.split())
