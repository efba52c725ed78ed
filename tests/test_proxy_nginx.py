"""The recipe in docs/nginx.conf, with a real nginx before the proxy."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import need
from proxied import JAR, Got, Proxied, ask, converse
from stage import WIDGET_PATH, Stage, stage

__all__ = ["stage"]

RECIPE = Path(__file__).parent.parent / "docs" / "nginx.conf"
MAIN = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 64; }}
http {{ access_log off; {temporary}
{recipe}
}}
"""


@dataclass(frozen=True)
class Front:
    """nginx before a proxy."""

    port: int
    proxied: Proxied

    def get(self, path: str, method: str = "GET") -> Got:
        return ask(self.port, path, method)

    def asked(self) -> int:
        """How many requests came through to the proxy."""
        return self.proxied.journal.requests


@pytest.fixture
def front(stage: Stage, tmp_path: Path) -> Iterator[Front]:
    nginx = need("nginx")
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = found.getsockname()[1]
    with Proxied(stage) as proxied:
        recipe = RECIPE.read_text()
        for said, here in (
            ("server 127.0.0.1:8480;", f"server 127.0.0.1:{proxied.port};"),
            ("listen 8081;", f"listen 127.0.0.1:{port};"),
            ("/var/cache/verifier/repository", str(stage.cache / "repository")),
            ("/central/$path", "/example/$path"),
        ):
            assert recipe.count(said) == 1
            recipe = recipe.replace(said, here)
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        temporary = " ".join(f"{kind}_temp_path {tmp_path}/{kind};" for kind in kinds)
        text = MAIN.format(home=tmp_path, temporary=temporary, recipe=recipe)
        (tmp_path / "nginx.conf").write_text(f"user root;\n{text}" if os.geteuid() == 0 else text)
        command = [nginx, "-c", str(tmp_path / "nginx.conf"), "-e", str(tmp_path / "error.log")]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            _listening(port, process)
            yield Front(port, proxied)
        finally:
            process.terminate()
            process.wait()


def _listening(port: int, process: "subprocess.Popen[bytes]") -> None:
    for _ in range(6_000):
        assert process.poll() is None
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.01)
        else:
            return
    pytest.fail("nginx does not listen")


@pytest.mark.parametrize("prefix", ["/all", "/example"])
def test_a_verified_file_is_served_without_the_proxy(front: Front, prefix: str) -> None:
    path = JAR.replace("/all", prefix)
    first = front.get(path)
    asked = front.asked()

    second = front.get(path)
    head = front.get(path, "HEAD")

    assert first.headers["x-verifier-record"] == "1"
    assert (second.status, second.body) == (200, first.body)
    assert second.headers["content-type"] == "application/java-archive"
    assert second.headers["x-content-type-options"] == "nosniff"
    assert (head.status, head.headers["content-length"]) == (200, str(len(first.body)))
    assert front.asked() == asked


def test_a_refusal_passes_with_its_phrase(front: Front) -> None:
    front.proxied.stage.lay_over("signature-bad")

    got = front.get(JAR)

    assert got.status == 409
    assert got.phrase.startswith("Refused by verifier: signature-bad org.example:widget:jar:1.0; run 'verifier explain")
    assert got.headers["content-type"] == "application/problem+json"
    assert front.get(JAR, "HEAD").status == 409
    assert front.get(f"{JAR}.sha1").status == 409


def test_checksums_metadata_and_pages_come_from_the_proxy(front: Front) -> None:
    front.get(JAR)
    asked = front.asked()

    statuses = [
        front.get(path).status
        for path in (f"{JAR}.sha1", "/all/org/example/widget/maven-metadata.xml", "/-/health", "/all/a/b/1-SNAPSHOT/x")
    ]

    assert statuses == [200, 404, 200, 400]
    assert front.asked() == asked + 4


def test_what_a_new_policy_refuses_is_gone_from_the_disk(front: Front) -> None:
    assert front.get(JAR).status == 200
    stage = front.proxied.stage
    stage.change_policy("35DE40D828CB4B95E6B22E37A81251152B4B1B0A", "A" * 40)

    front.proxied.wait(front.proxied.proxy.reload())
    end = time.monotonic() + 60
    while stage.cached():
        assert time.monotonic() < end
        time.sleep(0.01)
    # nginx holds what it opened for a second.
    while (got := front.get(JAR)).status == 200:
        assert time.monotonic() < end
        time.sleep(0.05)

    assert got.status == 409


@pytest.mark.parametrize(
    "path",
    [
        "/../record.sqlite",
        "/all/../../record.sqlite",
        "/%2e%2e/record.sqlite",
        "/example/..%2f..%2frecord.sqlite",
        "/all/..%2f..%2f..%2frecord.sqlite",
        "/example/",
        "/all/org/example/",
        "/example/%00",
        "//record.sqlite",
    ],
)
def test_no_path_leads_out_of_the_verified_files(front: Front, path: str) -> None:
    front.get(JAR)

    answer = converse(front.port, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(), 10)

    assert answer.split(b" ")[1] in {b"400", b"404"}
    assert b"SQLite" not in answer
    assert b"widget" not in answer.split(b"\r\n\r\n", 1)[1]


@pytest.mark.parametrize("linked", ["file", "directory"])
def test_a_link_in_the_tree_leads_nowhere(front: Front, tmp_path: Path, linked: str) -> None:
    honest = front.get(JAR).body
    tree = front.proxied.stage.cache / "repository" / "example"
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "door-1.0.jar").write_bytes(b"other")
    folder = tree / "com" / "example" / "open" / "door" / "1.0"
    folder.parent.mkdir(parents=True)
    if linked == "directory":
        folder.symlink_to(tmp_path / "other")
    else:
        folder.mkdir()
        (folder / "door-1.0.jar").symlink_to(tmp_path / "other" / "door-1.0.jar")

    got = front.get("/all/com/example/open/door/1.0/door-1.0.jar")

    assert b"other" not in got.body
    assert front.get(JAR).body == honest


def test_an_alias_of_a_verified_path_leads_to_the_verified_bytes_or_nowhere(front: Front) -> None:
    honest = front.get(JAR).body

    for alias in (
        f"/example/x/..{WIDGET_PATH}",
        f"/example{WIDGET_PATH.replace('-', '%2d')}",
        f"//example/{WIDGET_PATH}",
    ):
        request = f"GET {alias} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
        head, _, body = converse(front.port, request.encode(), 10).partition(b"\r\n\r\n")
        assert body == honest or b" 400 " in head
