"""The reference engine: GnuPG's own opinion about one signature, through python-gnupg.

gpg's exit status is no verdict: it is 0 for revoked keys and for keys that had expired when they
signed.  What counts are its status lines, which `gnupg_answer` reads.  Every set of certificates is
imported into a home of its own, so that an answer depends on what was asked and on nothing that
was asked before.  Whether the signer is trusted, and whether old evidence still counts, is left
to others.
"""

import copy
import hashlib
import io
import secrets
import shutil
import subprocess
import sys
import tempfile
import threading
from datetime import UTC, datetime
from pathlib import Path

import gnupg  # type: ignore[import-untyped] # it has no annotations

from verifier.errors import ConfigError, KeyUnknown, TimedOut
from verifier.gnupg_answer import IMPORT_HINT, GnupgAnswer, Listing, Said, read_answer
from verifier.openpgp import packet as packets
from verifier.openpgp.certificate import index_certificates
from verifier.openpgp.packet import Packet, read_packets
from verifier.openpgp.signature import Signature

if sys.platform == "linux":
    import resource

MAX_SECONDS = 20
"""How long one gpg may take; a hostile key of 16,384 bits takes half of it."""
MAX_MEMORY_BYTES = 512 * 1024 * 1024

_FIXED = ((2, 2, 36), (2, 3, 7))
"""The first of each series in which a notation cannot forge status lines (CVE-2022-34903)."""
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent"}
_ALONE = (
    "--no-options",
    *("--trust-model", "always", "--no-auto-check-trustdb"),
    *("--no-auto-key-locate", "--no-auto-key-retrieve", "--no-auto-key-import"),
    *("--disable-dirmngr", "--no-autostart", "--no-random-seed-file", "--exit-on-status-write-error"),
)
"""No configuration, no trust database, no network, no process beside the one that is asked."""
_READING = ("--lock-never", "--weak-digest", "RIPEMD160")


class GnupgEngine:
    """Asks gpg, one process for one signature.

    Made once for a run, started and stopped; `judge` may then be called from any thread.
    """

    def __init__(self, directory: Path, *, binary: str | None = None) -> None:
        self._directory = directory.absolute()
        self._binary = binary or "gpg"
        self._gpg: _Gpg | None = None
        self._home = self._directory
        self._lock = threading.Lock()
        self._imported: dict[str, _Gpg | None] = {}

    def available(self) -> bool:
        """Tell whether a gpg is installed that `start` would take."""
        try:
            _find(self._binary)
        except ConfigError:
            return False
        return True

    @property
    def version(self) -> str:
        """The version of the gpg that was started."""
        return _show_version(self._started().version or ())

    def start(self) -> None:
        """Make a private home below the directory, and see that gpg runs.

        Raises: `ConfigError` where gpg is not installed, does not run, or is too old.
        """
        self._gpg = _find(self._binary)
        self._home = Path(tempfile.mkdtemp(prefix="gnupg-", dir=self._directory))

    def stop(self) -> None:
        """End what still runs, and remove the home with all that is in it."""
        if self._gpg is None:
            return
        self._gpg.end()
        with self._lock:
            self._gpg = None
            self._imported.clear()
            shutil.rmtree(self._home, ignore_errors=True)

    def judge(self, signature: Signature, certificate_data: bytes, content: Path, *, now: datetime) -> GnupgAnswer:
        """Ask gpg whether a key in the certificates made the signature over the file, and might then.

        The certificates are imported, each as one copy, into a home that holds nothing else; gpg is given
        one signature packet, written here, the file's full path, and our clock.

        Shape: `certificate_data` is packets, as `RawCertificate.data` holds them.

        Raises: the refusal that is in the way; `KeyExpired` only where nothing else is wrong, with
        the primary's fingerprint; `KeyUntrusted` for a key that is not meant to sign; `KeyUnknown` where
        gpg can import none of the certificates; `TimedOut` where it takes too long.
        """
        gpg = self._import(certificate_data)
        answer = gpg.verify(signature.packet, content, now)
        return read_answer(answer.said(), signature, gpg.list_signatures, now=now)

    def _started(self) -> "_Gpg":
        if self._gpg is None:
            raise RuntimeError("the engine is not started")
        return self._gpg

    def _import(self, data: bytes) -> "_Gpg":
        """Import certificates once, one set after the other, and give the gpg that holds them alone."""
        name = hashlib.sha256(data).hexdigest()
        with self._lock:
            if name not in self._imported:
                certificates = _as_one_copy(data)
                home = self._home / name
                # An import that took too long has left one, and is tried again.
                home.mkdir(mode=0o700, exist_ok=True)
                gpg = self._started().at(home)
                self._imported[name] = gpg if gpg.imports(certificates) else None
            held = self._imported[name]
        if held is None:
            raise KeyUnknown("gpg can import none of the key's copies", hint=IMPORT_HINT)
        return held


class _Answer(gnupg.StatusHandler):  # type: ignore[misc] # it has no annotations
    """Every status line of one gpg, in order; python-gnupg's own results keep the last of several."""

    def __init__(self, gpg: object) -> None:
        super().__init__(gpg)
        self.lines: list[tuple[str, tuple[str, ...]]] = []
        self.returncode = -1
        self.data = b""

    def handle_status(self, key: str, value: str) -> None:
        self.lines.append((key, tuple(value.split(" "))))

    def said(self) -> Said:
        return Said(tuple(self.lines), self.returncode)


