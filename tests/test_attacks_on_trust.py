"""Attacks on what verdicts rest on: keys, kept evidence, engines and the policy itself; none may become a verdict."""

import hashlib
import io
import json
import shutil
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from conftest import need
from judge_cases import ADOPTED, BAD, GOOD, KEYS, OWNER, REVOKED, STRANGER, TRUSTED, asc, content, evidence, trust
from keyservers import KeyServerHost
from openpgp_cases import NOW, Signer, armour, bind, certificate, certify, ed, flags, packet, sign
from servers import FileServer
from stage import Stage, stage

from verifier.cli.opening import POLICY_NAME, Directories, load_policy
from verifier.errors import ConfigError, ReasonedError, SignatureBad, TimedOut
from verifier.judge import weigh
from verifier.openpgp.certificate import Certificate
from verifier.openpgp.signature import Signature
from verifier.policy import Engine
from verifier.signing import Basis, Opinion

__all__ = ["stage"]

NAME = "org.attacked:thing:1.0"
OPEN = "com.example.open:internal:9.9"  # the fixtures' policy asks no signature of this group
LATER = datetime(2026, 1, 1, tzinfo=UTC)


def jar(text: str) -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as archive:
        archive.writestr(zipfile.ZipInfo("org/attacked/Thing.class"), text)
    return data.getvalue()


JAR = jar("thing")


def publish(root: Path, name: str, body: bytes, *signatures: bytes) -> Path:
    """Publish a file with its SHA-1, and with its signatures where there are any."""
    group, artifact, version = name.split(":")
    folder = root.joinpath(*group.split("."), artifact, version)
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{artifact}-{version}.jar"
    file.write_bytes(body)
    file.with_name(f"{file.name}.sha1").write_text(hashlib.sha1(body).hexdigest())  # noqa: S324  what repositories publish
    if signatures:
        file.with_name(f"{file.name}.asc").write_bytes(asc(*signatures))
    return file


def hold(stage: Stage, *certificates: bytes) -> None:
    """Put certificates into the policy's key file, each as a block of its own."""
    blocks = (armour(data, "PUBLIC KEY BLOCK") for data in certificates)
    (stage.directory / "keys" / "held.asc").write_bytes(b"".join(blocks))


def rely_on(stage: Stage, key: Signer, *, extra: str = "", demand: str = "trusted") -> None:
    """Trust one key for the attacked group, and add the key file that `hold` writes to the policy."""
    stage.policy = stage.write_policy(
        extra=f"""
[[rule]]
match = "org.attacked"
signature = "{demand}"

[[trust]]
match = "org.attacked"
keys = ["{key.fingerprint}"]
reason = "the publisher"
{extra}
"""
    )
    stage.change_policy("files = [", 'files = ["keys/held.asc", ')


def judged(stage: Stage, name: str = NAME) -> tuple[str, str | None]:
    artifact = stage.fetch(name).artifact()
    return artifact["status"], artifact["code"]


@contextmanager
def second_repository(stage: Stage, **changes: str) -> Iterator[Path]:
    """Serve another repository and put its policy into force while within; the cache is shared."""
    root, policy = stage.directory / "second", stage.policy
    root.mkdir()
    with FileServer(stage.authority.context(), root=root) as server:
        text = policy.read_text().replace(stage.server.url, server.url)
        for old, new in changes.items():
            text = text.replace(f'"{old}"', f'"{new}"')
        stage.policy = stage.directory / "second.toml"
        stage.policy.write_text(text)
        yield root
        stage.policy = policy


# Keys


@pytest.mark.parametrize("engine", ["native", "gnupg", "both"])
def test_a_signature_over_other_bytes_by_a_key_that_may_only_certify_is_bad(stage: Stage, engine: str) -> None:
    """The second engine refuses the key for its use, which naming the key exactly excuses, and calculates nothing."""
    need("gpg")
    hold(stage, certificate(OWNER, certify(OWNER, hashed=[flags(1)])))
    rely_on(stage, OWNER, extra="exact = true")
    stage.change_policy('checksum = "sha1"', f'checksum = "sha1"\nengine = "{engine}"')
    publish(stage.root, NAME, JAR, sign(OWNER, b"other bytes"))

    assert judged(stage) == ("refused", "signature-bad")


@pytest.mark.parametrize("certificates", [(REVOKED, ADOPTED), (ADOPTED, REVOKED)])
def test_a_strangers_certificate_does_not_lift_a_revocation(stage: Stage, certificates: tuple[bytes, ...]) -> None:
    hold(stage, *certificates)
    rely_on(stage, OWNER, extra="exact = true")
    publish(stage.root, NAME, JAR, sign(OWNER, JAR))

    assert judged(stage) == ("refused", "key-revoked")


