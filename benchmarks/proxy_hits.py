"""Cache hits of the proxy against nginx and a bare aiohttp file server, all on loopback; needs wrk and curl.

`proxy_hits.py [--seconds 4]` prints requests a second for three sizes and 1, 8 and 64 connections, and
what the proxy reaches of each of the others.  The proxy serves what it fetched and verified from a repository
on loopback TLS before; the others serve the same files out of its cache.  nginx is left out where it is not
installed.
"""

import argparse
import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from pathlib import Path

from verifier.demo.certificates import Authority
from verifier.demo.server import Answer, Server

SIZES = {"1 KB": 1_000, "100 KB": 100_000, "5 MB": 5_000_000}
CONNECTIONS = (1, 8, 64)
BARE = """
import sys
from pathlib import Path
from aiohttp import web
root = Path(sys.argv[1])
async def serve(request):
    return web.FileResponse(root / request.match_info["path"])
app = web.Application()
app.router.add_get("/{path:.*}", serve)
web.run_app(app, host="127.0.0.1", port=int(sys.argv[2]), access_log=None, print=None)
"""
NGINX = """
daemon off; worker_processes 1; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; {temporary}
  server {{ listen 127.0.0.1:{port}; root {root}; default_type application/octet-stream; }} }}
"""
TEMPORARY = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
POLICY = """
[[repository]]
id = "bench"
url = "{url}"
ca-file = "{ca}"
[require]
signature = "none"
starter = false
[keys]
servers = []
"""


def path_of(size: str) -> str:
    name = f"item{SIZES[size]}"
    return f"org/example/{name}/1/{name}-1.bin"


def answers() -> dict[str, Answer]:
    """Give the files, each with its checksums: nothing else vouches for them."""
    made = {}
    for size, count in SIZES.items():
        body = os.urandom(count)
        made[f"/{path_of(size)}"] = Answer(body)
        for algorithm in ("sha1", "sha256", "sha512", "md5"):
            digest = hashlib.new(algorithm, body, usedforsecurity=False).hexdigest()
            made[f"/{path_of(size)}.{algorithm}"] = Answer(digest.encode())
    return made


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])


@contextmanager
def program(command: list[str], port: int, home: Path) -> Iterator[str]:
    """Run a server until its port answers, and stop it at the end; gives its base URL."""
    process = subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=os.environ | {"HOME": str(home)}
    )
    try:
        for _ in range(200):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def servers(home: Path, opened: ExitStack) -> dict[str, str]:
    """Start everything; give the base URL of each server."""
    authority = Authority(home, "bench", datetime.now(UTC))
    upstream = opened.enter_context(Server(answers(), authority.issue("127.0.0.1")))
    policy = home / "verifier.toml"
    policy.write_text(POLICY.format(url=upstream.url, ca=authority.file))
    port = free_port()
    command = [sys.executable, "-m", "verifier", "-q", "--policy", str(policy), "--cache", str(home / "cache"), "proxy"]
    url = opened.enter_context(program([*command, "--listen", f"127.0.0.1:{port}"], port, home))
    found = {"verifier": f"{url}/bench"}
    for size in SIZES:
        subprocess.run(["curl", "-sfo", "/dev/null", f"{found['verifier']}/{path_of(size)}"], check=True)
    root = home / "cache" / "repository" / "bench"
    port = free_port()
    found["bare aiohttp"] = opened.enter_context(
        program([sys.executable, "-c", BARE, str(root), str(port)], port, home)
    )
    if shutil.which("nginx"):
        port = free_port()
        home.chmod(0o711)
        temporary = " ".join(f"{name}_temp_path {home}/{name};" for name in TEMPORARY)
        configuration = home / "nginx.conf"
        text = NGINX.format(home=home, port=port, root=root, temporary=temporary)
        configuration.write_text(f"user root;\n{text}" if os.geteuid() == 0 else text)
        command = ["nginx", "-c", str(configuration), "-e", str(home / "error.log")]
        found["nginx"] = opened.enter_context(program(command, port, home))
    return found


def measure(url: str, connections: int, seconds: int) -> float:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", url]
    out = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    if "Non-2xx" in out or "Socket errors" in out:
        sys.exit(out)
    match = re.search(r"Requests/sec:\s+([0-9.]+)", out)
    return float(match[1]) if match else 0.0


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=4)
    seconds = parser.parse_args().seconds
    with tempfile.TemporaryDirectory() as directory, ExitStack() as opened:
        found = servers(Path(directory), opened)
        print(f"{'size':<8}{'conns':>6}" + "".join(f"{name:>15}" for name in found) + "   verifier reaches")
        for size in SIZES:
            for connections in CONNECTIONS:
                rates = {name: measure(f"{url}/{path_of(size)}", connections, seconds) for name, url in found.items()}
                others = ", ".join(
                    f"{rates['verifier'] / rate:.2f} of {name}" for name, rate in rates.items() if name != "verifier"
                )
                print(f"{size:<8}{connections:>6}" + "".join(f"{rate:>15.0f}" for rate in rates.values()), others)


if __name__ == "__main__":
    main()
