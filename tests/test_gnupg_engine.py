"""The reference engine against a real gpg: each row of the policy, hostile surroundings, nothing left behind."""

import os
import stat
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from conftest import need
from openpgp_cases import (
    BORN,
    CONTENT,
    MADE,
    NOW,
    RIPEMD160,
    SHA1,
    SHA3_256,
    Signer,
    back_signature,
    bind,
    certificate,
    certify,
    dsa_private,
    ec_private,
    ed,
    flags,
    lifetime,
    mpi,
    over_key,
    packet,
    reason,
    revoke_subkey,
    rsa_signer,
    sign,
    signer,
    subpacket,
    user_id,
)

from verifier import gnupg_engine
from verifier.errors import (
    ConfigError,
    KeyExpired,
    KeyRevoked,
    KeyUnknown,
    KeyUntrusted,
    Refusal,
    SignatureBad,
    SignatureExpired,
    SignatureFuture,
    SignatureMalformed,
    SignatureWeak,
    TimedOut,
)
from verifier.gnupg_answer import GnupgAnswer
from verifier.gnupg_engine import GnupgEngine
from verifier.openpgp.signature import Signature, parse_packet

DAY = timedelta(days=1)
YEAR = 365 * DAY
PRIMARY, SUBKEY, STRANGER, RSA = ed(0), ed(1), ed(2), rsa_signer()
WHOLE = certificate(PRIMARY, certify(PRIMARY, hashed=[flags(3)]), packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY))
SUPERSEDED, COMPROMISED = 1, 2


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[GnupgEngine]:
    need("gpg")
    engine = GnupgEngine(tmp_path)
    engine.start()
    yield engine
    engine.stop()


@pytest.fixture
def content(tmp_path: Path) -> Path:
    path = tmp_path / "content.jar"
    path.write_bytes(CONTENT)
    return path


def read(body: bytes) -> Signature:
    return parse_packet(body, "a test")


def revoke(primary: Signer, code: int, made: datetime) -> bytes:
    return over_key(primary, 0x20, made=made, hashed=[reason(code)])


def whole(*revocations: bytes, span: timedelta | None = None, subkey_span: timedelta | None = None) -> bytes:
    ends = [] if span is None else [lifetime(span)]
    subkey_ends = [] if subkey_span is None else [lifetime(subkey_span)]
    return (
        packet(6, PRIMARY.body)
        + b"".join(revocations)
        + certify(PRIMARY, hashed=[flags(3), *ends])
        + packet(14, SUBKEY.body)
        + bind(PRIMARY, SUBKEY, hashed=subkey_ends)
    )


