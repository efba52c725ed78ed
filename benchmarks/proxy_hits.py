"""Cache hits of the proxy, bare and behind its nginx front, against a bare aiohttp file server and a bare nginx.

`proxy_hits.py [--seconds 2] [--rounds 3]` prints requests a second, the medians of interleaved rounds, for three sizes
and 1, 8 and 64 connections, and what the proxy reaches of each peer.  Everything is on loopback: the proxy serves what
it fetched and verified before, the peers serve the same files out of its cache, and the front is `docs/nginx.conf`.
Needs wrk and curl; without nginx the two nginx columns are left out.
"""

import argparse
import hashlib
import os
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
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
# Without tcp_nopush, which on loopback makes answers of 100 KB twice as fast or as slow by the length of a header.
NGINX = """
daemon off; worker_processes 1; pid {home}/{name}.pid; error_log {home}/error.log;
events {{ worker_connections 512; }}
http {{ access_log off; sendfile on; keepalive_requests 1000000; {temporary}
{server}
}}
"""
PLAIN = "server {{ listen 127.0.0.1:{port}; root {root}; default_type application/octet-stream; }}"
RECIPE = Path(__file__).parent.parent / "docs" / "nginx.conf"
GOALS = {("verifier", "bare aiohttp"): 0.9, ("front", "nginx"): 0.95}
"""What of the right one the left one is to reach."""
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


def nginx(home: Path, name: str, server: str, port: int) -> AbstractContextManager[str]:
    """Run an nginx with one worker for a server."""
    temporary = " ".join(f"{kind}_temp_path {home}/{name}-{kind};" for kind in TEMPORARY)
    text = NGINX.format(home=home, name=name, temporary=temporary, server=server)
    configuration = home / f"{name}.conf"
    configuration.write_text(f"user root;\n{text}" if os.geteuid() == 0 else text)
    return program(["nginx", "-c", str(configuration), "-e", str(home / "error.log")], port, home)


def recipe(cache: Path, port: int, proxy: str) -> str:
    """Fill in the recipe of the front."""
    text = RECIPE.read_text()
    for said, here in (
        ("server 127.0.0.1:8480;", f"server {proxy.removeprefix('http://')};"),
        ("listen 8081;", f"listen 127.0.0.1:{port};"),
        ("/var/cache/verifier/repository", str(cache / "repository")),
        ("/central/$path", "/bench/$path"),
    ):
        text = text.replace(said, here)
    return text


def servers(home: Path, opened: ExitStack) -> dict[str, str]:
    """Start everything; give the base URL of each server."""
    authority = Authority(home, "bench", datetime.now(UTC))
    upstream = opened.enter_context(Server(answers(), authority.issue("127.0.0.1")))
    policy = home / "verifier.toml"
    policy.write_text(POLICY.format(url=upstream.url, ca=authority.file))
    port = free_port()
    command = [sys.executable, "-m", "verifier", "-q", "--policy", str(policy), "--cache", str(home / "cache"), "proxy"]
    url = opened.enter_context(program([*command, "--listen", f"127.0.0.1:{port}"], port, home))
    found = {"verifier": f"{url}/all"}
    for size in SIZES:
        subprocess.run(["curl", "-sfo", "/dev/null", f"{found['verifier']}/{path_of(size)}"], check=True)
    root = home / "cache" / "repository" / "bench"
    port = free_port()
    found["bare aiohttp"] = opened.enter_context(
        program([sys.executable, "-c", BARE, str(root), str(port)], port, home)
    )
    if shutil.which("nginx"):
        home.chmod(0o711)
        port = free_port()
        found["front"] = opened.enter_context(nginx(home, "front", recipe(home / "cache", port, url), port)) + "/all"
        port = free_port()
        found["nginx"] = opened.enter_context(nginx(home, "plain", PLAIN.format(port=port, root=root), port))
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
    parser.add_argument("--seconds", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory, ExitStack() as opened:
        found = servers(Path(directory), opened)
        print(f"{'size':<8}{'conns':>6}" + "".join(f"{name:>14}" for name in found))
        for size in SIZES:
            for connections in CONNECTIONS:
                rates: dict[str, list[float]] = {name: [] for name in found}
                for _ in range(options.rounds):
                    for name, url in found.items():
                        rates[name].append(measure(f"{url}/{path_of(size)}", connections, options.seconds))
                show(size, connections, {name: statistics.median(each) for name, each in rates.items()})


def show(size: str, connections: int, rates: dict[str, float]) -> None:
    reached = [
        f"{ours} {rates[ours] / rates[peer]:.2f} of {peer} (goal {goal})"
        for (ours, peer), goal in GOALS.items()
        if {ours, peer} <= rates.keys()
    ]
    print(f"{size:<8}{connections:>6}" + "".join(f"{rate:>14.0f}" for rate in rates.values()), "  ", ", ".join(reached))


if __name__ == "__main__":
    main()
