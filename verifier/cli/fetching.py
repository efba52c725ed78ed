"""From what is asked for to what was fetched: `fetch` and `export` go this way alike, and `lock` parts of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import click

from verifier.cli.chosen import ToFetch
from verifier.cli.graphs import Asking, Graph, graph_of
from verifier.cli.inputs import Input, exact_of, refused_of
from verifier.cli.locked import inputs_and_lock, is_whole, setting_before, setting_of, with_lock
from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.cli.showing import run_all
from verifier.coordinate import Coordinate
from verifier.fetch import Rules, Verifier
from verifier.lockfile import Lock
from verifier.outcome import Outcome


@dataclass(frozen=True, slots=True)
class Fetched:
    """What was asked for, and how it came out.

    Shape: `files` are those asked for, in the graph's order; `graph` is None where they were named one by one, or by a
    whole lock; `beside` are sources and documentation, which need not be anywhere.
    """

    rules: Rules
    inputs: tuple[Input, ...]
    lock: Lock | None
    scopes: frozenset[str]
    graph: Graph | None
    files: tuple[Coordinate, ...]
    beside: tuple[Coordinate, ...]
    outcomes: tuple[Outcome, ...]

    @property
    def is_whole_lock(self) -> bool:
        """Whether it is everything in a lock file."""
        return is_whole(self.inputs, locked=self.rules.locked)

    @property
    def shown(self) -> tuple[Coordinate, ...]:
        """The files that are more than what names others: the POMs of a whole lock are read and not used."""
        return tuple(one for one in self.files if not (self.is_whole_lock and one.extension == "pom"))


def fetch_chosen(
    options: Options, chosen: ToFetch, *, sources: bool = False, javadoc: bool = False, by_scope: bool = False
) -> Fetched:
    """Fetch what was chosen, with what lies beside it; `by_scope` says that the scope of each file has to be known.

    Raises: `ConfigError` and `click.UsageError` where it cannot be read, or does not say enough.
    """
    locked = chosen["locked"]
    inputs, lock = inputs_and_lock(chosen["coordinates"], chosen["files"], chosen["lock_file"], locked=locked)
    whole_lock = is_whole(inputs, locked=locked)
    if whole_lock and (by_scope or chosen["scopes"]):
        raise click.UsageError("a lock file does not say what has which scope: with --locked name an input too")
    rules = with_lock(load_rules(options, chosen["repositories"]), lock, locked=locked)
    setting = setting_of(chosen, setting_before(lock if locked else None, rules.policy.context, inputs))
    scopes = frozenset(setting.scopes)
    graph = None
    with open_verifier(options, rules, chosen["jobs"]) as verifier:
        if chosen["transitive"] and not whole_lock:
            asking = Asking(
                setting.context,
                plugins=chosen["plugins"],
                maven_version=setting.maven_version,
                scopes=scopes,
                files=scopes,
            )
            graph = graph_of(verifier, inputs, asking)
            files, had = files_of(graph, scopes), (*refused_of(inputs), *graph.resolution.outcomes)
        else:
            files, had = exact_of(inputs)
        others = beside(files, sources=sources, javadoc=javadoc)
        outcomes = fetch_files(verifier, (*files, *others), had, options)
    return Fetched(rules, inputs, lock, scopes, graph, files, others, tuple(outcomes))


def files_of(graph: Graph, scopes: frozenset[str]) -> tuple[Coordinate, ...]:
    """Give the files of the graph, in its order; of one that is not whole, what is known."""
    listed = [each for each in graph.resolution.explored if each.scope in scopes]
    return tuple(dict.fromkeys(each.file for each in (*listed, *graph.plugins) if not each.system_path))


def beside(files: Sequence[Coordinate], *, sources: bool, javadoc: bool) -> tuple[Coordinate, ...]:
    """Name the sources and the documentation of each JAR, without what is among the files: that must be there."""
    kinds = [kind for kind, wanted in (("sources", sources), ("javadoc", javadoc)) if wanted]
    jars = (file for file in files if file.extension == "jar" and not file.classifier)
    known = set(files)
    found = (replace(file, classifier=kind) for file in jars for kind in kinds)
    return tuple(one for one in found if one not in known)


def fetch_files(
    verifier: Verifier, files: Iterable[Coordinate], had: Sequence[Outcome], options: Options
) -> list[Outcome]:
    """Fetch what was not had while the graph was resolved."""
    known = {outcome.coordinate for outcome in had}
    work = [partial(verifier.fetch, file) for file in dict.fromkeys(files) if file not in known]
    return run_all(verifier, work, had, options)
