"""The page for people, and what watches the proxy: escaped, searchable, without scripts."""

from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser

import pytest
from proxied import JAR, POM, Proxied
from stage import Stage, stage

__all__ = ["stage"]

EVIL = "<script>alert(1)</script>\" onload=x '&amp;"


@pytest.fixture
def proxied(stage: Stage) -> Iterator[Proxied]:
    with Proxied(stage) as made:
        yield made


class Elements(HTMLParser):
    """Collects the names of elements and attributes, and checks that what was begun is ended."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def read(text: str) -> Elements:
    elements = Elements()
    elements.feed(text)
    assert elements.open == []
    return elements


def test_tells_what_was_served_and_refused_why_and_to_whom(proxied: Proxied) -> None:
    proxied.get(JAR, User_Agent="Apache-Maven/3.8.7")
    proxied.stage.lay_over("signature-bad")
    proxied.get("/all/com/example/gizmo/2.3/gizmo-2.3.jar", User_Agent="Gradle/8.5")

    got = proxied.get("/-/")
    page = got.body.decode()

    assert got.status == 200
    for text in ("org.example:widget:jar:1.0", "com.example:gizmo:jar:2.3", "refused signature-bad", "Gradle/8.5"):
        assert text in page
    assert "script-src" not in got.headers["content-security-policy"]
    assert got.headers["content-security-policy"].startswith("default-src 'none'; style-src 'self'; form-action 'self'")
    elements = read(page)
    assert elements.names & {"script", "img", "iframe", "style", "object"} == set()
    assert not [name for name in elements.attributes if name.startswith("on") or name == "style"]
    assert proxied.get("/-/style.css").headers["content-type"] == "text/css"


def test_foreign_text_stays_text(proxied: Proxied) -> None:
    proxied.get(JAR, User_Agent=EVIL)

    page = proxied.get("/-/").body.decode()
    query = "%3Cscript%3Ealert(1)%3C/script%3E%22%20onload=x"
    found = proxied.get(f"/-/?q={query}").body.decode()

    for text in (page, found):
        assert "<script" not in text
        assert not [name for name in read(text).attributes if name.startswith("on")]
    assert "&lt;script&gt;alert(1)" in page


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("widget:jar", True),
        ("WIDGET", True),
        ("org.example:widget:jar:1.0", True),
        ("Apache-Maven", True),
        ("gizmo", False),
        ("%FF%00", False),
    ],
)
def test_a_search_shows_what_mentions_it(proxied: Proxied, query: str, found: bool) -> None:  # noqa: FBT001  (a case)
    proxied.get(JAR, User_Agent="Apache-Maven/3.8.7")
    proxied.get(POM, User_Agent="Gradle/8.5")

    page = proxied.get(f"/-/?q={query}").body.decode()

    assert ("widget:jar:1.0</a>" in page) is found
    assert ("widget:pom:1.0</a>" in page) is (found and query == "WIDGET")


def test_a_record_has_a_page_with_the_text_of_explain(proxied: Proxied) -> None:
    proxied.stage.lay_over("signature-bad")
    record = proxied.get(JAR, User_Agent="Gradle/8.5").headers["x-verifier-record"]

    page = proxied.get(f"/-/record/{record}").body.decode()
    told = proxied.stage.run("--no-color", "explain", record).out

    read(page)
    assert "Gradle/8.5" in page
    assert told.strip() in unescape(page)


@pytest.mark.parametrize(
    "path", ["/-/record/999", "/-/record/", "/-/record/x", "/-/nothing", "/-/../-/", "/-/record/1x2"]
)
def test_a_page_that_is_not_there_is_not_found(proxied: Proxied, path: str) -> None:
    assert proxied.get(path).status == 404


def test_health_readiness_and_figures_are_told(proxied: Proxied) -> None:
    proxied.get(JAR)
    proxied.get(JAR)
    proxied.stage.lay_over("signature-bad")
    proxied.get("/all/com/example/gizmo/2.3/gizmo-2.3.jar")

    assert proxied.get("/-/health").body == b"alive\n"
    assert proxied.get("/-/ready").body == b"ready\n"
    figures = proxied.get("/-/metrics").body.decode()
    expected = [
        'verifier_requests_total{method="GET",status="200"} 4.0',
        "verifier_hits_total 1.0",
        'verifier_verdicts_total{code="signature-bad",status="refused"} 1.0',
        'verifier_fetch_seconds_count{source="upstream"} 2.0',
        "verifier_upstream_seconds_count 2.0",
        "verifier_judging_seconds_count 2.0",
        "verifier_flights 0.0",
        "process_resident_memory_bytes ",
    ]
    assert [line for line in expected if line not in figures] == []


def test_the_root_leads_to_the_page(proxied: Proxied) -> None:
    got = proxied.get("/")

    assert (got.status, got.headers["location"]) == (302, "/-/")


def test_a_query_of_many_fields_is_none(proxied: Proxied) -> None:
    assert proxied.get("/-/?" + "&".join(f"q{number}=1" for number in range(50))).status == 200


def test_a_method_that_nobody_knows_makes_no_series_of_its_own(proxied: Proxied) -> None:
    proxied.get(JAR, "PROPFIND")

    figures = proxied.get("/-/metrics").body.decode()
    assert 'verifier_requests_total{method="other",status="405"} 1.0' in figures
    assert "PROPFIND" not in figures
