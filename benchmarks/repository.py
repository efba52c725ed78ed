"""A Maven repository of small signed artifacts, served over loopback TLS with a fixed latency.

Run as a program: `repository.py DIRECTORY FILES LATENCY_MS`; it makes the repository, its key and its certificate,
prints the port as one line and serves until it is killed.  With no FILES it serves what lies in DIRECTORY already.
"""

import asyncio
import hashlib
import ssl
import subprocess
import sys
from pathlib import Path

import trustme

GROUP = "org.example.bench"
_HEAD = "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nContent-Type: application/octet-stream\r\n\r\n"
_NOT_FOUND = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"


def make_key(directory: Path) -> tuple[list[str], str]:
    """Make a signing key and export it to `verifier.keys`; give the gpg command line and the fingerprint."""
    home = directory / "gnupg"
    home.mkdir(parents=True, mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--quiet", "--no-tty", "--pinentry-mode", "loopback"]
    name = "Bench <bench@repo.example>"
    subprocess.run([*gpg, "--passphrase", "", "--quick-gen-key", name, "rsa3072", "sign", "never"], check=True)
    listing = subprocess.run([*gpg, "--with-colons", "--list-keys"], check=True, capture_output=True, text=True).stdout
    key = subprocess.run([*gpg, "--armor", "--export"], check=True, capture_output=True).stdout
    (directory / "verifier.keys").write_bytes(key)
    return gpg, next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr"))


def sign(gpg: list[str], path: Path) -> None:
    """Put a signature and a SHA-1 checksum beside a file."""
    subprocess.run([*gpg, "--armor", "--detach-sign", "-o", f"{path}.asc", str(path)], check=True)
    with path.open("rb") as file:
        Path(f"{path}.sha1").write_text(hashlib.file_digest(file, "sha1").hexdigest())


def make(directory: Path, files: int) -> None:
    """Make `files` artifacts of about 7 KB, each signed and with its SHA-1, and note the signer's fingerprint."""
    gpg, fingerprint = make_key(directory)
    for number in range(files):
        artifact = f"item{number}"
        folder = directory / "repository" / GROUP.replace(".", "/") / artifact / "1.0"
        folder.mkdir(parents=True)
        pom = folder / f"{artifact}-1.0.pom"
        pom.write_text(_pom(artifact) + f"<!-- {'x' * 7000} -->\n")
        sign(gpg, pom)
    subprocess.run(["gpgconf", "--homedir", str(directory / "gnupg"), "--kill", "all"], check=True)
    (directory / "fingerprint").write_text(fingerprint)


def _pom(artifact: str) -> str:
    return (
        '<?xml version="1.0"?>\n<project><modelVersion>4.0.0</modelVersion>'
        f"<groupId>{GROUP}</groupId><artifactId>{artifact}</artifactId><version>1.0</version></project>\n"
    )


def coordinates(files: int) -> list[str]:
    """Name the artifacts."""
    return [f"{GROUP}:item{number}:pom:1.0" for number in range(files)]


def urls(port: int, files: int) -> list[str]:
    """Name every URL that a fetch of all artifacts asks for."""
    base = f"https://localhost:{port}/{GROUP.replace('.', '/')}"
    return [f"{base}/item{n}/1.0/item{n}-1.0.pom{suffix}" for n in range(files) for suffix in ("", ".asc", ".sha1")]


class _Connection(asyncio.Protocol):
    """Answers GETs from memory, each `latency` seconds after it came."""

    def __init__(self, files: dict[bytes, bytes], latency: float) -> None:
        self._files = files
        self._latency = latency
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101  (a server over TCP has no other kind)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while b"\r\n\r\n" in self._buffer:
            request, _, self._buffer = self._buffer.partition(b"\r\n\r\n")
            answer = self._files.get(request.split(b" ", 2)[1], _NOT_FOUND)
            asyncio.get_running_loop().call_later(self._latency, self._transport.write, answer)


async def _serve(directory: Path, latency: float) -> None:
    root = directory / "repository"
    files = {
        f"/{path.relative_to(root).as_posix()}".encode(): _HEAD.format(path.stat().st_size).encode() + path.read_bytes()
        for path in root.rglob("*")
        if path.is_file()
    }
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    server = await asyncio.get_running_loop().create_server(
        lambda: _Connection(files, latency), "localhost", 0, ssl=context, backlog=256
    )
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    place = Path(sys.argv[1])
    if int(sys.argv[2]):
        make(place, int(sys.argv[2]))
    asyncio.run(_serve(place, float(sys.argv[3]) / 1000))
