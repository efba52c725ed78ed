"""The work of `verifier lock`: everything that a build uses, judged by both engines, as the lines of a lock file."""

import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import click

from verifier.cli.fetching import beside, fetch_files, files_of
from verifier.cli.graphs import Asking, Graph, graph_of, whole
from verifier.cli.inputs import Input, refused_of
from verifier.cli.main import Options
from verifier.cli.opening import open_verifier, rules_of
from verifier.cli.showing import run_all
from verifier.coordinate import Coordinate, Metadata, base_version
from verifier.errors import CoordinateInvalid, NotFound, ReasonedError
from verifier.fetch import Rules, Verifier
from verifier.lockfile import Kind, Lock, Locked, Setting, lock_of
from verifier.outcome import Json, Outcome
from verifier.platforms import contexts, siblings
from verifier.policy import Engine
from verifier.resolve import Library, join


@dataclass(frozen=True, slots=True)
class Closure:
    """Everything that a build uses: how each file came out, and the graph, of all platforms where all are asked for.

    Shape: `left_out` says of each platform, and of each file for one, that nobody publishes it; `offline` that no
    metadata was asked for.
    """

    outcomes: tuple[Outcome, ...]
    graph: Graph
    left_out: tuple[str, ...] = ()
    offline: bool = False

    @property
    def is_verified(self) -> bool:
        """Whether the graph could be had, and everything in it."""
        return whole(self.graph, self.outcomes)


def by_both_engines(rules: Rules) -> Rules:
    """Have every signature judged by our engine and by gpg, where there is one; the lock of the rules stays."""
    if shutil.which("gpg") is None:
        return rules
    return replace(rules_of(rules.policy.judged_by(Engine.BOTH)), lock=rules.lock)


def close(options: Options, rules: Rules, inputs: Sequence[Input], setting: Setting, jobs: int) -> Closure:
    """Fetch and judge everything that the inputs lead to.

    1. Resolve the graph, for each platform where all are asked for; one that nobody publishes for is left out.
    2. Name what lies beside the files: sources, documentation, files for other platforms; of those a "not found" by
       every repository lets go, and nothing else does.
    3. Fetch what was not had on the way.
    4. Get the certificates that gpg lacks, of signers known by facts alone, and judge what they signed again.
    """
    with open_verifier(options, rules, jobs) as verifier:
        # 1.
        graphs, left_out = _graphs(verifier, inputs, setting)
        graph, scopes = _beside_one_another(graphs), frozenset(setting.scopes)
        files = files_of(graph, scopes)
        # 2.
        others = beside(files, sources=setting.sources, javadoc=setting.javadoc)
        guessed = {*others, *(siblings(files) if setting.all_platforms else ())} - set(files)
        elsewhere = set(files) - set(files_of(graphs[0], scopes))
        # 3.
        had = (*refused_of(inputs), *graph.resolution.outcomes)
        outcomes = fetch_files(verifier, (*files, *guessed), had, options)
        # 4.
        outcomes = _heard_twice(verifier, outcomes, options)
    absent = {one.coordinate for one in outcomes if isinstance(one.cause, NotFound)} & (guessed | elsewhere)
    kept = tuple(one for one in outcomes if one.coordinate not in absent)
    nowhere = sorted(f"{one}: no repository has it" for one in absent & elsewhere)
    return Closure(kept, graph, (*left_out, *nowhere), options.offline)


def _beside_one_another(graphs: Sequence[Graph]) -> Graph:
    """Put the graphs of several platforms together; each file counts once."""
    first = graphs[0]
    return replace(
        first,
        resolution=join([graph.resolution for graph in graphs]),
        plugins=tuple(dict.fromkeys(each for graph in graphs for each in graph.plugins)),
    )


def _heard_twice(verifier: Verifier, outcomes: list[Outcome], options: Options) -> list[Outcome]:
    alone = {one.coordinate: one for one in outcomes if _is_signed(one) and not _by_gnupg(one)}
    if options.offline or not verifier.rules.policy.asks_gnupg:
        return outcomes
    keys = sorted({one.findings.grounds.detail for one in alone.values() if one.findings is not None})
    came = {one.fingerprint for one in verifier.refresh_keys(keys) if one.found}
    again = [
        partial(verifier.fetch, coordinate)
        for coordinate, one in alone.items()
        if isinstance(coordinate, Coordinate) and one.findings is not None and one.findings.grounds.detail in came
    ]
    judged = {one.coordinate: one for one in run_all(verifier, again, (), options)}
    return [judged.get(one.coordinate, one) for one in outcomes]


