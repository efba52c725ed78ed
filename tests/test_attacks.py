"""One test for each line of the threat model: what is refused, with which code, and that nothing of it stays."""

from pathlib import Path

import pytest
from servers import Answer, BreakingProxy, FileServer, redirect, self_signed_context
from stage import WIDGET, WIDGET_PATH, Stage, stage

__all__ = ["stage"]


def test_a_man_in_the_middle_who_rewrites_jar_and_checksum_is_refused_by_the_signature(stage: Stage) -> None:
    stage.lay_over("signature-bad")

    assert stage.fetch(WIDGET).artifact()["code"] == "signature-bad"


def test_a_proxy_that_opens_tls_is_refused(stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    impostor = FileServer(self_signed_context(tmp_path), root=stage.root)
    with impostor, BreakingProxy(impostor) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)

        result = stage.fetch(WIDGET)

    assert result.artifact()["code"] == "tls-untrusted"
    assert stage.cached() == []


def test_a_redirect_to_plain_http_is_refused(stage: Stage) -> None:
    with FileServer(None, root=stage.root) as plain:
        stage.serve(WIDGET_PATH, redirect(plain.url + WIDGET_PATH))

        result = stage.fetch(WIDGET)

    assert result.artifact()["code"] == "insecure-transport"
    assert plain.counts == {}


@pytest.mark.parametrize("suffix", [".asc", ".sha1"])
def test_a_redirect_of_evidence_to_plain_http_is_refused(stage: Stage, suffix: str) -> None:
    with FileServer(None, root=stage.root) as plain:
        stage.serve(WIDGET_PATH + suffix, redirect(plain.url + WIDGET_PATH + suffix))

        assert stage.fetch(WIDGET).artifact()["code"] == "insecure-transport"


def test_a_certificate_of_another_host_is_refused(tmp_path: Path) -> None:
    with Stage(tmp_path, ("elsewhere.example",)) as stage:
        result = stage.fetch(WIDGET)

    assert result.artifact()["code"] == "tls-untrusted"
    assert result.status == 1


def test_an_outage_of_the_signature_is_unavailable_and_never_unsigned(stage: Stage) -> None:
    stage.change_policy('signature = "trusted"', 'signature = "present-must-be-trusted"')
    stage.serve(f"{WIDGET_PATH}.asc", Answer(b"", 503))

    result = stage.fetch(WIDGET)

    assert (result.artifact()["status"], result.artifact()["code"]) == ("unavailable", "server-error")
    assert result.status == 3
    assert stage.cached() == []


def test_an_outage_of_the_checksum_is_unavailable(stage: Stage) -> None:
    stage.serve(f"{WIDGET_PATH}.sha1", Answer(b"", 503))

    assert stage.fetch(WIDGET).artifact()["code"] == "server-error"


def test_only_not_found_leads_on_to_the_next_repository(stage: Stage, tmp_path: Path) -> None:
    with FileServer(stage.authority.context(), {WIDGET_PATH: Answer(b"", 403)}) as first:
        text = stage.policy.read_text()
        front = f'[[repository]]\nid = "front"\nurl = "{first.url}"\nca-file = "{stage.authority.file}"\n\n'
        stage.policy.write_text(front + text)

        refused = stage.fetch(WIDGET).artifact()
        first.files[WIDGET_PATH] = Answer(b"", 404)
        found = stage.fetch(WIDGET).artifact()

    assert (refused["status"], refused["code"]) == ("unavailable", "unauthorized")
    assert (found["status"], found["repository"]) == ("verified", "example")


def test_an_endless_answer_is_cut_at_its_bound(stage: Stage) -> None:
    stage.write_policy(extra='\n[limits]\nfile = "1 MiB"\n')
    stage.serve(WIDGET_PATH, Answer(b"x" * 65536, announced=-1, repeat=0))

    result = stage.fetch(WIDGET)

    assert result.artifact()["code"] == "too-large"
    assert stage.quarantined() == []


def test_an_answer_shorter_than_announced_is_refused(stage: Stage) -> None:
    body = (stage.root / WIDGET_PATH[1:]).read_bytes()
    stage.serve(WIDGET_PATH, Answer(body[:-1], announced=len(body), close=True))

    assert stage.fetch(WIDGET).artifact()["code"] == "truncated"


def test_a_changed_file_of_the_cache_is_refused_removed_and_fetched_anew(stage: Stage) -> None:
    path = Path(str(stage.fetch(WIDGET).artifact()["file"]))
    honest = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(honest[:-1] + b"!")

    again = stage.fetch(WIDGET).artifact()

    assert (again["status"], again["from_cache"]) == ("verified", False)
    assert again["replaced"] is not None
    assert path.read_bytes() == honest


def test_a_changed_file_of_the_cache_is_refused_offline(stage: Stage) -> None:
    path = Path(str(stage.fetch(WIDGET).artifact()["file"]))
    path.chmod(0o644)
    path.write_bytes(b"PK")

    result = stage.run("--offline", "fetch", "--no-transitive", "--format", "json", WIDGET)

    assert result.artifact()["code"] == "checksum-mismatch"
    assert result.status == 1
    assert not path.exists()


def test_a_poisoned_cache_of_another_machine_is_judged_again(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file and its record, brought in from elsewhere: what proves itself passes, what does not is fetched anew."""
    signed = stage.fetch(WIDGET).artifact()
    unsigned = stage.fetch("com.example.open:door:1.0").artifact()
    assert (signed["status"], unsigned["status"]) == ("verified", "verified")
    stage.server.counts.clear()
    monkeypatch.setenv("XDG_STATE_HOME", str(stage.directory / "another-machine"))

    signed_again = stage.fetch(WIDGET).artifact()
    unsigned_again = stage.fetch("com.example.open:door:1.0").artifact()

    assert (signed_again["status"], signed_again["from_cache"]) == ("verified", True)
    assert (unsigned_again["status"], unsigned_again["from_cache"]) == ("verified", False)


@pytest.mark.parametrize(
    "variable",
    ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE", "SSL_CERT_DIR", "SSLKEYLOGFILE", "GNUPGHOME"],
)
def test_no_environment_variable_brings_in_an_authority(
    stage: Stage, variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = tmp_path / "log"
    monkeypatch.setenv(variable, str(keys if variable == "SSLKEYLOGFILE" else stage.authority.file))
    stage.change_policy(f'ca-file = "{stage.authority.file}"\n', "")

    assert stage.fetch(WIDGET).artifact()["code"] == "tls-untrusted"
    assert not keys.exists()


@pytest.mark.parametrize(
    "text",
    [
        "org.example:widget:../../etc/passwd",
        "org.example:..:1.0",
        "org/example:widget:1.0",
        "org.example:widget:1.0\x1b[2J",
        "a:b:" + "9" * 10_000,
        "org.example:widget:[1.0,2.0)",
        "pkg:maven/../../x@1",
        "pkg:npm/x@1",
        "",
        ":::",
        "org..example:widget:1.0",
    ],
)
def test_refuses_a_coordinate_that_is_none_before_any_request(stage: Stage, text: str) -> None:
    result = stage.fetch("--", text)

    assert (result.artifact()["code"], result.status) == ("coordinate-invalid", 1)
    assert "Traceback" not in result.err
    assert stage.server.counts == {}