@pytest.mark.parametrize(
    ("back", "kept", "status"),
    [(b"", 0, "unavailable"), (None, 1, "verified")],
    ids=["no back-signature", "signed back"],
)
def test_a_key_servers_binding_counts_where_the_subkey_signed_back(
    stage: Stage, back: bytes | None, kept: int, status: str
) -> None:
    bound = certificate(STRANGER, certify(STRANGER), packet(14, OWNER.body), bind(STRANGER, OWNER, back=back))
    publish(stage.root, NAME, JAR, sign(OWNER, JAR))
    hold(stage, certificate(STRANGER))
    rely_on(stage, OWNER, extra="exact = true")
    with KeyServerHost(stage.authority.context(), {OWNER.fingerprint: bound}) as host:
        stage.change_policy("servers = []", f'servers = ["{host.hkp}"]\nca-file = "{stage.authority.file}"')

        found = stage.fetch(NAME).artifact()

    assert (found["status"], host.asked) == (status, [OWNER.fingerprint]), found
    assert len(list((stage.cache / "keys").glob("*.pgp"))) == kept


# Kept evidence


def test_a_cache_does_not_pass_on_the_bytes_of_another_url_under_the_same_id(stage: Stage) -> None:
    good = publish(stage.root, OPEN, jar("good"))
    with second_repository(stage) as root:
        publish(root, OPEN, jar("evil"))
        assert judged(stage, OPEN) == ("verified", None)

    artifact = stage.fetch(OPEN).artifact()

    assert (artifact["status"], artifact["from_cache"]) == ("verified", False)
    assert artifact["digests"]["sha256"] == hashlib.sha256(good.read_bytes()).hexdigest()
    assert artifact["url"].startswith(stage.server.url)


@pytest.mark.parametrize("identifier", ["example", "another"])
def test_verify_counts_no_checksum_of_a_repository_that_is_not_asked(stage: Stage, identifier: str) -> None:
    copy = stage.directory / "internal-9.9.jar"
    with second_repository(stage, example=identifier) as root:
        shutil.copy(publish(root, OPEN, jar("evil")), copy)
        assert judged(stage, OPEN) == ("verified", None)
        there = stage.run("verify", "--as", OPEN, "--format", "json", str(copy)).artifact()

    here = stage.run("verify", "--as", OPEN, "--format", "json", str(copy)).artifact()

    assert there["status"] == "verified"  # its own policy asks that repository
    assert (here["status"], here["code"]) == ("refused", "checksum-missing")


def test_the_same_bytes_unsigned_elsewhere_do_not_hide_a_revoked_signature(stage: Stage) -> None:
    hold(stage, certificate(OWNER))
    rely_on(stage, OWNER, demand="present-must-be-trusted")
    publish(stage.root, NAME, JAR, sign(OWNER, JAR))
    assert judged(stage) == ("verified", None)
    hold(stage, REVOKED)
    with second_repository(stage, example="other") as root:
        publish(root, NAME, JAR)
        assert judged(stage) == ("verified", None)

    offline = stage.run("--offline", "fetch", "--no-transitive", "--format", "json", NAME).artifact()

    assert (offline["status"], offline["code"]) == ("unavailable", "offline")
    assert judged(stage) == ("refused", "key-revoked")


@pytest.mark.parametrize(
    ("options", "expected"),
    [((), ("refused", "key-untrusted")), (("--offline",), ("unavailable", "offline"))],
)
def test_an_absence_that_anybody_wrote_into_the_record_accepts_nothing(
    stage: Stage, options: tuple[str, ...], expected: tuple[str, str]
) -> None:
    hold(stage, certificate(OWNER))
    rely_on(stage, OWNER, demand="none")
    publish(stage.root, NAME, JAR, sign(STRANGER, JAR))
    assert judged(stage) == ("verified", None)
    change_evidence(stage, lambda facts: facts.update(signature=None, signature_absent=True))
    rely_on(stage, OWNER, demand="present-must-be-trusted")

    artifact = stage.run(*options, "fetch", "--no-transitive", "--format", "json", NAME).artifact()

    assert (artifact["status"], artifact["code"]) == expected


def change_evidence(stage: Stage, change: Callable[[dict[str, Any]], None]) -> None:
    """Change what the record keeps of the attacked file, by one who has not the seal's key."""
    with closing(sqlite3.connect(stage.cache / "record.sqlite")) as record, record:
        where = "WHERE coordinate LIKE 'org.attacked:%'"
        ((document,),) = record.execute(f"SELECT document FROM evidence {where}").fetchall()  # noqa: S608  a constant
        facts = json.loads(document)
        change(facts)
        text = json.dumps(facts, separators=(",", ":"), sort_keys=True)
        record.execute(f"UPDATE evidence SET document = ? {where}", (text,))  # noqa: S608  a constant