def _graphs(verifier: Verifier, inputs: Sequence[Input], setting: Setting) -> tuple[tuple[Graph, ...], tuple[str, ...]]:
    """Resolve for each platform, the context's own first; say which others nobody publishes for."""
    library = Library(verifier)
    graphs: list[Graph] = []
    left_out: list[str] = []
    for context in contexts(setting.context) if setting.all_platforms else (setting.context,):
        asking = Asking(
            context, plugins=setting.plugins, maven_version=setting.maven_version, scopes=frozenset(setting.scopes)
        )
        graph = graph_of(verifier, inputs, asking, library.fresh())
        cause = _not_published(graph) if graphs else None
        if cause is None:
            graphs.append(graph)
        else:
            left_out.append(f"{context.os_name}/{context.os_arch}: {cause.reason}")
    library.abandon()
    return tuple(graphs), tuple(left_out)


def _not_published(graph: Graph) -> ReasonedError | None:
    """Say why there is no graph for a platform, if that is all: a POM that is nowhere, or that gives it no name.

    What is left out of a lock is refused by it, so nothing is let in by this.
    """
    causes = [outcome.cause for outcome in graph.resolution.outcomes if outcome.cause is not None]
    if graph.resolution.resolved is not None or not causes:
        return None
    return causes[0] if all(isinstance(cause, NotFound | CoordinateInvalid) for cause in causes) else None


def lock_from(file: str, closure: Closure, setting: Setting, inputs: Iterable[str], old: Lock | None = None) -> Lock:
    """Make the lock of a closure in which everything is verified.

    Of the metadata that steered a choice the old lock's line stays where there still is a choice and it is the same:
    what else was published since changes no line.
    """
    lines = [_locked(outcome) for outcome in closure.outcomes]
    new = lock_of(file, lines, setting, inputs, () if old is None else old.comments)
    if old is None:
        return new
    steering = {one.name for one in new.metadata}
    kept = [one for one in old.metadata if (closure.offline or one.name in steering) and _same_choice(one, old, new)]
    names = {one.name for one in kept}
    asked = [one for one in new.metadata if one.name not in names]
    return replace(new, metadata=tuple(sorted((*kept, *asked), key=str)))


def _locked(outcome: Outcome) -> Locked:
    if outcome.coordinate is None or outcome.evidence is None or outcome.findings is None or outcome.cause is not None:
        raise ValueError(f"{outcome.name} is not verified")
    return Locked(outcome.coordinate, outcome.evidence.sha256, outcome.findings.grounds)


def _same_choice(line: Locked, old: Lock, new: Lock) -> bool:
    metadata = line.subject
    if not isinstance(metadata, Metadata) or (metadata.group, metadata.artifact) in old.freed:
        return False
    before, after = (_versions(lock, metadata) for lock in (old, new))
    return bool(after) and before == after


def _versions(lock: Lock, metadata: Metadata) -> set[str]:
    return {
        one.version
        for one in lock.coordinates
        if (one.group, one.artifact) == (metadata.group, metadata.artifact)
        and metadata.version in {"", base_version(one.version)}
    }


def moved_metadata(lock: Lock, closure: Closure) -> tuple[str, ...]:
    """Name the metadata that is no longer what steered the choice when it was locked."""
    known = {(one.name, one.sha256) for one in lock.metadata}
    return tuple(
        dict.fromkeys(
            outcome.name
            for outcome in closure.outcomes
            if isinstance(outcome.coordinate, Metadata)
            and outcome.evidence is not None
            and (outcome.name, outcome.evidence.sha256) not in known
        )
    )


def engines_of(closure: Closure) -> dict[str, Json]:
    """Count the signatures that the lock rests on, and those that both engines judged."""
    signed = [one for one in closure.outcomes if _is_signed(one)]
    return {"signed": len(signed), "by_both": sum(_by_gnupg(one) for one in signed)}


def say_engines(closure: Closure) -> None:
    """Say where a signature was not judged by both engines: a lock is never one engine's word in silence."""
    signed = [one for one in closure.outcomes if _is_signed(one)]
    if not signed:
        return
    if shutil.which("gpg") is None:
        click.echo(
            "note: gpg is not installed: every signature was judged by one engine alone, ours;"
            " install it and lock again",
            err=True,
        )
        return
    alone = [one for one in signed if not _by_gnupg(one)]
    if alone:
        keys = sorted({one.findings.grounds.detail for one in alone if one.findings is not None})
        shown = ", ".join(keys[:3]) + (f" and {len(keys) - 3} more" if len(keys) > 3 else "")  # noqa: PLR2004  (a line)
        click.echo(
            f"note: {len(alone)} of {len(signed)} signatures were judged by our engine alone:"
            f" gpg cannot import what is at hand of the signers' keys ({shown})",
            err=True,
        )


def _is_signed(outcome: Outcome) -> bool:
    return outcome.cause is None and outcome.findings is not None and outcome.findings.grounds.kind is Kind.KEY


def _by_gnupg(outcome: Outcome) -> bool:
    signatures = () if outcome.findings is None else outcome.findings.signatures
    return any(one.status == "good" and Engine.GNUPG.value in one.engines for one in signatures)
