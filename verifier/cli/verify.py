"""`verifier verify`: judge files that are on disk already."""

import time
from functools import partial
from pathlib import Path

import click

from verifier.cli.chosen import run_options
from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.cli.places import Sources
from verifier.cli.reports import Wanted, report_options
from verifier.cli.showing import run_all, show
from verifier.coordinate import Coordinate, parse_coordinate
from verifier.errors import CoordinateInvalid
from verifier.export import walk
from verifier.layout import is_bookkeeping, is_sidecar, parse_path
from verifier.outcome import Outcome


@click.command("verify", short_help="judge files that are on disk already")
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(exists=True, path_type=Path))
@click.option("--as", "name", metavar="COORDINATE", help="What the one file named is.")
@run_options
@report_options
@click.pass_obj
def command(
    options: Options,
    paths: tuple[Path, ...],
    *,
    name: str | None,
    jobs: int,
    repositories: tuple[str, ...],
    form: str,
    reports: tuple[Wanted, ...],
) -> int:
    """Judge files that are on disk; nothing in the judged tree changes.

    PATH is the root of a tree in Maven's layout, such as a local repository, or one file
    with --as. Signatures and checksums beside a file are used; what is not there is asked
    of the repository, unless --offline. The files that Maven keeps for itself are skipped
    and counted.

    Exit status: as that of fetch.
    """
    begun = time.monotonic()
    found = _Found()
    for path in paths:
        found.add(path, name, many=len(paths) > 1)
    rules = load_rules(options, repositories)
    with open_verifier(options, rules, jobs) as verifier:
        work = [partial(verifier.verify, path, coordinate) for path, coordinate in found.files]
        outcomes = run_all(verifier, work, found.refused, options)
    extra = {"evidence_files": found.evidence, "skipped_bookkeeping_files": found.skipped}
    everything = all(path.is_dir() for path in paths)
    judged = {str(coordinate): path for path, coordinate in found.files}
    return show(
        outcomes,
        rules,
        options,
        form=form,
        begun=begun,
        everything=everything,
        extra=extra,
        reports=reports,
        sources=Sources(judged=judged),
    )


class _Found:
    """What lies at the paths: files with their coordinates, strangers, evidence, bookkeeping."""

    def __init__(self) -> None:
        self.files: list[tuple[Path, Coordinate]] = []
        self.refused: list[Outcome] = []
        self.evidence = 0
        self.skipped = 0

    def add(self, path: Path, name: str | None, *, many: bool) -> None:
        if path.is_dir():
            if name is not None:
                raise click.UsageError(f"--as names one file, and {path} is a directory")
            self._add_tree(path)
        elif name is None:
            raise click.UsageError(f"say with --as COORDINATE what {path} is, or give the root of its repository")
        elif many:
            raise click.UsageError("--as names one file, and several paths are given")
        else:
            self.files.append((path, _parse(name)))

    def _add_tree(self, root: Path) -> None:
        for path in walk(root):
            relative = path.relative_to(root).as_posix()
            if is_bookkeeping(relative):
                self.skipped += 1
            elif is_sidecar(relative):
                self.evidence += 1
            else:
                self._add_file(path, relative)

    def _add_file(self, path: Path, relative: str) -> None:
        try:
            self.files.append((path, parse_path(relative)))
        except CoordinateInvalid as cause:
            self.refused.append(Outcome(relative, None, cause, file=str(path)))


def _parse(name: str) -> Coordinate:
    try:
        return parse_coordinate(name)
    except CoordinateInvalid as cause:
        raise click.UsageError(f"--as {name!r}: {cause.reason}; {cause.hint}") from cause
