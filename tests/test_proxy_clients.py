"""What build tools send, replayed: those that cannot be had here, and the odd habits of those that can."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from proxied import JAR, POM, Proxied
from stage import Stage, stage

__all__ = ["stage"]

GRADLE = {"User_Agent": "Gradle/8.10 (Linux;6.1;amd64) (Eclipse Adoptium;17;17.0.12+7)", "Accept_Encoding": "gzip"}
COURSIER = {"User_Agent": "Coursier/2.0", "Accept": "*/*"}
MAVEN_4 = {
    "User_Agent": "Apache-Maven/4.0.0 (Java 17; Linux 6.1)",
    "Accept": "application/problem+json",
    "Cache_Control": "no-cache, no-store",
    "Connection": "Upgrade, HTTP2-Settings",
    "Upgrade": "h2c",
    "HTTP2_Settings": "AAMAAABkAAQAoAAAAAIAAAAA",
}
BAZEL = {"User_Agent": "bazel/7.4.0", "Accept_Encoding": "gzip", "Accept": "*/*"}
RULES_JVM = {"User_Agent": "rules_jvm_external resolver"}
NEW_POM = "/all/org/example/widget/1.1/widget-1.1.pom"


@pytest.fixture
def proxied(stage: Stage) -> Iterator[Proxied]:
    with Proxied(stage) as made:
        yield made


def test_gradle_reads_a_pom_its_module_metadata_the_jar_and_every_signature(proxied: Proxied) -> None:
    paths = [NEW_POM, NEW_POM.replace(".pom", ".module"), NEW_POM.replace(".pom", ".jar")]

    for path in paths:
        for suffix in ("", ".asc"):
            assert proxied.get(path + suffix, **GRADLE).status == 200


def test_gradle_goes_on_without_module_metadata_and_is_stopped_by_a_bad_one(proxied: Proxied) -> None:
    assert proxied.get(POM.replace(".pom", ".module"), **GRADLE).status == 404

    proxied.stage.lay_over("content-mismatch")
    got = proxied.get(NEW_POM.replace(".pom", ".module"), **GRADLE)

    assert got.status == 409
    assert got.headers["content-type"] == "application/problem+json"


def test_gradle_asks_with_head_before_it_takes_a_local_file(proxied: Proxied) -> None:
    got = proxied.get(JAR, "HEAD", Cache_Control="max-age=0", **GRADLE)
    checksum = proxied.get(f"{JAR}.sha1", **GRADLE)

    assert got.status == 200
    assert got.headers["x-checksum-sha1"].encode() == checksum.body
    assert len(checksum.body) == 40
    assert int(got.headers["content-length"]) == len(proxied.get(JAR, **GRADLE).body)


def test_of_a_refused_file_gradle_learns_no_checksum_by_head(proxied: Proxied) -> None:
    proxied.stage.lay_over("checksum-mismatch")

    got = proxied.get(JAR, "HEAD", Cache_Control="max-age=0", **GRADLE)

    assert got.status == 409
    assert "etag" not in got.headers
    assert "x-checksum-sha1" not in got.headers


def test_gradle_is_told_the_same_each_time_an_entry_has_expired(proxied: Proxied) -> None:
    metadata = b"<metadata><groupId>org.example</groupId><artifactId>widget</artifactId></metadata>"
    where = "/org/example/widget/maven-metadata.xml"
    proxied.stage.serve(where, metadata)
    proxied.stage.serve(f"{where}.sha1", hashlib.sha1(metadata, usedforsecurity=False).hexdigest().encode())
    compared = ("etag", "content-length", "x-checksum-sha1")

    for path in (JAR, f"/all{where}", f"/example{where}"):
        first = proxied.get(path, **GRADLE)
        again = [proxied.get(path, "HEAD", Cache_Control="max-age=0", **GRADLE) for _ in range(2)]

        assert first.status == 200
        for name in compared:
            assert {got.headers[name] for got in (first, *again)} == {first.headers[name]}


def test_gradle_reads_whole_files_on_many_connections_at_once(proxied: Proxied) -> None:
    paths = [JAR, POM, NEW_POM, NEW_POM.replace(".pom", ".module"), NEW_POM.replace(".pom", ".jar")] * 8

    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda path: proxied.get(path, **GRADLE), paths))

    for path, got in zip(paths, answers, strict=True):
        assert got.body == (proxied.stage.root / path.removeprefix("/all/")).read_bytes()
        assert int(got.headers["content-length"]) == len(got.body)
        assert "content-encoding" not in got.headers
    counts = proxied.stage.server.counts
    assert {counts[path.removeprefix("/all")] for path in paths} == {1}


@pytest.mark.parametrize("condition", ["If_None_Match", "If_Modified_Since"])
def test_a_file_that_a_client_holds_already_is_sent_whole_and_judged_again(proxied: Proxied, condition: str) -> None:
    held = proxied.get(JAR)
    value = held.headers["etag"] if condition == "If_None_Match" else "Fri, 31 Dec 2100 00:00:00 GMT"

    assert proxied.get(JAR, **{condition: value}).body == held.body

    proxied.stage.change_policy("35DE40D828CB4B95E6B22E37A81251152B4B1B0A", "35DE40D828CB4B95E6B22E37A81251152B4B1B0B")
    proxied.wait(proxied.proxy.reload())

    assert proxied.get(JAR, **{condition: value}).status == 409


def test_coursier_resumes_where_it_stopped(proxied: Proxied) -> None:
    whole = proxied.get(JAR, **COURSIER).body

    rest = proxied.get(JAR, Range="bytes=100-", **COURSIER)
    done = proxied.get(JAR, Range=f"bytes={len(whole)}-", **COURSIER)

    assert (rest.status, whole[:100] + rest.body) == (206, whole)
    assert rest.headers["content-range"] == f"bytes 100-{len(whole) - 1}/{len(whole)}"
    assert (done.status, done.headers["content-range"]) == (416, f"bytes */{len(whole)}")


def test_coursier_asks_for_checksums_after_a_refusal_and_gets_none(proxied: Proxied) -> None:
    proxied.stage.lay_over("signature-bad")

    statuses = [proxied.get(JAR + suffix, **COURSIER).status for suffix in ("", ".sha1", ".sha256", ".md5")]

    assert statuses == [409] * 4
    assert proxied.stage.server.counts[JAR.removeprefix("/all")] == 1


def test_coursier_finds_no_listing_where_metadata_is_missing(proxied: Proxied) -> None:
    assert proxied.get("/all/org/example/widget/maven-metadata.xml", **COURSIER).status == 404
    assert proxied.get("/all/org/example/widget/", **COURSIER).status == 404


def test_what_maven_4_accepts_decides_nothing(proxied: Proxied) -> None:
    got = proxied.get(JAR, **MAVEN_4)
    absent = proxied.get(JAR.replace("1.0", "7"), **MAVEN_4)
    prefixes = proxied.get("/all/.meta/prefixes.txt", **MAVEN_4)

    assert (got.status, got.headers["content-type"]) == (200, "application/java-archive")
    assert (absent.status, absent.headers["content-type"]) == (404, "text/plain")
    assert prefixes.status == 404


def test_maven_3_9_is_saved_the_checksum_requests(proxied: Proxied) -> None:
    got = proxied.get(JAR, User_Agent="Apache-Maven/3.9.9 (Java 17; Linux 6.1)", Cache_Control="no-cache, no-store")

    assert got.headers["x-checksum-sha1"] == hashlib.sha1(got.body, usedforsecurity=False).hexdigest()


@pytest.mark.parametrize("client", [BAZEL, RULES_JVM])
@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_bazel_gets_no_403_and_nothing_compressed(proxied: Proxied, client: dict[str, str], method: str) -> None:
    honest = proxied.get(JAR, method, **client)
    proxied.stage.lay_over("signature-bad")
    refused = proxied.get("/all/com/example/gizmo/2.3/gizmo-2.3.jar", method, **client)

    assert (honest.status, refused.status) == (200, 409)
    assert "content-encoding" not in honest.headers


def test_ivy_asks_with_head_for_what_is_no_jar(proxied: Proxied) -> None:
    assert proxied.get("/all/org/example/parent/1/parent-1.jar", "HEAD").status == 404
    assert proxied.get("/all/org/example/parent/1/parent-1.pom", "HEAD").status == 200
