import contextlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.credentials import MAX_SETTINGS_BYTES, Credentials, resolve
from verifier.errors import ConfigError

SECRET = "hunter2 of the tests"  # noqa: S105  it opens nothing
SETTINGS = """<?xml version="1.0"?>
<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0">
  <servers>
    <server><id>other</id><username>eve</username><password>no</password></server>
    <server><id>company</id><username> ann </username><password>{password}</password>
      <configuration><password>not this</password></configuration></server>
  </servers>
  <profiles><server><id>company</id><username>no</username><password>no</password></server></profiles>
</settings>
"""


def settings_file(home: Path, text: str | bytes) -> None:
    (home / ".m2").mkdir(exist_ok=True)
    data = text if isinstance(text, bytes) else text.encode()
    (home / ".m2" / "settings.xml").write_bytes(data)


def found(spec: str, home: Path, environment: dict[str, str] | None = None) -> tuple[str, str] | None:
    credentials = resolve(spec, "repo.example", environment or {}, home)
    return None if credentials is None else (credentials.username, credentials.password)


def test_reads_a_pair_from_the_environment(tmp_path: Path) -> None:
    environment = {"CI_USERNAME": "ann", "CI_PASSWORD": SECRET}

    assert found("env:CI", tmp_path, environment) == ("ann", SECRET)
    assert found("env:OTHER", tmp_path, environment) is None


@pytest.mark.parametrize("environment", [{"CI_USERNAME": "ann"}, {"CI_PASSWORD": SECRET}])
def test_refuses_half_a_pair(tmp_path: Path, environment: dict[str, str]) -> None:
    with pytest.raises(ConfigError, match="CI_USERNAME and CI_PASSWORD") as caught:
        resolve("env:CI", "repo.example", environment, tmp_path)

    assert SECRET not in str(caught.value)


def test_reads_the_entry_of_the_host_from_netrc(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text(
        f'machine other.example login eve password no\nmachine repo.example login ann password "{SECRET}"\n'
    )

    assert found("netrc", tmp_path) == ("ann", SECRET)


def test_finds_nothing_where_there_is_no_file(tmp_path: Path) -> None:
    assert found("netrc", tmp_path) is None
    assert found("settings:company", tmp_path) is None


def test_finds_nothing_where_netrc_names_only_others(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine other.example login eve password no\n")

    assert found("netrc", tmp_path) is None


def test_a_netrc_that_cannot_be_read_is_named_and_shows_no_secret(tmp_path: Path) -> None:
    (tmp_path / ".netrc").write_text("machine repo.example login ann\nhunter2\n")

    with pytest.raises(ConfigError, match=r"\.netrc: cannot be read as a netrc file") as caught:
        resolve("netrc", "repo.example", {}, tmp_path)

    assert "hunter2" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_reads_a_server_of_maven_settings(tmp_path: Path) -> None:
    settings_file(tmp_path, SETTINGS.replace("{password}", SECRET))

    assert found("settings:company", tmp_path) == ("ann", SECRET)
    assert found("settings:missing", tmp_path) is None


def test_expands_a_variable_in_maven_settings(tmp_path: Path) -> None:
    settings_file(tmp_path, SETTINGS.replace("{password}", "${env.TOKEN}"))

    assert found("settings:company", tmp_path, {"TOKEN": SECRET}) == ("ann", SECRET)


@pytest.mark.parametrize("text", ["${env.UNSET}", "${user.home}"])
def test_refuses_a_variable_that_it_cannot_expand(tmp_path: Path, text: str) -> None:
    settings_file(tmp_path, SETTINGS.replace("{password}", text))

    with pytest.raises(ConfigError, match=r"only \$\{env.NAME\}"):
        resolve("settings:company", "repo.example", {}, tmp_path)


@pytest.mark.parametrize("text", ["{COQLCE6DU6GtcS5P=}", "expires soon {COQLCE6DU6GtcS5P=}"])
def test_says_plainly_that_an_encrypted_password_cannot_be_read(tmp_path: Path, text: str) -> None:
    settings_file(tmp_path, SETTINGS.replace("{password}", text))

    with pytest.raises(ConfigError, match="encrypted by Maven") as caught:
        resolve("settings:company", "repo.example", {}, tmp_path)

    assert "COQLCE6DU6GtcS5P" not in str(caught.value)


def test_refuses_a_doctype(tmp_path: Path) -> None:
    settings_file(tmp_path, '<!DOCTYPE settings [<!ENTITY a "b">]><settings/>')

    with pytest.raises(ConfigError, match="DOCTYPE"):
        resolve("settings:company", "repo.example", {}, tmp_path)


@pytest.mark.parametrize("data", [b"", b"<settings>", b"\xff\xfe\x00", b"<?xml version='1.0' encoding='klingon'?><a/>"])
def test_refuses_settings_that_are_not_xml(tmp_path: Path, data: bytes) -> None:
    settings_file(tmp_path, data)

    with pytest.raises(ConfigError, match="not well-formed XML"):
        resolve("settings:company", "repo.example", {}, tmp_path)


def test_refuses_settings_that_are_huge(tmp_path: Path) -> None:
    settings_file(tmp_path, b" " * (MAX_SETTINGS_BYTES + 1))

    with pytest.raises(ConfigError, match="larger than"):
        resolve("settings:company", "repo.example", {}, tmp_path)


@pytest.mark.parametrize("spec", ["", "env:", "env:A-B", "settings:", "netrc:x", "basic:ann:secret"])
def test_refuses_other_specifications(tmp_path: Path, spec: str) -> None:
    with pytest.raises(ConfigError, match="expected"):
        resolve(spec, "repo.example", {}, tmp_path)


@pytest.mark.parametrize(
    ("username", "password"), [("a:b", "c"), ("a\n", "c"), ("a", "c\r\nHost: x"), ("a", "c" * 9000)]
)
def test_refuses_values_that_cannot_be_sent(tmp_path: Path, username: str, password: str) -> None:
    environment = {"CI_USERNAME": username, "CI_PASSWORD": password}

    with pytest.raises(ConfigError, match="env:CI"):
        resolve("env:CI", "repo.example", environment, tmp_path)


def test_secrets_do_not_show() -> None:
    assert SECRET not in repr(Credentials("ann", SECRET))


@given(data=st.binary(max_size=200))
@settings(max_examples=60, deadline=None)
def test_any_bytes_are_read_or_refused(tmp_path_factory: pytest.TempPathFactory, data: bytes) -> None:
    home = tmp_path_factory.mktemp("home")
    settings_file(home, data)
    (home / ".netrc").write_bytes(data)

    for spec in ("netrc", "settings:company"):
        with contextlib.suppress(ConfigError):
            resolve(spec, "repo.example", {}, home)
