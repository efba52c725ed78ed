"""The proxy over HTTP: what a build tool gets for what it asks, before a repository over loopback TLS."""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from proxied import JAR, POM, Proxied
from servers import Answer, FileServer
from stage import FIXTURES, WIDGET, WIDGET_PATH, Stage, stage

from verifier.coordinate import parse_coordinate
from verifier.layout import file_path

__all__ = ["stage"]

METADATA = (
    b"<metadata><groupId>org.example</groupId><artifactId>widget</artifactId>"
    b"<versioning><versions><version>1.0</version></versions></versioning></metadata>"
)
METADATA_PATH = "/org/example/widget/maven-metadata.xml"


@pytest.fixture
def proxied(stage: Stage) -> Iterator[Proxied]:
    with Proxied(stage) as made:
        yield made


def publish(stage: Stage, path: str, body: bytes) -> None:
    stage.serve(path, body)
    stage.serve(f"{path}.sha1", hashlib.sha1(body, usedforsecurity=False).hexdigest().encode())


def test_a_verified_file_comes_with_all_that_clients_look_at(proxied: Proxied) -> None:
    honest = (proxied.stage.root / WIDGET_PATH[1:]).read_bytes()

    got = proxied.get(JAR)

    assert (got.status, got.phrase, got.body) == (200, "OK", honest)
    assert got.headers["content-length"] == str(len(honest))
    assert got.headers["x-checksum-sha1"] == hashlib.sha1(honest, usedforsecurity=False).hexdigest()
    assert got.headers["x-checksum-sha256"] == hashlib.sha256(honest).hexdigest()
    assert got.headers["etag"] == f'"sha256-{hashlib.sha256(honest).hexdigest()}"'
    assert got.headers["accept-ranges"] == "bytes"
    assert got.headers["x-content-type-options"] == "nosniff"
    assert got.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert "immutable" in got.headers["cache-control"]
    assert "transfer-encoding" not in got.headers
    assert "content-encoding" not in got.headers


def test_the_upstream_date_of_a_file_is_passed_on(proxied: Proxied) -> None:
    date = "Tue, 01 Feb 2022 10:00:00 GMT"
    body = (proxied.stage.root / WIDGET_PATH[1:]).read_bytes()
    proxied.stage.serve(WIDGET_PATH, Answer(body, headers=(("Last-Modified", date),)))

    assert proxied.get(JAR).headers["last-modified"] == date
    assert proxied.get(JAR, "HEAD").headers["last-modified"] == date


@pytest.mark.parametrize("algorithm", ["md5", "sha1", "sha256", "sha512"])
def test_checksums_are_those_of_the_verified_bytes_whatever_the_repository_has(
    proxied: Proxied, algorithm: str
) -> None:
    honest = (proxied.stage.root / WIDGET_PATH[1:]).read_bytes()
    proxied.stage.serve(f"{WIDGET_PATH}.sha512", b"no such thing")

    got = proxied.get(f"{JAR}.{algorithm}")

    assert got.body.decode() == hashlib.new(algorithm, honest, usedforsecurity=False).hexdigest()
    assert got.headers["content-type"] == "text/plain"


def test_the_signature_of_a_verified_file_is_the_one_that_was_checked(proxied: Proxied) -> None:
    assert proxied.get(f"{JAR}.asc").body == (proxied.stage.root / f"{WIDGET_PATH[1:]}.asc").read_bytes()
    assert proxied.get("/all/com/example/open/door/1.0/door-1.0.jar.asc").status == 404


@pytest.mark.parametrize(
    "path", [JAR, f"{JAR}.sha1", f"{JAR}.asc", "/all/org/example/widget/7/widget-7.jar", "/-/", "/x"]
)
def test_head_is_get_without_the_body(proxied: Proxied, path: str) -> None:
    got, head = proxied.get(path), proxied.get(path, "HEAD")

    assert head.body == b""
    assert (head.status, head.phrase) == (got.status, got.phrase)
    drop = {"date"} | ({"content-length"} if path == "/-/" else set())
    assert {k: v for k, v in head.headers.items() if k not in drop} == {
        k: v for k, v in got.headers.items() if k not in drop
    }


def test_head_of_what_is_refused_is_refused(proxied: Proxied) -> None:
    proxied.stage.lay_over("signature-bad")

    got = proxied.get(JAR, "HEAD")

    assert (got.status, got.headers.get("x-checksum-sha1")) == (409, None)


def attacks() -> list[Any]:
    """Give every attack of the fixtures: its code, and the coordinate that it is on."""
    table = (FIXTURES / "attacks" / "README.md").read_text()
    return re.findall(r"^\| `([a-z-]+)` \| `([^`]+)` \|", table, re.MULTILINE)


