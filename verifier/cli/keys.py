"""`verifier keys`: find, import, list, refresh and export key material; trust is not changed here."""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import click

from verifier.cli.main import Options, format_option
from verifier.cli.opening import POLICY_NAME, load_rules, open_key_servers, open_keyring
from verifier.errors import ConfigError, Offline
from verifier.fetch import Rules
from verifier.inquiry import Inquiry
from verifier.keyfile import find_key_files, merge_into, read_key_file, render, write_text
from verifier.keyring import Keyring
from verifier.openpgp.certificate import (
    Certificate,
    RawCertificate,
    index_certificates,
    parse_certificates,
    strip,
    user_ids,
)
from verifier.outcome import Json
from verifier.policy import Policy
from verifier.policy_words import WordInvalid, parse_fingerprint
from verifier.report import json
from verifier.report import keys as report
from verifier.report.escape import printable

QUESTIONS_AT_ONCE = 4
DEFAULT_KEY_FILE = "verifier.keys"

_STARTER = click.option("--starter", is_flag=True, help="Those of the starter map too.")


def _fingerprints(_context: click.Context, _parameter: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Read full fingerprints, each once; anything shorter is not looked for."""
    try:
        return tuple(dict.fromkeys(map(parse_fingerprint, values)))
    except WordInvalid as error:
        raise click.BadParameter(f"{error.problem}; {error.hint}") from error


@click.group("keys", short_help="find, import, list, refresh and export key material")
def command() -> None:
    """Look after keys. Having a key at hand trusts nobody: [[trust]] entries of the policy do."""


@command.command("find", short_help="ask the key servers, and show what keys say of themselves")
@click.argument("fingerprints", nargs=-1, required=True, metavar="FINGERPRINT...", callback=_fingerprints)
@format_option
@click.pass_obj
def find_command(options: Options, fingerprints: tuple[str, ...], form: str) -> int:
    """Ask the key servers, and show what the keys say of themselves. Nothing is kept.

    Exit status: 0 all found, 1 one is not known to any server, 3 a server did not answer.
    """
    policy = load_rules(options).policy
    _check_askable(options, policy)
    servers = open_key_servers(policy)
    try:
        with ThreadPoolExecutor(QUESTIONS_AT_ONCE) as pool:
            inquiries = list(pool.map(servers.ask, fingerprints))
    finally:
        servers.stop()
    found = [(inquiry, _together(inquiry.found)) for inquiry in inquiries]
    if form == "json":
        click.echo(json.write([_inquiry_fields(inquiry, raws) for inquiry, raws in found]))
    else:
        for inquiry, raws in found:
            _show_found(inquiry, raws)
    if any(not inquiry.found and not inquiry.silent for inquiry in inquiries):
        return 1
    return 3 if any(not inquiry.found for inquiry in inquiries) else 0


@command.command("import", short_help="add the keys of files to a key file of the policy")
@click.argument(
    "paths", nargs=-1, required=True, metavar="FILE|DIRECTORY...", type=click.Path(exists=True, path_type=Path)
)
@click.option("--to", "target", type=click.Path(path_type=Path), metavar="FILE", help="The key file to add them to.")
@format_option
@click.pass_obj
def import_command(options: Options, paths: tuple[Path, ...], *, target: Path | None, form: str) -> int:
    """Add the keys of files to a key file of the policy: its first, or verifier.keys beside it.

    Armoured or binary files, a publisher's KEYS file with prose in it, Gradle's verification
    keyrings, or a directory of them. Of each key only what it says of itself is taken; what the
    key file has already is added to and never replaced.
    """
    policy = load_rules(options).policy
    listed = tuple(Path(file) for file in policy.key_files)
    folder = Path(policy.file or ".").parent
    target = target or (listed[0] if listed else folder / DEFAULT_KEY_FILE)
    left_out: list[str] = []
    certificates = [raw for path in paths for raw in _read(path, left_out)]
    if not certificates:
        raise ConfigError(
            str(paths[0]), "no key that can be used is in it" + "".join(f"; {why}" for why in left_out[:1])
        )
    merged = merge_into(target, _together(certificates))
    is_listed = target.absolute() in {file.absolute() for file in listed}
    if form == "json":
        fields: dict[str, Json] = {
            "to": str(target),
            "listed": is_listed,
            "added": merged.added,
            "changed": merged.changed,
            "unchanged": merged.unchanged,
            "left_out": left_out,
        }
        click.echo(json.write(fields))
        return 0
    for word, names in (("added", merged.added), ("changed", merged.changed)):
        for name in names:
            click.echo(f"{word:<8} {name}")
    for why in left_out:
        click.echo(f"left out: {printable(why)}", err=True)
    counts = f"{len(merged.added)} added, {len(merged.changed)} changed, {len(merged.unchanged)} known already"
    click.echo(f"{counts}: {printable(str(target))}", err=True)
    if not is_listed:
        listing = f'files = ["{_beside(target, folder)}"] under [keys] of {policy.file or POLICY_NAME}'
        click.echo(f"hint: key files count only if listed: add {printable(listing)}", err=True)
    return 0


@command.command("list", short_help="list the keys that are trusted or at hand")
@click.option(
    "--expiring", type=click.IntRange(0), metavar="DAYS", help="Those alone that expire in so many days or have."
)
@_STARTER
@format_option
@click.pass_obj
def list_command(options: Options, *, expiring: int | None, starter: bool, form: str) -> int:
    """List the keys that are trusted or at hand: how they stand, where from, how old, and for whom."""
    rules, now = load_rules(options), datetime.now(UTC)
    with _keyring(options, rules) as keyring:
        trusted = _trusted(rules, starter=starter)
        names = sorted({*trusted, *keyring.primaries()})
        rows = [_row(keyring, name, trusted.get(name, ()), now) for name in names]
    if expiring is not None:
        limit = now + timedelta(days=expiring)
        rows = [row for row in rows if row.ends is not None and row.ends <= limit]
    if form == "json":
        click.echo(json.write([row.fields() for row in rows]))
        return 0
    for row in rows:
        click.echo(row.line(now))
    if not rows:
        click.echo("no keys" if expiring is None else f"no key expires within {expiring} days", err=True)
    return 0


@command.command("refresh", short_help="ask the key servers for newer copies and revocations")
@click.argument("fingerprints", nargs=-1, metavar="[FINGERPRINT]...", callback=_fingerprints)
@_STARTER
@format_option
@click.pass_obj
def refresh_command(options: Options, fingerprints: tuple[str, ...], *, starter: bool, form: str) -> int:
    """Ask the key servers for newer copies: of every key that the policy trusts, or of those named.

    What comes is kept in the cache and counts from the next use on, for cached files too.

    Exit status: 0 all servers answered, 3 one did not.
    """
    rules = load_rules(options)
    _check_askable(options, rules.policy)
    wanted = fingerprints or tuple(_trusted(rules, starter=starter))
    with _keyring(options, rules) as keyring:
        news = _refresh_all(keyring, wanted, options)
    if form == "json":
        click.echo(json.write([one.fields() for one in news]))
    else:
        for one in news:
            if one.is_new or options.verbosity >= 0:
                click.echo(f"{one.inquiry.fingerprint}  {one.told()}")
    silent = dict.fromkeys(server for one in news for server in one.inquiry.silent)
    if silent:
        click.echo(f"no answer of use from {', '.join(silent)}", err=True)
        click.echo("hint: try again later; what a silent server knows of revocations is not known here", err=True)
    return 3 if silent else 0


@command.command("export", short_help="write keys that are at hand, armoured")
@click.argument("fingerprints", nargs=-1, metavar="[FINGERPRINT]...", callback=_fingerprints)
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write here, not to standard output.")
@format_option
@click.pass_obj
def export_command(options: Options, fingerprints: tuple[str, ...], *, output: Path | None, form: str) -> int:
    """Write keys that are at hand, armoured: those named, or all that are trusted by the policy.

    Exit status: 0 all written, 1 one named is not at hand.
    """
    rules = load_rules(options)
    wanted = fingerprints or tuple(_trusted(rules, starter=False))
    with _keyring(options, rules) as keyring:
        material = {name: keyring.material(name) for name in wanted}
    raws = [raw for data in material.values() if data for raw in index_certificates(data)]
    together = _together(raws)
    absent = [name for name, data in material.items() if data is None]
    text = render(together)
    if form == "json":
        keys: list[Json] = [{"fingerprint": raw.fingerprint, "armoured": render([raw])} for raw in together]
        text = json.write({"keys": keys, "absent": absent}) + "\n"
    if output is None:
        click.echo(text, nl=False)
    else:
        write_text(output, text)
    for name in absent:
        click.echo(f"not at hand: {name}", err=True)
    if absent:
        click.echo(f"hint: verifier keys refresh {' '.join(absent)}", err=True)
    return 1 if absent and fingerprints else 0


def _refresh_all(keyring: Keyring, wanted: Sequence[str], options: Options) -> list[report.News]:
    hidden = options.verbosity < 0 or not sys.stderr.isatty()
    with (
        ThreadPoolExecutor(QUESTIONS_AT_ONCE) as pool,
        click.progressbar(length=len(wanted), label="asking", file=sys.stderr, hidden=hidden, show_pos=True) as bar,
    ):
        news = []
        for one in pool.map(lambda name: _refresh(keyring, name), wanted):
            news.append(one)
            bar.update(1)
    return news


def _refresh(keyring: Keyring, fingerprint: str) -> report.News:
    before = _certificate(keyring, fingerprint)
    inquiry = keyring.refresh(fingerprint)
    return report.News(inquiry, before, _certificate(keyring, fingerprint))


def _certificate(keyring: Keyring, fingerprint: str) -> Certificate | None:
    """Give the certificate of a primary key, else one that bound it as a subkey."""
    found = keyring.find(fingerprint)
    return min(found, key=lambda one: one.primary.fingerprint != fingerprint, default=None)


def _row(keyring: Keyring, fingerprint: str, trusted_for: tuple[str, ...], now: datetime) -> report.Row:
    certificate = _certificate(keyring, fingerprint)
    return report.Row(
        fingerprint=fingerprint,
        state=report.state(certificate, fingerprint, now),
        ends=None if certificate is None else report.ends(certificate, fingerprint),
        as_of=None if certificate is None else certificate.as_of,
        origins=keyring.origins(fingerprint),
        trusted_for=trusted_for,
    )


def _trusted(rules: Rules, *, starter: bool) -> Mapping[str, tuple[str, ...]]:
    """Give every trusted key with the patterns that it is trusted for, in the order of the policy."""
    entries = [*rules.policy.trust, *(rules.starter.entries() if starter and rules.starter is not None else ())]
    found: dict[str, list[str]] = {}
    for entry in entries:
        for key in entry.keys:
            found.setdefault(key, []).append(entry.pattern.text)
    return {key: tuple(dict.fromkeys(patterns)) for key, patterns in found.items()}


def _read(path: Path, left_out: list[str]) -> Iterator[RawCertificate]:
    """Read a file, or every key file below a directory; there one that holds no key is left out."""
    if not path.is_dir():
        yield from read_key_file(path, left_out.append)
        return
    for file in find_key_files(path):
        try:
            yield from read_key_file(file, left_out.append)
        except ConfigError as error:
            left_out.append(str(error))


def _beside(path: Path, folder: Path) -> Path:
    """Give a path as a policy in `folder` would name it."""
    whole, base = path.absolute(), folder.absolute()
    return whole.relative_to(base) if whole.is_relative_to(base) else whole


def _together(raws: Iterable[RawCertificate]) -> tuple[RawCertificate, ...]:
    """Put copies of the same key together, each once."""
    copies: dict[str, bytes] = {}
    for raw in raws:
        copies[raw.fingerprint] = copies.get(raw.fingerprint, b"") + raw.data
    return tuple(strip(RawCertificate(fingerprint, (), data)) for fingerprint, data in sorted(copies.items()))


def _inquiry_fields(inquiry: Inquiry, raws: Sequence[RawCertificate]) -> dict[str, Json]:
    return {
        "fingerprint": inquiry.fingerprint,
        "keys": [report.fields(one, user_ids(raw)) for raw in raws for one in parse_certificates(raw.data)],
        "unknown_to": inquiry.unknown_to,
        "silent": inquiry.silent,
    }


def _show_found(inquiry: Inquiry, raws: Sequence[RawCertificate]) -> None:
    for raw in raws:
        for certificate in parse_certificates(raw.data):
            click.echo("\n".join(report.lines(certificate, user_ids(raw), datetime.now(UTC))))
    if not raws:
        click.echo(f"{inquiry.fingerprint}: {inquiry.told()}", err=True)
    elif inquiry.silent:
        click.echo(f"no answer of use from {', '.join(inquiry.silent)}", err=True)


def _check_askable(options: Options, policy: Policy) -> None:
    if options.offline:
        raise Offline("key servers are asked over the network, and it may not be asked")
    if not policy.key_servers:
        raise ConfigError(
            policy.file or POLICY_NAME, "it names no key server", hint="name one with servers under [keys]"
        )


@contextmanager
def _keyring(options: Options, rules: Rules) -> Iterator[Keyring]:
    keyring = open_keyring(options, rules.policy)
    try:
        yield keyring
    finally:
        keyring.stop()
