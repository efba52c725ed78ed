"""`verifier proxy`: the caching proxy for build tools."""

import asyncio
import ipaddress
import signal
import ssl
from pathlib import Path

import click

from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.errors import ConfigError
from verifier.fetch import Verifier
from verifier.proxy.app import Proxy, Settings
from verifier.proxy.journal import Journal, LogFormat
from verifier.proxy.responses import DEFAULT_REFUSAL_STATUS, REFUSAL_STATUSES

DEFAULT_LISTEN = "127.0.0.1:8480"
DEFAULT_JOBS = 32
MAX_JOBS = 128
_MAX_PORT = 65_535


@click.command("proxy", short_help="the caching proxy: a build asks it and gets verified files alone")
@click.option("--listen", metavar="HOST:PORT", default=DEFAULT_LISTEN, help="Where to listen.", show_default=True)
@click.option("--tls-cert", type=click.Path(path_type=Path), metavar="FILE", help="Serve over TLS with this chain.")
@click.option("--tls-key", type=click.Path(path_type=Path), metavar="FILE", help="The key of that certificate.")
@click.option(
    "--refusal-status",
    type=click.Choice([str(status) for status in REFUSAL_STATUSES]),
    default=str(DEFAULT_REFUSAL_STATUS),
    help="The status of a refusal.",
    show_default=True,
)
@click.option(
    "--jobs",
    type=click.IntRange(1, MAX_JOBS),
    default=DEFAULT_JOBS,
    help="How many fetches at once.",
    show_default=True,
)
@click.option("--log-format", type=click.Choice([form.value for form in LogFormat]), default="text", show_default=True)
@click.pass_obj
def command(
    options: Options,
    *,
    listen: str,
    tls_cert: Path | None,
    tls_key: Path | None,
    refusal_status: str,
    jobs: int,
    log_format: str,
) -> int:
    """Serve verified files to build tools, and to nobody anything else.

    Point a build at http://HOST:PORT/all/, or at one repository of the policy by its id;
    `verifier setup` prints how. The page http://HOST:PORT/-/ tells what was served and
    refused. SIGHUP reads the policy again, SIGTERM stops in order. The cache is the one
    of the command line.
    """
    host, port = _parse_listen(listen)
    settings = Settings(host, port, int(refusal_status), _tls(tls_cert, tls_key))
    journal = Journal(LogFormat(log_format), quiet=options.verbosity < 0)

    def opened() -> Verifier:
        return open_verifier(options, load_rules(options), jobs, will_ask=True)

    asyncio.run(_serve(Proxy(opened, settings, journal), settings, journal))
    return 0


async def _serve(proxy: Proxy, settings: Settings, journal: Journal) -> None:
    """Run until told to stop; once told twice, without waiting for open answers."""
    loop, stopped = asyncio.get_running_loop(), asyncio.Event()
    try:
        url = await proxy.start()
    except OSError as error:
        raise ConfigError("--listen", f"cannot listen on {settings.host}:{settings.port}: {error.strerror}") from error
    reloads: set[asyncio.Task[None]] = set()

    def reload() -> None:
        task = loop.create_task(proxy.reload())
        reloads.add(task)
        task.add_done_callback(reloads.discard)

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    loop.add_signal_handler(signal.SIGHUP, reload)
    journal.say(f"listening on {url}/all/, the page is {url}/-/")
    if not _is_loopback(settings.host):
        plainly = "" if settings.tls else " in plain text"
        journal.say(f"warning: {settings.host} can be reached from other machines{plainly}, by whoever gets there")
    try:
        await stopped.wait()
        journal.say("stopping")
    finally:
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            loop.remove_signal_handler(number)
        await proxy.stop()


def _parse_listen(listen: str) -> tuple[str, int]:
    host, colon, port = listen.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    if not colon or not host or not port.isascii() or not port.isdigit() or int(port) > _MAX_PORT:
        raise click.UsageError(f"--listen {listen!r}: write HOST:PORT, such as {DEFAULT_LISTEN}")
    return host, int(port)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _tls(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None:
        if key is not None:
            raise click.UsageError("--tls-key goes with --tls-cert")
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(certificate, key)
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("--tls-cert", f"{certificate} cannot be used: {error}") from error
    return context