class _Gpg(gnupg.GPG):  # type: ignore[misc] # it has no annotations
    """python-gnupg with bounds on time and memory, whose processes can all be ended."""

    result_map = {**gnupg.GPG.result_map, "verify": _Answer, "import": _Answer}  # noqa: RUF012 - python-gnupg's own hook
    version: tuple[int, ...] | None

    def __init__(self, binary: str) -> None:
        self._running: set[subprocess.Popen[bytes]] = set()
        super().__init__(gpgbinary=binary, env=dict(_ENVIRONMENT), options=list(_ALONE))
        # Latin-1, the default, reads octet 0x85 as the end of a line, and a user id may go on behind
        # it with a status line.  This one has no line end above 0x7F, and gpg escapes those below.
        self.encoding = "cp437"

    def at(self, home: Path) -> "_Gpg":
        """Give the same gpg with another home; the processes of both end together."""
        other = copy.copy(self)
        other.gnupghome = str(home)
        return other

    def imports(self, data: bytes) -> bool:
        """Import keys without what others signed on them; tell whether any key is there now."""
        answer: _Answer = self.import_keys(data, extra_args=["--import-options", "self-sigs-only"])
        _refuse_ended(answer)
        # The exit status is 0 where every key was skipped.
        return bool(answer.said().fields("IMPORT_OK"))

    def verify(self, packet: bytes, content: Path, now: datetime) -> _Answer:
        file = Path(self.gnupghome) / f"{secrets.token_hex(8)}.sig"
        try:
            file.write_bytes(_frame(Packet(packets.SIGNATURE, packet)))
            clock = ["--faked-system-time", f"{now.astimezone(UTC):%Y%m%dT%H%M%S}!"]
            # Both names go in as arguments: python-gnupg would copy the signature into the system's own
            # directory for temporary files.  Its standard input is empty then.
            arguments = [*_READING, *clock, "--", str(file), str(content.absolute())]
            answer: _Answer = self.verify_file(io.BytesIO(), extra_args=arguments)
        finally:
            file.unlink(missing_ok=True)  # it may be gone, with the home of an engine that was stopped
        _refuse_ended(answer)
        return answer

    def list_signatures(self, fingerprint: str) -> Listing:
        """List a key with its checked signatures: one record a line, fields between colons."""
        answer = _Answer(self)
        process = self._open_subprocess([*_READING, "--check-sigs", "--", fingerprint])
        self._collect_output(process, answer, stdin=process.stdin)
        _refuse_ended(answer)
        return [line.split(":") for line in answer.data.decode("ascii", "backslashreplace").split("\n")]

    def end(self) -> None:
        for process in tuple(self._running):
            process.kill()

    def _collect_output(
        self, process: subprocess.Popen[bytes], result: _Answer, writer: object = None, stdin: object = None
    ) -> None:
        if sys.platform == "linux":
            resource.prlimit(process.pid, resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
        end = threading.Timer(MAX_SECONDS, process.kill)
        self._running.add(process)
        end.start()
        try:
            super()._collect_output(process, result, writer, stdin)
        finally:
            end.cancel()
            self._running.discard(process)


def _find(binary: str) -> _Gpg:
    path = shutil.which(binary)
    if path is None:
        raise ConfigError("gpg", f"{binary} is not installed", hint="install GnuPG, in most systems the package gnupg")
    try:
        gpg = _Gpg(str(Path(path).absolute()))
    except (OSError, ValueError) as error:
        raise ConfigError("gpg", f"{path} does not run", hint="install GnuPG anew") from error
    version = gpg.version or ()
    if version < next((fixed for fixed in _FIXED if version[:2] <= fixed[:2]), ()):
        hint = "install GnuPG 2.2.36 or newer; in older ones a signature can forge the answer"
        raise ConfigError("gpg", f"{path} is of version {_show_version(version)}", hint=hint)
    return gpg


def _show_version(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version)) or "unknown"


def _as_one_copy(data: bytes) -> bytes:
    """Put the copies of each certificate together: gpg would skip one without a user id, and its revocation with it."""
    try:
        certificates = index_certificates(data)
    except ConfigError as error:
        raise KeyUnknown("the key material holds no public key") from error
    whole = bytearray()
    for certificate in certificates:
        components: dict[tuple[int, bytes], dict[bytes, None]] = {}
        signatures: dict[bytes, None] = {}
        for packet in read_packets(certificate.data):
            if packet.tag == packets.SIGNATURE:
                signatures[packet.body] = None
            else:
                signatures = components.setdefault((packet.tag, packet.body), {})
        for (tag, body), own in sorted(components.items(), key=lambda item: _ORDER.index(item[0][0])):
            whole += _frame(Packet(tag, body))
            for signature in own:
                whole += _frame(Packet(packets.SIGNATURE, signature))
    return bytes(whole)


_ORDER = (packets.PUBLIC_KEY, packets.USER_ID, packets.USER_ATTRIBUTE, packets.SUBKEY)


def _frame(packet: Packet) -> bytes:
    return bytes([0xC0 | packet.tag, 0xFF]) + len(packet.body).to_bytes(4, "big") + packet.body


def _refuse_ended(answer: _Answer) -> None:
    if answer.returncode < 0:
        hint = "try again; if it stays, the key or the signature is made to keep gpg busy"
        raise TimedOut(f"gpg gave no answer within {MAX_SECONDS} s", hint=hint)
