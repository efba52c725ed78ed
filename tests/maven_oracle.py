"""Maven's own libraries as an oracle: many questions about a directory of POMs, answered in one run."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from conftest import need

# What the oracle's session says of the machine is in Oracle.java; plexus asks the virtual machine for this part.
_MACHINE = ("-Dos.name=Linux", "-Dos.arch=amd64", "-Dos.version=")


@dataclass(frozen=True, slots=True)
class Answer:
    """What Maven said; `problems` are the POMs that it went without, `error` is empty unless it failed."""

    words: str
    error: str
    problems: str


def ask(directory: Path, questions: Sequence[tuple[str, str]]) -> list[Answer]:
    """Ask each question, a mode and a name, about the POMs below a directory."""
    program = Path(__file__).parent / "java" / "Oracle.java"
    libraries = Path(need("mvn")).resolve().parent.parent / "lib"
    if any(libraries.glob("maven-resolver-api-2*.jar")):
        pytest.skip("this is Maven 4, whose resolver differs")
    answers = subprocess.run(
        [need("java"), *_MACHINE, "-cp", f"{libraries}{os.sep}*", str(program), str(directory)],
        input="".join("\t".join(question) + "\n" for question in questions),
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=True,
        timeout=1200,
    ).stdout.splitlines()
    assert len(answers) == len(questions)
    return [_parse(answer) for answer in answers]


def _parse(line: str) -> Answer:
    kind, words, problems = line.split("\t")
    return Answer(words if kind == "ok" else "", words if kind == "error" else "", problems)


def plant(directory: Path, files: Mapping[str, bytes]) -> None:
    """Write a repository into a directory."""
    for path, document in files.items():
        target = directory / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(document)