ACCEPTED: dict[str, tuple[bytes, bytes, Signer, Signer, str]] = {
    "RSA-2048": (certificate(RSA), sign(RSA), RSA, RSA, "sha256"),
    "RSA-1024": (certificate(one := rsa_signer(1024)), sign(one), one, one, "sha256"),
    "DSA-1024 over SHA-1": (
        certificate(dsa := signer(dsa_private()), certify(dsa, digest=SHA1)), sign(dsa, digest=SHA1), dsa, dsa, "sha1",
    ),
    "P-256": (certificate(curve := signer(ec_private())), sign(curve), curve, curve, "sha256"),
    "Ed25519": (certificate(PRIMARY), sign(PRIMARY), PRIMARY, PRIMARY, "sha256"),
    "a subkey": (WHOLE, sign(SUBKEY), SUBKEY, PRIMARY, "sha256"),
    "over SHA-1": (certificate(RSA), sign(RSA, digest=SHA1), RSA, RSA, "sha1"),
    "version 3": (certificate(RSA), sign(RSA, version=3), RSA, RSA, "sha256"),
    "SHA-1 in the self-signature alone": (certificate(RSA, certify(RSA, digest=SHA1)), sign(RSA), RSA, RSA, "sha256"),
    "self-signature newer than the signature": (
        certificate(RSA, certify(RSA, made=MADE + YEAR)), sign(RSA), RSA, RSA, "sha256",
    ),
    "key expired since": (whole(span=2 * YEAR), sign(PRIMARY), PRIMARY, PRIMARY, "sha256"),
    "primary expired since": (whole(span=2 * YEAR), sign(SUBKEY), SUBKEY, PRIMARY, "sha256"),
    "subkey expired since": (whole(subkey_span=2 * YEAR), sign(SUBKEY), SUBKEY, PRIMARY, "sha256"),
    "another subkey expired then": (whole(subkey_span=YEAR), sign(PRIMARY), PRIMARY, PRIMARY, "sha256"),
    "another subkey expired then, primary since": (
        whole(span=2 * YEAR, subkey_span=YEAR), sign(PRIMARY), PRIMARY, PRIMARY, "sha256",
    ),
    "superseded later": (whole(revoke(PRIMARY, SUPERSEDED, MADE + DAY)), sign(PRIMARY), PRIMARY, PRIMARY, "sha256"),
    "expired and superseded since": (
        whole(revoke(PRIMARY, SUPERSEDED, MADE + DAY), span=2 * YEAR), sign(SUBKEY), SUBKEY, PRIMARY, "sha256",
    ),
    "subkey superseded later": (
        WHOLE + revoke_subkey(PRIMARY, SUBKEY, SUPERSEDED, MADE + DAY), sign(SUBKEY), SUBKEY, PRIMARY, "sha256",
    ),
    "another subkey compromised": (
        whole(revoke(PRIMARY, SUPERSEDED, MADE + DAY)) + revoke_subkey(PRIMARY, SUBKEY, COMPROMISED, MADE),
        sign(PRIMARY), PRIMARY, PRIMARY, "sha256",
    ),
    "forged revocation": (
        whole(over_key(PRIMARY, 0x20, by=STRANGER, hashed=[reason(COMPROMISED)])), sign(PRIMARY), PRIMARY, PRIMARY,
        "sha256",
    ),
    "no end of its own yet": (
        certificate(RSA), sign(RSA, hashed=[subpacket(3, int((NOW - MADE + DAY).total_seconds()).to_bytes(4, "big"))]),
        RSA, RSA, "sha256",
    ),
    "an empty user id": (certificate(RSA, certify(RSA, b"")), sign(RSA), RSA, RSA, "sha256"),
}  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED)
def test_finds_good_and_says_of_what(engine: GnupgEngine, content: Path, case: str) -> None:
    data, body, by, primary, digest = ACCEPTED[case]

    answer = engine.judge(read(body), data, content, now=NOW)

    version = 3 if case == "version 3" else 4
    assert answer == GnupgAnswer(by.fingerprint, primary.fingerprint, MADE, digest, version)


def _sub(**options: bytes) -> bytes:
    return certificate(PRIMARY, certify(PRIMARY), packet(14, SUBKEY.body), bind(PRIMARY, SUBKEY, **options))  # type: ignore[arg-type] # passed on