def test_a_second_signature_does_not_make_a_replayed_file_a_new_one(stage: Stage) -> None:
    hold(stage, certificate(OWNER), certificate(STRANGER))
    rely_on(stage, OWNER)
    first, second = sign(OWNER, JAR), sign(STRANGER, JAR)
    publish(stage.root, NAME, JAR, first)
    assert judged(stage) == ("verified", None)
    publish(stage.root, "org.attacked:thing:2.0", JAR, first, second)

    assert judged(stage, "org.attacked:thing:2.0") == ("refused", "signature-replayed")


def test_the_same_bytes_signed_anew_are_no_replay(stage: Stage) -> None:
    hold(stage, certificate(OWNER), certificate(STRANGER))
    rely_on(stage, OWNER)
    publish(stage.root, NAME, JAR, sign(OWNER, JAR))
    assert judged(stage) == ("verified", None)
    publish(stage.root, "org.attacked:thing:2.0", JAR, sign(OWNER, JAR, made=LATER), sign(STRANGER, JAR))

    assert judged(stage, "org.attacked:thing:2.0") == ("verified", None)


def test_an_absence_of_yesterday_does_not_hide_a_strangers_signature(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    hold(stage, certificate(OWNER), certificate(STRANGER))
    rely_on(stage, OWNER, demand="present-must-be-trusted")
    publish(stage.root, NAME, JAR)
    assert judged(stage) == ("verified", None)
    publish(stage.root, NAME, JAR, sign(STRANGER, JAR))
    within_the_day = judged(stage)
    monkeypatch.setattr("verifier.record.ABSENT_SECONDS", 0)  # the day is over

    assert (within_the_day, judged(stage)) == (("verified", None), ("refused", "key-untrusted"))


# The policy


def _directories(root: Path) -> Directories:
    return Directories(root, root / "cache", root / "config", root / "state")


def test_a_found_policy_that_all_may_write_is_refused(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    below = stage.directory / "project"
    below.mkdir()
    monkeypatch.chdir(below)
    assert stage.policy == stage.directory / POLICY_NAME
    stage.policy.chmod(0o646)

    with pytest.raises(ConfigError, match="all may write it"):
        load_policy(None, _directories(stage.directory))


@pytest.mark.parametrize(("mode", "is_named"), [(0o646, True), (0o664, False)])
def test_a_policy_that_is_named_or_has_owners_is_taken(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, mode: int, *, is_named: bool
) -> None:
    monkeypatch.chdir(stage.directory)
    stage.policy.chmod(mode)

    policy = load_policy(stage.policy if is_named else None, _directories(stage.directory))

    assert [repository.url for repository in policy.repositories] == [stage.server.url]


# Engines


def weighed(signatures: bytes, opinion: Opinion) -> list[str]:
    """Weigh by both engines, where the owner and the stranger are trusted, and give the codes of the causes."""
    basis = Basis(replace(TRUSTED, engine=Engine.BOTH), (trust(OWNER, STRANGER),), (), ())
    causes = weigh(evidence(signatures), basis, KEYS, content, now=NOW, opinion=opinion).causes
    return [cause.code for cause in causes]


def _answer(refusal: ReasonedError | None, of: Signer | None = None) -> Opinion:
    """Make a second engine that says one thing of the signatures of one key, or of all, and calls the rest good."""

    def answer(signature: Signature, certificate: Certificate) -> None:
        if refusal is not None and (of is None or certificate.primary.fingerprint == of.fingerprint):
            raise refusal

    return answer


@pytest.mark.parametrize(
    ("refusal", "code"),
    [
        (TimedOut("no answer"), "signature-bad"),
        (SignatureBad("bad"), "signature-bad"),
        (None, "engines-disagree"),
    ],
)
def test_a_bad_signature_stays_refused_whatever_the_second_engine_does(
    refusal: ReasonedError | None, code: str
) -> None:
    assert weighed(asc(BAD), _answer(refusal)) == [code]


@pytest.mark.parametrize("signatures", [(GOOD, sign(STRANGER)), (sign(STRANGER), GOOD)])
def test_engines_that_disagree_refuse_beside_a_good_signature(signatures: tuple[bytes, ...]) -> None:
    assert weighed(asc(*signatures), _answer(SignatureBad("bad"), STRANGER)) == ["engines-disagree"]
    assert weighed(asc(*signatures), _answer(None)) == []


def test_a_bad_signature_that_the_second_engine_calls_good_refuses_beside_a_good_one() -> None:
    assert weighed(asc(GOOD, sign(STRANGER, b"other bytes")), _answer(None)) == ["engines-disagree"]


def test_a_third_key_that_nobody_trusts_is_no_disagreement() -> None:
    assert weighed(asc(GOOD, sign(ed(7))), _answer(SignatureBad("bad"), ed(7))) == []
