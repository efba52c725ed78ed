"""Status, phrase, headers and body, for every way a file may come out."""

import inspect
import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier import errors
from verifier.coordinate import Coordinate, Metadata
from verifier.errors import NotFound, ReasonedError, Refusal
from verifier.outcome import Status
from verifier.proxy.known import Content, Known
from verifier.proxy.responses import MAX_PHRASE_CHARACTERS, beside, file_headers, problem, span, trouble

CONTENT = Content("/c/f", 1000, "a" * 40, "b" * 64, "c" * 128, "Tue, 01 Feb 2022 10:00:00 GMT")
KNOWN = Known(
    "org.example:ext:jar:1.0",
    Coordinate("org.example", "ext", "1.0"),
    Status.REFUSED,
    "signature-bad",
    "it is signed by somebody",
    "42",
    "central",
    from_cache=False,
)
CODES = sorted(
    (
        one
        for _, one in inspect.getmembers(errors, inspect.isclass)
        if issubclass(one, ReasonedError) and "code" in vars(one)
    ),
    key=lambda one: one.code,
)
TRANSPORT = {"insecure-transport", "tls-untrusted", "tls-pin-mismatch", "redirect-refused"}


def test_a_refusal_has_the_form_that_clients_show() -> None:
    answer = problem(KNOWN, 409)

    assert answer.status == 409
    said = "Refused by verifier: signature-bad org.example:ext:jar:1.0"
    assert answer.phrase == f"{said}; run 'verifier explain 42' or see /-/record/42"
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["X-Verifier-Record"] == "42"
    assert json.loads(answer.body) == {
        "type": "about:blank",
        "status": 409,
        "title": "Refused by verifier",
        "detail": (
            "signature-bad: org.example:ext:jar:1.0: it is signed by somebody."
            " Run: verifier explain 42, or see /-/record/42"
        ),
        "instance": "/-/record/42",
        "code": "signature-bad",
    }


@pytest.mark.parametrize("kind", CODES, ids=lambda kind: kind.code)
@pytest.mark.parametrize("refusal_status", [409, 403])
def test_every_reason_code_has_its_status(kind: type[ReasonedError], refusal_status: int) -> None:
    refused = issubclass(kind, Refusal)
    known = replace(KNOWN, code=kind.code, status=Status.REFUSED if refused else Status.UNAVAILABLE)

    answer = problem(known, refusal_status)

    if kind is NotFound:
        assert (answer.status, answer.headers["Content-Type"]) == (404, "text/plain")
    elif kind.code in TRANSPORT:
        assert answer.status == 502
    elif refused:
        assert answer.status == refusal_status
    else:
        assert answer.status in {502, 503, 504}
    assert answer.status != 410
    assert ("problem" in answer.headers["Content-Type"]) is (kind is not NotFound)
    assert (answer.status == 503) is ("Retry-After" in answer.headers)


def test_busy_and_slow_say_when_to_ask_again() -> None:
    answer = trouble(503, "still-fetching", "org.example:ext:jar:1.0 is being fetched")

    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")
    assert json.loads(answer.body)["code"] == "still-fetching"


@pytest.mark.parametrize("length", [50, 70, 90])
def test_a_long_name_is_whole_as_long_as_the_command_fits_behind_it(length: int) -> None:
    name = f"org.example:{'a' * length}:jar:1.0"

    phrase = problem(replace(KNOWN, name=name), 409).phrase

    assert (name in phrase) is (length <= 70)
    assert ("/-/record/42" in phrase) is (length <= 50)
    assert "'verifier explain 42'" in phrase


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=400), st.text(max_size=1200))
def test_foreign_text_leaves_the_phrase_short_and_ascii_and_the_detail_one_line(name: str, reason: str) -> None:
    answer = problem(replace(KNOWN, name=name, reason=reason), 409)

    assert len(answer.phrase) <= MAX_PHRASE_CHARACTERS
    assert answer.phrase.endswith(("; run 'verifier explain 42' or see /-/record/42", "; run 'verifier explain 42'"))
    assert all(" " <= c <= "~" for c in answer.phrase)
    assert answer.body.isascii()
    detail = json.loads(answer.body)["detail"]
    assert detail.isprintable()
    assert len(detail) < 700