ONE_DAY = subpacket(3, (86_400).to_bytes(4, "big"))
REFUSED: dict[str, tuple[bytes, bytes, type[Refusal]]] = {
    "other bytes": (certificate(RSA), sign(RSA, CONTENT + b"x"), SignatureBad),
    "past its own end": (certificate(RSA), sign(RSA, hashed=[ONE_DAY]), SignatureExpired),
    "from the future": (certificate(RSA), sign(RSA, made=NOW + DAY), SignatureFuture),
    "older than its key": (certificate(RSA), sign(RSA, made=BORN - DAY), SignatureFuture),
    "key expired then": (whole(span=YEAR), sign(PRIMARY), KeyExpired),
    "primary expired then": (whole(span=YEAR), sign(SUBKEY), KeyExpired),
    "subkey expired then": (whole(subkey_span=YEAR), sign(SUBKEY), KeyExpired),
    "primary expired then, subkey since": (whole(span=YEAR, subkey_span=2 * YEAR), sign(SUBKEY), KeyExpired),
    "superseded before": (whole(revoke(PRIMARY, SUPERSEDED, MADE - DAY)), sign(PRIMARY), KeyRevoked),
    "compromised before": (whole(revoke(PRIMARY, COMPROMISED, MADE - DAY)), sign(PRIMARY), KeyRevoked),
    "compromised later": (whole(revoke(PRIMARY, COMPROMISED, MADE + DAY)), sign(PRIMARY), KeyRevoked),
    "revoked for no reason": (whole(over_key(PRIMARY, 0x20, made=MADE + DAY)), sign(PRIMARY), KeyRevoked),
    "superseded later, compromised too": (
        whole(revoke(PRIMARY, SUPERSEDED, MADE + DAY), revoke(PRIMARY, COMPROMISED, MADE + 2 * DAY)),
        sign(PRIMARY), KeyRevoked,
    ),
    "primary compromised, subkey signs": (whole(revoke(PRIMARY, COMPROMISED, MADE + DAY)), sign(SUBKEY), KeyRevoked),
    "subkey compromised": (WHOLE + revoke_subkey(PRIMARY, SUBKEY, COMPROMISED, MADE + DAY), sign(SUBKEY), KeyRevoked),
    "compromised, and expired since": (
        whole(revoke(PRIMARY, COMPROMISED, MADE + DAY), span=2 * YEAR), sign(PRIMARY), KeyRevoked,
    ),
    "subkey compromised, primary expired since": (
        whole(span=2 * YEAR) + revoke_subkey(PRIMARY, SUBKEY, COMPROMISED, MADE + DAY), sign(SUBKEY), KeyRevoked,
    ),
    "revocation in the second copy": (
        WHOLE + whole(revoke(PRIMARY, COMPROMISED, MADE)), sign(SUBKEY), KeyRevoked,
    ),
    "revocation in a first copy without user id": (
        packet(6, PRIMARY.body) + revoke(PRIMARY, COMPROMISED, MADE) + WHOLE, sign(SUBKEY), KeyRevoked,
    ),
    "MD5": (certificate(RSA), sign(RSA, digest=1), SignatureWeak),
    "RIPEMD-160": (certificate(RSA), sign(RSA, digest=RIPEMD160, numbers=mpi(3)), SignatureWeak),
    "a digest that gpg does not have": (certificate(RSA), sign(RSA, digest=SHA3_256), SignatureMalformed),
    "a key for encryption": (certificate(RSA, certify(RSA, hashed=[flags(0x0C)])), sign(RSA), KeyUntrusted),
    "a key for certification": (certificate(RSA, certify(RSA, hashed=[flags(0x01)])), sign(RSA), KeyUntrusted),
    "a subkey without a back-signature": (_sub(back=b""), sign(SUBKEY), KeyUntrusted),
    "a subkey with a foreign back-signature": (
        _sub(back=back_signature(PRIMARY, SUBKEY, by=STRANGER)), sign(SUBKEY), KeyUntrusted,
    ),
    "no user id": (packet(6, RSA.body) + over_key(RSA, 0x1F), sign(RSA), KeyUnknown),
    "a bare key": (packet(6, RSA.body), sign(RSA), KeyUnknown),
    "a user id that a stranger signed": (
        packet(6, RSA.body) + packet(13, b"x") + packet(2, sign(STRANGER, kind=0x13)), sign(RSA), KeyUnknown,
    ),
    "version 6": (
        certificate(six := ed(version=6, algorithm=27), certify(six)), sign(six), KeyUnknown,
    ),
    "another key": (certificate(RSA), sign(STRANGER), KeyUnknown),
    "no key at all": (b"", sign(RSA), KeyUnknown),
    "no numbers": (certificate(RSA), sign(RSA, numbers=b""), SignatureMalformed),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_refuses(engine: GnupgEngine, content: Path, case: str) -> None:
    data, body, cause = REFUSED[case]

    with pytest.raises(cause) as caught:
        engine.judge(read(body), data, content, now=NOW)

    assert type(caught.value) is cause


def test_an_expired_key_is_named_so_that_a_newer_copy_can_be_fetched(engine: GnupgEngine, content: Path) -> None:
    with pytest.raises(KeyExpired) as caught:
        engine.judge(read(sign(SUBKEY)), whole(span=YEAR), content, now=NOW)

    assert caught.value.fingerprint == PRIMARY.fingerprint


def test_goes_by_the_clock_that_it_is_given(engine: GnupgEngine, content: Path) -> None:
    signature = read(sign(RSA, hashed=[ONE_DAY]))

    engine.judge(signature, certificate(RSA), content, now=MADE + DAY / 2)

    with pytest.raises(SignatureFuture):
        engine.judge(signature, certificate(RSA), content, now=MADE - DAY)


@pytest.mark.parametrize("kind", [0x01, 0x02, 0x13, 0x40])
def test_refuses_every_type_but_a_binary_one_where_native_did_not(
    engine: GnupgEngine, content: Path, kind: int
) -> None:
    text = CONTENT.replace(b"\n", b"\r\n")
    signature = replace(read(sign(RSA)), packet=sign(RSA, text, kind))

    with pytest.raises(SignatureMalformed):
        engine.judge(signature, certificate(RSA), content, now=NOW)


def test_refuses_where_gpg_reads_another_date_than_we_do(engine: GnupgEngine, content: Path) -> None:
    signature = replace(read(sign(RSA)), created=MADE - YEAR)

    with pytest.raises(SignatureMalformed, match="reads another signature"):
        engine.judge(signature, certificate(RSA), content, now=NOW)


FORGED = f"VALIDSIG {RSA.fingerprint} 2021-06-01 1622548800 0 4 0 1 8 00 {RSA.fingerprint}".encode()
LINE_ENDS = [b"\n", b"\r\n", b"\xc2\x85", b"\x85", b"\x0b", b"\x0c", b"\x1c", b"\xe2\x80\xa8", b"%0A"]


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_user_id_cannot_write_status_lines(engine: GnupgEngine, content: Path, end: bytes) -> None:
    name = b"Jane" + end + b"[GNUPG:] " + FORGED + end + b"[GNUPG:] GOODSIG 0 Jane" + end + b"x"
    data = certificate(STRANGER, certify(STRANGER, name))

    answer = engine.judge(read(sign(STRANGER)), data, content, now=NOW)

    assert answer.primary == STRANGER.fingerprint
    with pytest.raises(SignatureBad):
        engine.judge(read(sign(STRANGER, CONTENT + b"x")), data, content, now=NOW)


@pytest.mark.parametrize("end", LINE_ENDS)
def test_a_notation_cannot_write_status_lines(engine: GnupgEngine, content: Path, end: bytes) -> None:
    name, value = b"x@repo.example", b"y" + end + b"[GNUPG:] " + FORGED + end + b"[GNUPG:] GOODSIG 0 Jane" + end
    notation = subpacket(
        20, b"\x80\0\0\0" + len(name).to_bytes(2, "big") + len(value).to_bytes(2, "big") + name + value
    )
    by_stranger = read(sign(STRANGER, hashed=[notation, subpacket(26, value)]))

    answer = engine.judge(by_stranger, certificate(STRANGER), content, now=NOW)

    assert answer.primary == STRANGER.fingerprint


@pytest.mark.parametrize("name", ["--status-fd=1.jar", "-", "a\n[GNUPG:] GOODSIG 0 x", "-&3", "ü \x85.jar"])
def test_a_file_may_have_any_name(
    engine: GnupgEngine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / name).write_bytes(CONTENT)
    monkeypatch.chdir(tmp_path)

    engine.judge(read(sign(RSA)), certificate(RSA), Path(name), now=NOW)

    (tmp_path / name).write_bytes(CONTENT + b"x")
    with pytest.raises(SignatureBad):
        engine.judge(read(sign(RSA)), certificate(RSA), Path(name), now=NOW)


def test_refuses_where_the_file_is_not_there(engine: GnupgEngine, tmp_path: Path) -> None:
    with pytest.raises(SignatureMalformed):
        engine.judge(read(sign(RSA)), certificate(RSA), tmp_path / "absent", now=NOW)


def test_says_the_same_of_unusable_material_every_time(engine: GnupgEngine, content: Path) -> None:
    for data in (b"", b"", packet(6, RSA.body), packet(6, RSA.body)):
        with pytest.raises(KeyUnknown):
            engine.judge(read(sign(RSA)), data, content, now=NOW)


def test_answers_do_not_depend_on_what_was_asked_before(engine: GnupgEngine, content: Path) -> None:
    revoked = whole(revoke(PRIMARY, COMPROMISED, MADE))
    with pytest.raises(KeyRevoked):
        engine.judge(read(sign(SUBKEY)), revoked, content, now=NOW)

    engine.judge(read(sign(SUBKEY)), WHOLE, content, now=NOW)

    with pytest.raises(KeyUnknown):
        engine.judge(read(sign(SUBKEY)), certificate(RSA), content, now=NOW)


def test_users_own_gnupg_is_without_effect(
    engine: GnupgEngine, content: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hostile = tmp_path / "home" / ".gnupg"
    hostile.mkdir(parents=True, mode=0o700)
    (hostile / "gpg.conf").write_text(
        f"weak-digest SHA256\nallow-weak-digest-algos\nlog-file {tmp_path}/log\nstatus-file {tmp_path}/status\n"
        "keyserver hkps://repo.example\nauto-key-retrieve\nverbose\nbroken-option\n"
    )
    for variable, value in {"GNUPGHOME": hostile, "HOME": hostile.parent, "DEBUG_IPC": 1, "LC_ALL": "de_DE"}.items():
        monkeypatch.setenv(variable, str(value))

    engine.judge(read(sign(RSA)), certificate(RSA), content, now=NOW)

    with pytest.raises(SignatureWeak):
        engine.judge(read(sign(RSA, digest=1)), certificate(RSA), content, now=NOW)
    assert [path.name for path in hostile.iterdir()] == ["gpg.conf"]
    assert not (tmp_path / "log").exists()
    assert not (tmp_path / "status").exists()


def _processes(home: Path) -> list[str]:
    """Command lines and working directories of live processes that name the home."""
    found = []
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            found += [command] if str(home) in command else []
    return found


def test_a_hundred_verifications_leave_no_process_and_no_file(
    tmp_path: Path, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    need("gpg")
    temporary, directory = tmp_path / "tmp", tmp_path / "cache"
    temporary.mkdir()
    directory.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    engine = GnupgEngine(directory)
    engine.start()
    (home,) = directory.iterdir()
    cases = [certificate(RSA), WHOLE, whole(revoke(PRIMARY, SUPERSEDED, MADE + DAY))]

    for turn in range(100):
        body = sign(RSA) if turn % 3 == 0 else sign(SUBKEY)
        engine.judge(read(body), cases[turn % 3], content, now=NOW)

    assert stat.S_IMODE(home.stat().st_mode) == 0o700
    left = {path.name.rstrip("~") for path in home.rglob("*") if not path.is_dir()}
    assert left == {"pubring.kbx"}
    assert _processes(home) == []
    engine.stop()
    engine.stop()
    assert list(directory.iterdir()) == []
    assert list(temporary.iterdir()) == []


def test_does_not_keep_what_strangers_signed_on_a_key(engine: GnupgEngine, content: Path, tmp_path: Path) -> None:
    over_user_id = RSA.form + user_id()
    flood = [packet(2, sign(STRANGER, over_user_id, 0x13, made=BORN + turn * DAY)) for turn in range(300)]

    engine.judge(read(sign(RSA)), certificate(RSA) + b"".join(flood), content, now=NOW)

    (keybox,) = tmp_path.rglob("pubring.kbx")
    assert keybox.stat().st_size < 4096


def test_eight_threads_get_the_answers_that_one_gets(engine: GnupgEngine, content: Path) -> None:
    signers = [RSA, PRIMARY, STRANGER, rsa_signer(2048, 1)]
    asked = [(by, bad) for by in signers for bad in (False, True)] * 8

    def judge(by: Signer, bad: bool) -> str:  # noqa: FBT001 - a column of a table
        try:
            return engine.judge(read(sign(by, CONTENT + b"x" * bad)), certificate(by), content, now=NOW).primary
        except SignatureBad:
            return "bad"

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda one: judge(*one), asked))

    assert answers == ["bad" if bad else by.fingerprint for by, bad in asked]


# From here on, a gpg that misbehaves: a script in its place.


class Impostor:
    """A program that says what the test wants, in place of gpg."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        directory.mkdir()
        self.path = directory / "gpg"
        self.says(version="2.2.40", verify="")

    def says(self, *, version: str, verify: str) -> None:
        (self.directory / "answer").write_text(verify)
        self.runs(version=version, verify=f"cat {self.directory}/answer >&2")

    def runs(self, *, version: str = "2.2.40", verify: str) -> None:
        self.path.write_text(
            f"#!/bin/sh\ncase \"$*\" in\n*--list-config*) echo 'cfg:version:{version}';;\n"
            f"*--import*) cat >/dev/null; echo '[GNUPG:] IMPORT_OK 1 {RSA.fingerprint}' >&2;;\n*) {verify};;\nesac\n"
        )
        self.path.chmod(0o755)


@pytest.fixture
def impostor(tmp_path: Path) -> Impostor:
    return Impostor(tmp_path / "bin")


@pytest.fixture
def misled(impostor: Impostor, tmp_path: Path) -> Iterator[GnupgEngine]:
    engine = GnupgEngine(tmp_path, binary=str(impostor.path))
    engine.start()
    yield engine
    engine.stop()


VALID = FORGED.decode()
ANSWER = ["NEWSIG", f"GOODSIG {RSA.key_id} Jane", VALID]
UNCLEAR = {
    "nothing": [],
    "no NEWSIG": ANSWER[1:],
    "two NEWSIG": ["NEWSIG", *ANSWER],
    "no verdict": ["NEWSIG", VALID],
    "two verdicts": [*ANSWER, f"GOODSIG {RSA.key_id} Jane"],
    "two other verdicts": [*ANSWER, f"BADSIG {RSA.key_id} Jane"],
    "no VALIDSIG": ANSWER[:2],
    "two VALIDSIG": [*ANSWER, VALID],
    "a short VALIDSIG": [*ANSWER[:2], VALID.rpartition(" ")[0]],
    "a short fingerprint": [*ANSWER[:2], VALID.replace(RSA.fingerprint, RSA.key_id)],
    "a date in words": [*ANSWER[:2], VALID.replace("1622548800", "20210601T120000")],
    "a plain text": [*ANSWER, "PLAINTEXT 62 0 x"],
    "no data": [*ANSWER, "NODATA 4"],
    "something unexpected": [*ANSWER, "UNEXPECTED 0"],
    "an empty ERRSIG": ["NEWSIG", "ERRSIG"],
    "an unknown ERRSIG": ["NEWSIG", f"ERRSIG {RSA.key_id} 1 8 00 1622548800 999 -"],
    "a text-mode class": [*ANSWER[:2], VALID.replace(" 00 ", " 01 ")],
    "another date": [*ANSWER[:2], VALID.replace("1622548800", "1622548801")],
    "another digest": [*ANSWER[:2], VALID.replace(" 8 00", " 10 00")],
    "escape sequences": ["NEWSIG", "\x1b[2J" * 1000],
}


def test_takes_a_clear_answer_from_an_impostor(misled: GnupgEngine, impostor: Impostor, content: Path) -> None:
    impostor.says(version="2.2.40", verify="".join(f"[GNUPG:] {line}\n" for line in ANSWER))

    assert misled.judge(read(sign(RSA)), certificate(RSA), content, now=NOW).primary == RSA.fingerprint


@pytest.mark.parametrize("case", UNCLEAR)
def test_refuses_every_answer_that_is_not_clear(
    misled: GnupgEngine, impostor: Impostor, content: Path, case: str
) -> None:
    impostor.says(version="2.2.40", verify="".join(f"[GNUPG:] {line}\n" for line in UNCLEAR[case]))

    with pytest.raises(SignatureMalformed) as caught:
        misled.judge(read(sign(RSA)), certificate(RSA), content, now=NOW)

    received = caught.value.received
    assert received is not None
    assert received.value.isprintable()
    assert len(received.value) <= 200


@pytest.mark.parametrize("verdict", ["EXPKEYSIG", "REVKEYSIG"])
def test_refuses_a_key_of_which_gpg_says_no_more(
    misled: GnupgEngine, impostor: Impostor, content: Path, verdict: str
) -> None:
    impostor.says(version="2.2.40", verify="".join(f"[GNUPG:] {line}\n" for line in ANSWER).replace("GOODSIG", verdict))

    with pytest.raises(KeyExpired if verdict == "EXPKEYSIG" else KeyRevoked):
        misled.judge(read(sign(RSA)), certificate(RSA), content, now=NOW)


def test_refuses_a_good_answer_with_a_bad_exit_status(misled: GnupgEngine, impostor: Impostor, content: Path) -> None:
    impostor.runs(verify="; ".join([*(f"echo '[GNUPG:] {line}' >&2" for line in ANSWER), "exit 2"]))

    with pytest.raises(SignatureMalformed):
        misled.judge(read(sign(RSA)), certificate(RSA), content, now=NOW)


def test_ends_a_gpg_that_does_not_answer(
    misled: GnupgEngine, impostor: Impostor, content: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    impostor.runs(verify="exec tail -f /dev/null")
    monkeypatch.setattr(gnupg_engine, "MAX_SECONDS", 0.2)

    with pytest.raises(TimedOut):
        misled.judge(read(sign(RSA)), certificate(RSA), content, now=NOW)


def test_stopping_ends_a_gpg_that_still_runs(misled: GnupgEngine, impostor: Impostor, content: Path) -> None:
    os.mkfifo(impostor.directory / "began")
    impostor.runs(verify=f"echo > {impostor.directory}/began; exec tail -f /dev/null")

    with ThreadPoolExecutor(1) as pool:
        asked = pool.submit(misled.judge, read(sign(RSA)), certificate(RSA), content, now=NOW)
        (impostor.directory / "began").read_text()
        misled.stop()

        with pytest.raises(TimedOut):
            asked.result()


@pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="only Linux bounds a running process")
def test_gpg_gets_no_more_memory_than_its_bound(misled: GnupgEngine, impostor: Impostor, content: Path) -> None:
    # The bound is set after the start: what is asked of the script, it answers only when it is there.
    wait = f"until grep 'address space *{gnupg_engine.MAX_MEMORY_BYTES}' /proc/$$/limits >/dev/null; do :; done"
    impostor.runs(verify=f"{wait}; cat {impostor.directory}/answer >&2")
    (impostor.directory / "answer").write_text("".join(f"[GNUPG:] {line}\n" for line in ANSWER))

    misled.judge(read(sign(RSA)), certificate(RSA), content, now=NOW)


@pytest.mark.parametrize("version", ["2.2.36", "2.2.40", "2.3.7", "2.4.0", "2.5.16", "3.0.0"])
def test_takes_a_gpg_that_escapes_notations(tmp_path: Path, impostor: Impostor, version: str) -> None:
    impostor.says(version=version, verify="")
    engine = GnupgEngine(tmp_path, binary=str(impostor.path))

    engine.start()

    assert engine.available()
    assert engine.version == version
    engine.stop()


@pytest.mark.parametrize("version", ["1.4.23", "2.1.23", "2.2.35", "2.3.6", ""])
def test_refuses_a_gpg_whose_answer_can_be_forged(tmp_path: Path, impostor: Impostor, version: str) -> None:
    impostor.says(version=version, verify="")
    engine = GnupgEngine(tmp_path, binary=str(impostor.path))

    with pytest.raises(ConfigError) as caught:
        engine.start()

    assert "2.2.36" in caught.value.hint
    assert not engine.available()
    assert not list(tmp_path.glob("gnupg-*"))


def test_says_what_to_install_where_gpg_is_not(tmp_path: Path) -> None:
    engine = GnupgEngine(tmp_path, binary="no-such-gpg")

    with pytest.raises(ConfigError) as caught:
        engine.start()

    assert "install GnuPG" in caught.value.hint
    assert not engine.available()
    engine.stop()


def test_asking_whether_gpg_is_there_leaves_nothing(tmp_path: Path) -> None:
    need("gpg")

    assert GnupgEngine(tmp_path).available()

    assert list(tmp_path.iterdir()) == []
    assert not Path("/nonexistent").exists()