@pytest.mark.parametrize(("code", "name"), attacks())
def test_of_an_attack_no_byte_is_served_and_no_checksum(proxied: Proxied, code: str, name: str) -> None:
    if code == "signature-replayed":
        proxied.get("/all/com/example/gizmo/2.3/gizmo-2.3.jar")
    cached = proxied.stage.cached()
    proxied.stage.lay_over(code)
    path = f"/all/{file_path(parse_coordinate(name))}"

    got = [proxied.get(path), proxied.get(path, "HEAD"), proxied.get(f"{path}.sha1")]

    assert [one.status for one in got] == [409, 409, 409]
    assert json.loads(got[0].body)["code"] == code
    assert name in got[0].phrase
    assert "x-checksum-sha1" not in got[1].headers
    assert proxied.stage.cached() == cached


def test_a_refusal_says_why_and_is_on_record(proxied: Proxied) -> None:
    proxied.stage.lay_over("signature-bad")

    got = proxied.get(JAR)

    assert got.status == 409
    assert got.phrase.startswith("Refused by verifier: signature-bad org.example:widget:jar:1.0; run 'verifier explain")
    assert got.headers["content-type"] == "application/problem+json"
    document = json.loads(got.body)
    assert document["code"] == "signature-bad"
    record = got.headers["x-verifier-record"]
    assert document["instance"] == f"/-/record/{record}"
    page = proxied.get(f"/-/record/{record}")
    assert page.status == 200
    assert "signature-bad" in page.body.decode()
    assert "org.example:widget:jar:1.0" in proxied.stage.run("explain", f"{proxied.url}{JAR}").out
    assert proxied.stage.cached() == []


@pytest.mark.parametrize("suffix", [".sha1", ".asc", ".md5"])
def test_what_lies_beside_a_refused_file_is_refused_alike(proxied: Proxied, suffix: str) -> None:
    proxied.stage.lay_over("signature-bad")

    assert proxied.get(JAR + suffix).status == 409


def test_the_status_of_a_refusal_can_be_chosen(stage: Stage) -> None:
    stage.lay_over("signature-bad")
    with Proxied(stage, refusal_status=422) as proxied:
        got = proxied.get(JAR)

    assert (got.status, json.loads(got.body)["status"]) == (422, 422)


def test_a_file_that_no_repository_has_is_not_found_in_plain_text(proxied: Proxied) -> None:
    got = proxied.get("/all/org/example/widget/7/widget-7.pom")

    assert (got.status, got.headers["content-type"]) == (404, "text/plain")


@pytest.mark.parametrize(
    ("answer", "status"),
    [(Answer(b"", 500), 502), (Answer(b"", 403), 502), (Answer(b"", 401), 502), (Answer(reset=True, raw=b"x"), None)],
)
def test_upstream_trouble_is_never_not_found(stage: Stage, answer: Answer, status: int | None) -> None:
    stage.serve(WIDGET_PATH, answer)
    with Proxied(stage) as proxied:
        got = proxied.get(JAR)

    assert got.status == status or (status is None and got.status in {502, 504})
    assert got.headers["content-type"] == "application/problem+json"
    assert "www-authenticate" not in got.headers


def test_with_upstream_down_what_is_verified_is_served_and_the_rest_is_unavailable(stage: Stage) -> None:
    publish(stage, METADATA_PATH, METADATA)
    with Proxied(stage) as proxied:
        assert (proxied.get(JAR).status, proxied.get(f"/all{METADATA_PATH}").status) == (200, 200)
        stage.server.stop()
        proxied.now += 1000

        assert proxied.get(JAR).status == 200
        assert proxied.get(f"/all{METADATA_PATH}").body == METADATA
        missing = proxied.get(POM)

    assert missing.status == 504
    assert json.loads(missing.body)["code"] == "unreachable"


def test_offline_a_file_that_is_not_cached_is_unavailable(stage: Stage) -> None:
    proxied = Proxied(stage)
    proxied.offline = True
    with proxied:
        got = proxied.get(JAR)

    assert (got.status, json.loads(got.body)["code"]) == (504, "offline")
    assert stage.server.counts == {}


def test_an_untrusted_certificate_is_a_bad_gateway(tmp_path: Path) -> None:
    with Stage(tmp_path, ("elsewhere.example",)) as stage, Proxied(stage) as proxied:
        got = proxied.get(JAR)

    assert (got.status, json.loads(got.body)["code"]) == (502, "tls-untrusted")