def test_a_release_may_be_kept_for_ever_and_metadata_may_not() -> None:
    release = file_headers(KNOWN, CONTENT)
    metadata = file_headers(replace(KNOWN, subject=Metadata("org.example", "ext")), CONTENT)

    assert "immutable" in release["Cache-Control"]
    assert metadata["Cache-Control"] == "no-cache"
    assert release["Content-Type"] == "application/java-archive"
    assert metadata["Content-Type"] == "application/octet-stream"
    assert release["X-Checksum-SHA1"] == "a" * 40
    assert release["ETag"] == f'"sha256-{"b" * 64}"'
    assert release["Last-Modified"] == "Tue, 01 Feb 2022 10:00:00 GMT"


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Feb 2022 10:00:00 GMT", "\x00", "1", "(" * 2000])
def test_an_upstream_date_that_is_none_is_left_out(date: str) -> None:
    assert "Last-Modified" not in file_headers(KNOWN, replace(CONTENT, last_modified=date))


def test_what_lies_beside_a_file_is_sent_as_it_is() -> None:
    assert beside(KNOWN, b"abc").body == b"abc"


@pytest.mark.parametrize(
    ("asked", "status", "start", "count"),
    [
        ("", 200, 0, 1000),
        ("bytes=0-", 206, 0, 1000),
        ("bytes=0-0", 206, 0, 1),
        ("bytes=999-", 206, 999, 1),
        ("bytes=10-19", 206, 10, 10),
        ("bytes=10-5000", 206, 10, 990),
        ("bytes=-1", 206, 999, 1),
        ("bytes=-5000", 206, 0, 1000),
        ("bytes=1000-", 416, 0, 0),
        ("bytes=-0", 416, 0, 0),
        ("bytes=20-10", 200, 0, 1000),
        ("bytes=-", 200, 0, 1000),
        ("bytes=0-1,5-6", 200, 0, 1000),
        ("bytes=a-b", 200, 0, 1000),
        ("bytes=0-" + "9" * 30, 200, 0, 1000),
        ("items=0-1", 200, 0, 1000),
        ("bytes= 0-1", 200, 0, 1000),
        ("bytes=\u0661-", 200, 0, 1000),
    ],
)
def test_one_range_is_honoured_and_anything_else_is_the_whole(asked: str, status: int, start: int, count: int) -> None:
    chosen = span(CONTENT, file_headers(KNOWN, CONTENT), asked, "")

    assert (chosen.status, chosen.start, chosen.count) == (status, start, count)
    if status == 206:
        assert chosen.headers["Content-Range"] == f"bytes {start}-{start + count - 1}/1000"
    elif status == 416:
        assert chosen.headers["Content-Range"] == "bytes */1000"
    else:
        assert "Content-Range" not in chosen.headers


def test_an_empty_file_has_no_range() -> None:
    empty = replace(CONTENT, size=0)

    assert span(empty, {}, "bytes=0-", "").status == 416
    assert span(empty, {}, "", "").count == 0


@pytest.mark.parametrize(
    ("condition", "status"),
    [
        (f'"sha256-{"b" * 64}"', 206),
        ("Tue, 01 Feb 2022 10:00:00 GMT", 206),
        (f'W/"sha256-{"b" * 64}"', 200),
        (f'"sha256-{"c" * 64}"', 200),
        ("Tue, 01 Feb 2022 10:00:01 GMT", 200),
    ],
)
def test_a_range_of_other_bytes_is_answered_with_the_whole(condition: str, status: int) -> None:
    assert span(CONTENT, file_headers(KNOWN, CONTENT), "bytes=5-", condition).status == status
