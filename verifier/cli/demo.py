"""`verifier demo`: a show of attacks on loopback, each with its verdict."""

import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import zip_longest
from textwrap import wrap

import click

from verifier import __version__
from verifier.cli.main import Options, format_option
from verifier.demo.scenes import SCENES
from verifier.demo.stage import Played, Scene, open_stage, play
from verifier.outcome import Json, Status
from verifier.report import json
from verifier.report.escape import printable

SCHEMA = 1
_WIDTH = 80
_TITLE, _MAVEN = 28, 26
"""Columns, in characters; the number, the gaps and a reason code take the rest of the width."""
_COLORS = {Status.VERIFIED: "green", Status.REFUSED: "red", Status.UNAVAILABLE: "yellow"}
_FOOTNOTE = (
    "plain Maven: mvn 3.8.7 as it comes, against these very servers; since 3.8.1 it blocks plain http, "
    "but not on loopback. Maven 4 fails where a checksum disagrees (its source); it too leaves the "
    "publisher's authenticity to add-ons (its threat model)."
)


@click.command("demo", short_help="a show of attacks on loopback, each with its verdict")
@format_option
@click.pass_obj
def command(options: Options, *, form: str) -> int:
    """Serve an honest signed repository on loopback, attack it, and show each verdict.

    Keys, certificates and servers are made on the spot, over real TLS, and every scene goes
    the way of any other fetch, with a policy and an empty cache of its own. Nothing but
    127.0.0.1 is asked, and nothing is left behind. The global options --policy, --cache
    and --offline do not concern it.

    Exit status: 0 when every verdict is the expected one, else 1.
    """
    return show(SCENES, options, form)


def show(scenes: Sequence[Scene], options: Options, form: str) -> int:
    """Play the scenes and print how they came out; give the exit status."""
    begun = time.monotonic()
    played = _play(scenes, options)
    seconds = time.monotonic() - begun
    if form == "json":
        click.echo(json.write(_document(played, seconds)))
    else:
        for line in (*_table(played, options), _last_line(played, seconds)):
            click.echo(line)
    return 0 if all(one.is_expected for one in played) else 1


def _play(scenes: Sequence[Scene], options: Options) -> list[Played]:
    hidden = options.verbosity < 0 or not sys.stderr.isatty()
    with (
        _interrupted_between_scenes() as check,
        open_stage() as props,
        click.progressbar(scenes, label="attacking", file=sys.stderr, hidden=hidden, show_pos=True, width=24) as bar,
    ):
        played = []
        for scene in bar:
            check()
            played.append(play(scene, props))
        return played


@contextmanager
def _interrupted_between_scenes() -> Iterator[Callable[[], None]]:
    """Put off Ctrl-C and SIGTERM to the next call of what is given, which then interrupts.

    A scene lasts a second at most; torn apart within, it might leave files or a thread behind.
    """
    asked: list[int] = []

    def check() -> None:
        if asked:
            raise KeyboardInterrupt

    numbers = (signal.SIGINT, signal.SIGTERM) if threading.current_thread() is threading.main_thread() else ()
    before = {number: signal.signal(number, lambda number, _: asked.append(number)) for number in numbers}
    try:
        yield check
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _table(played: Sequence[Played], options: Options) -> Iterator[str]:
    """Give the table line by line; with -q only what is not as expected."""
    if options.verbosity >= 0:
        yield click.style(" #  " + _cells("attack", "plain Maven", "verifier").rstrip(), bold=True)
    for number, one in enumerate(played):
        if options.verbosity >= 0 or not one.is_expected:
            yield from _row(number, one)
            if options.verbosity > 0 and one.outcome.cause is not None:
                yield from (f"      {line}" for line in wrap(printable(one.outcome.cause.reason), _WIDTH - 6))
    if options.verbosity >= 0:
        yield ""
        yield from wrap(_FOOTNOTE, _WIDTH)


def _row(number: int, one: Played) -> Iterator[str]:
    maven = one.scene.maven
    columns = (
        wrap(one.scene.title, _TITLE),
        wrap(f"{maven.does} ({maven.known})", _MAVEN),
        [click.style(text, fg=_COLORS[status]) for status, text in _verdict(one)],
    )
    lead = f"{number:>2}"
    for cells in zip_longest(*columns, fillvalue=""):
        yield f"{lead}  {_cells(*cells)}".rstrip()
        lead = "  "
    if not one.is_expected:
        expected = " then ".join(code for code in (one.scene.first, one.scene.expected or "verified") if code)
        dirt = "" if one.clean else "; the cache holds what it should not"
        yield click.style(f"    WRONG: expected {expected}{dirt}", fg="magenta", bold=True)


def _verdict(one: Played) -> Iterator[tuple[Status, str]]:
    """Give the lines of a verdict, each with what it is about."""
    if one.first is not None:
        yield Status.REFUSED, Status.REFUSED.value
        yield Status.REFUSED, one.first
    yield one.outcome.status, one.outcome.status.value if one.first is None else "fetched anew"
    if one.code is not None:
        yield one.outcome.status, one.code


def _cells(title: str, maven: str, verdict: str) -> str:
    return f"{title:<{_TITLE}}  {maven:<{_MAVEN}}  {verdict}"


def _last_line(played: Sequence[Played], seconds: float) -> str:
    wrong = sum(not one.is_expected for one in played)
    if wrong:
        line = f"{wrong} of {len(played)} verdicts are not the expected ones ({seconds:.1f} s)"
        return click.style(line, fg="magenta", bold=True)
    return click.style(f"all {len(played)} verdicts are the expected ones ({seconds:.1f} s)", bold=True)


def _document(played: Sequence[Played], seconds: float) -> dict[str, Json]:
    return {
        "schema": SCHEMA,
        "tool": {"name": "verifier", "version": __version__},
        "scenes": [_scene_fields(number, one) for number, one in enumerate(played)],
        "summary": {
            "scenes": len(played),
            "as_expected": sum(one.is_expected for one in played),
            "seconds": round(seconds, 3),
        },
    }


def _scene_fields(number: int, one: Played) -> dict[str, Json]:
    cause = one.outcome.cause
    return {
        "number": number,
        "attack": one.scene.title,
        "plain_maven": {"does": one.scene.maven.does, "known": one.scene.maven.known},
        "expected": {"first": one.scene.first, "code": one.scene.expected},
        "status": one.outcome.status.value,
        "code": one.code,
        "first": one.first,
        "reason": None if cause is None else cause.reason,
        "cache_clean": one.clean,
        "as_expected": one.is_expected,
    }
