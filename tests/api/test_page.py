"""The page as files: found at `/`, kept fresh by ETag, shut off from everything foreign."""

from __future__ import annotations

import httpx

from api.page import FOLDER


def test_the_page_is_served_with_headers_that_shut_it_off(client: httpx.Client) -> None:
    for path in ("/", *(f"/static/{file.name}" for file in FOLDER.iterdir())):
        response = client.get(path)
        assert response.status_code == 200, path
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["Cache-Control"] == "no-cache"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        again = client.get(path, headers={"If-None-Match": response.headers["ETag"]})
        assert (again.status_code, again.content) == (304, b""), path
    assert client.head("/").status_code == 200


def test_what_is_not_there_is_a_problem(client: httpx.Client) -> None:
    for path in ("/static/nothing.js", "/static/", "/static/../main.py", "/static/%2e%2e/main.py"):
        found = client.get(path)
        assert (found.status_code, found.headers["Content-Type"]) == (404, "application/problem+json"), path
