"""`verifier doctor`: checks policy, trust, TLS, keys, engines and cache, and says what to fix."""

from collections.abc import Iterator
from datetime import UTC, datetime

import click

from verifier import checkup
from verifier.checkup import Finding, Level
from verifier.cli.main import Options, format_option
from verifier.cli.opening import (
    cache_root,
    load_rules,
    open_endpoints,
    open_keyring,
    open_record,
    open_seal,
    open_upstream,
)
from verifier.report import json
from verifier.report.escape import printable

_COLORS = {Level.OK: "green", Level.WARNING: "yellow", Level.PROBLEM: "red"}


@click.command("doctor", short_help="check policy, trust, TLS, keys, engines and cache")
@format_option
@click.pass_obj
def command(options: Options, form: str) -> int:
    """Check the whole installation, and say what to fix. Changes nothing.

    Each repository is asked for its front page, unless --offline.

    Exit status: 0 nothing is wrong, 1 there is a problem, 2 the policy cannot be read.
    """
    findings = list(_findings(options))
    if form == "json":
        click.echo(json.write([_fields(finding) for finding in findings]))
    else:
        for finding in findings:
            word = click.style(f"{finding.level.value:<8}", fg=_COLORS[finding.level])
            click.echo(f"{word} {finding.subject}: {printable(finding.text)}")
            if finding.advice and finding.level is not Level.OK:
                click.echo(f"         {printable(finding.advice)}")
    return 1 if any(finding.level is Level.PROBLEM for finding in findings) else 0


def _findings(options: Options) -> Iterator[Finding]:
    now = datetime.now(UTC)
    rules = load_rules(options)
    yield from checkup.check_policy(rules, now.date())
    yield from checkup.check_tls(rules.policy.repositories)
    if not options.offline:
        endpoints = open_endpoints(rules.policy)
        upstream = open_upstream(rules.policy, endpoints, len(endpoints), at_once=True)
        upstream.start()
        try:
            yield from checkup.check_repositories(upstream, tuple(endpoints.values()))
        finally:
            upstream.stop()
    yield from checkup.check_keys(rules, open_keyring(options, rules.policy), now)
    yield from checkup.check_engines()
    yield from checkup.check_cache(cache_root(options), open_record(options), open_seal(options).problem)


def _fields(finding: Finding) -> dict[str, str]:
    return {
        "subject": finding.subject,
        "level": finding.level.value,
        "text": finding.text,
        "advice": finding.advice,
    }