def test_a_repository_that_the_policy_does_not_name_is_refused(proxied: Proxied) -> None:
    assert proxied.get(JAR.replace("/all/", "/example/")).status == 200
    got = proxied.get(JAR.replace("/all/", "/elsewhere/"))

    assert (got.status, json.loads(got.body)["code"]) == (409, "wrong-repository")


def test_metadata_is_served_with_checksums_and_without_a_long_life(proxied: Proxied) -> None:
    publish(proxied.stage, METADATA_PATH, METADATA)

    got = proxied.get(f"/all{METADATA_PATH}")

    assert (got.status, got.body, got.headers["cache-control"]) == (200, METADATA, "no-cache")
    assert proxied.get(f"/all{METADATA_PATH}.sha1").body.decode() == got.headers["x-checksum-sha1"]
    assert proxied.get(f"/all{METADATA_PATH}.asc").status == 404


def test_metadata_that_changes_upstream_changes_here(proxied: Proxied) -> None:
    publish(proxied.stage, METADATA_PATH, METADATA)
    proxied.get(f"/all{METADATA_PATH}")
    newer = METADATA.replace(b"</versions>", b"<version>1.1</version></versions>")
    publish(proxied.stage, METADATA_PATH, newer)
    proxied.now += 60

    assert proxied.get(f"/all{METADATA_PATH}").body == newer


def test_metadata_of_two_repositories_is_put_together(stage: Stage) -> None:
    publish(stage, METADATA_PATH, METADATA)
    with FileServer(stage.authority.context()) as second:
        other = METADATA.replace(b"1.0", b"2.0")
        second.files[METADATA_PATH] = other
        second.files[f"{METADATA_PATH}.sha1"] = hashlib.sha1(other, usedforsecurity=False).hexdigest().encode()
        front = f'[[repository]]\nid = "second"\nurl = "{second.url}"\nca-file = "{stage.authority.file}"\n\n'
        stage.policy.write_text(front + stage.policy.read_text())
        with Proxied(stage) as proxied:
            got = proxied.get(f"/all{METADATA_PATH}")
            sums = [proxied.get(f"/all{METADATA_PATH}.{name}").body.decode() for name in ("md5", "sha1")]
            alone = proxied.get(f"/example{METADATA_PATH}")
            second.files[METADATA_PATH] = Answer(b"", 500)
            proxied.now += 60
            down = proxied.get(f"/all{METADATA_PATH}")

    assert b"<version>2.0</version>" in got.body
    assert b"<version>1.0</version>" in got.body
    assert sums == [hashlib.new(name, got.body, usedforsecurity=False).hexdigest() for name in ("md5", "sha1")]
    assert alone.body == METADATA
    assert down.body == got.body  # what was had before stands in for an outage


def test_ranges_are_exact(proxied: Proxied) -> None:
    whole = proxied.get(JAR)
    size = len(whole.body)

    part = proxied.get(JAR, Range="bytes=10-")
    last = proxied.get(JAR, Range="bytes=-5")
    beyond = proxied.get(JAR, Range=f"bytes={size}-")
    stale = proxied.get(JAR, Range="bytes=10-", If_Range='"other"')
    current = proxied.get(JAR, Range="bytes=10-", If_Range=whole.headers["etag"])
    head = proxied.get(JAR, "HEAD", Range="bytes=10-")

    assert (part.status, part.body) == (206, whole.body[10:])
    assert part.headers["content-range"] == f"bytes 10-{size - 1}/{size}"
    assert (last.status, last.body) == (206, whole.body[-5:])
    assert (beyond.status, beyond.headers["content-range"]) == (416, f"bytes */{size}")
    assert (stale.status, stale.body) == (200, whole.body)
    assert current.status == 206
    assert (head.status, head.headers["content-length"]) == (200, str(size))


def test_a_large_file_arrives_whole_and_in_parts(proxied: Proxied) -> None:
    body = os.urandom(9_000_000)
    publish(proxied.stage, "/com/example/open/big/1/big-1.bin", body)
    path = "/all/com/example/open/big/1/big-1.bin"

    assert proxied.get(path).body == body
    assert proxied.get(path, Range="bytes=4000000-8999998").body == body[4_000_000:8_999_999]


def test_a_sibling_that_looks_compressed_is_never_sent_in_a_files_place(proxied: Proxied) -> None:
    publish(proxied.stage, "/com/example/open/a/1/a-1.tar", b"plain")
    publish(proxied.stage, "/com/example/open/a/1/a-1.tar.gz", b"\x1f\x8bother")
    proxied.get("/all/com/example/open/a/1/a-1.tar.gz")

    got = proxied.get("/all/com/example/open/a/1/a-1.tar", Accept_Encoding="gzip,deflate")

    assert (got.body, got.headers.get("content-encoding")) == (b"plain", None)


@pytest.mark.parametrize("later", [0, 1000])
def test_a_cached_file_that_was_changed_is_never_served(proxied: Proxied, later: float) -> None:
    honest = proxied.get(JAR).body
    path = proxied.stage.cache / "repository" / "example" / WIDGET_PATH[1:]
    path.chmod(0o644)
    path.write_bytes(b"X" * len(honest))
    proxied.now += later

    assert proxied.get(JAR).body == honest
    assert proxied.get(JAR, "HEAD").headers["x-checksum-sha256"] == hashlib.sha256(honest).hexdigest()
    assert path.read_bytes() == honest


def test_a_cached_file_that_was_exchanged_for_a_link_is_never_served(proxied: Proxied, tmp_path: Path) -> None:
    honest = proxied.get(JAR).body
    path = proxied.stage.cache / "repository" / "example" / WIDGET_PATH[1:]
    (tmp_path / "other").write_bytes(b"other")
    path.unlink()
    path.symlink_to(tmp_path / "other")

    got = proxied.get(JAR)

    assert got.body == honest or got.status == 503


def test_a_file_that_was_removed_is_fetched_again(proxied: Proxied) -> None:
    proxied.get(JAR)
    path = proxied.stage.cache / "repository" / "example" / WIDGET_PATH[1:]
    path.unlink()

    assert proxied.get(JAR).status == 200
    assert path.exists()


def test_a_new_policy_counts_at_once_and_a_wrong_one_not_at_all(proxied: Proxied) -> None:
    assert proxied.get(JAR).status == 200
    honest = proxied.stage.policy.read_text()
    proxied.stage.policy.write_text("this is no policy")
    proxied.wait(proxied.proxy.reload())
    assert proxied.get(JAR).status == 200
    assert "the old one stays" in proxied.log.getvalue()

    proxied.stage.policy.write_text(honest.replace("35DE40D828CB4B95E6B22E37A81251152B4B1B0A", "A" * 40))
    proxied.wait(proxied.proxy.reload())
    got = proxied.get(JAR)

    assert (got.status, json.loads(got.body)["code"]) == (409, "key-untrusted"), proxied.log.getvalue()
    assert proxied.stage.cached() == []


def test_the_cache_is_the_command_lines(proxied: Proxied) -> None:
    proxied.get(JAR)
    proxied.stage.server.counts.clear()

    assert proxied.stage.fetch(WIDGET).artifact()["from_cache"] is True
    assert proxied.stage.server.counts == {}


def test_a_cache_that_cannot_be_written_is_trouble_and_no_refusal(proxied: Proxied) -> None:
    quarantine = proxied.stage.cache / "quarantine"
    (own,) = quarantine.iterdir()
    own.rename(quarantine / "gone")

    got = proxied.get(JAR)

    assert (got.status, json.loads(got.body)["code"]) == (503, "cache-error")
    assert "retry-after" in got.headers
    (quarantine / "gone").rename(own)
    assert proxied.get(JAR).status == 200


@pytest.mark.parametrize("method", ["PUT", "POST", "DELETE", "OPTIONS", "TRACE", "PATCH", "PROPFIND"])
def test_only_reading_is_allowed(proxied: Proxied, method: str) -> None:
    got = proxied.get(JAR, method)

    assert (got.status, got.headers["allow"]) == (405, "GET, HEAD")


def test_two_proxies_share_one_cache(stage: Stage) -> None:
    with Proxied(stage) as first, Proxied(stage) as second:
        assert first.get(JAR).status == 200
        stage.server.counts.clear()
        assert second.get(JAR).status == 200
        assert first.get(POM).status == second.get(POM).status == 200

    assert stage.server.counts[WIDGET_PATH] == 0


def test_two_proxies_that_fetch_the_same_at_once_do_no_harm_and_no_third_fetch(stage: Stage) -> None:
    bodies = {name: (stage.root / name.removeprefix("/all/")).read_bytes() for name in (JAR, POM)}

    with Proxied(stage) as first, Proxied(stage) as second, ThreadPoolExecutor(12) as pool:
        asked = [(name, pool.submit(one.get, name)) for name in [*bodies] * 12 for one in (first, second)]
        got = [(name, future.result()) for name, future in asked]

    assert all((one.status, one.body) == (200, bodies[name]) for name, one in got)
    assert max(stage.server.counts[name.removeprefix("/all")] for name in bodies) <= 2
    assert stage.run("cache", "scrub").status == 0
    assert stage.quarantined() == []
