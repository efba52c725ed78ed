"""The resolver against Maven's own libraries: our cases, random trees, and the effective models of both."""

from collections import Counter
from pathlib import Path

import maven_oracle
import pytest
import random_trees
import resolver_cases
from maven_oracle import Answer
from memory_source import MemorySource
from random_trees import Tree
from resolver_cases import CASES
from resolving import resolve, write, write_model

from verifier.errors import ReasonedError

FEW, MANY = 120, 2000
# Where more trees than this share are refused, they no longer say much.
MAX_REFUSED_SHARE = 0.35


def test_cases_are_mavens_own_answers(tmp_path: Path) -> None:
    asked = []
    for number, case in enumerate(CASES):
        maven_oracle.plant(tmp_path / str(number), resolver_cases.files(case.repository))
        asked += [(number, case, question) for question in case.answers]

    wrong = []
    for number, answer in _ask_each(tmp_path, [(n, resolver_cases.question(q)) for n, _, q in asked]):
        _, case, question = asked[number]
        expected = resolver_cases.answer(case.answers[question])
        is_failure = expected.startswith("!")
        agrees = bool(answer.error) if is_failure and not case.strict else case.strict or answer.words == expected
        if not agrees or (not is_failure and not case.strict and answer.problems):
            wrong.append((case.rule, question, expected, answer))

    assert wrong == []


def _ask_each(directory: Path, questions: list[tuple[int, tuple[str, str]]]) -> list[tuple[int, Answer]]:
    """Ask about many directories in one run."""
    found = maven_oracle.ask(directory, [(f"{mode}@{number}", name) for number, (mode, name) in questions])
    return list(enumerate(found))


def test_random_trees_resolve_as_in_maven(tmp_path: Path) -> None:
    _compare(tmp_path, [random_trees.grow(seed) for seed in range(FEW)])


def test_wild_random_trees_resolve_as_in_maven(tmp_path: Path) -> None:
    _compare(tmp_path, [random_trees.grow(seed, is_wild=True) for seed in range(FEW)])


@pytest.mark.long
def test_thousands_of_random_trees_resolve_as_in_maven(tmp_path: Path) -> None:
    _compare(tmp_path / "tame", [random_trees.grow(seed) for seed in range(FEW, FEW + MANY)])
    _compare(tmp_path / "wild", [random_trees.grow(seed, is_wild=True) for seed in range(FEW, FEW + MANY)])


def _compare(directory: Path, trees: list[Tree]) -> None:
    """Ask both about each tree in each mode; whoever refuses, the other must have a reason to."""
    for tree in trees:
        maven_oracle.plant(directory, tree.files)
    asked = [(tree, question) for tree in trees for question in tree.questions]
    answers = maven_oracle.ask(directory, [question for _, question in asked])

    counts: Counter[str] = Counter()
    wrong = []
    for (tree, (mode, name)), answer in zip(asked, answers, strict=True):
        try:
            received = write(resolve(MemorySource(tree.files), mode, name))
        except ReasonedError as error:
            received = f"!{error.code}"
        verdict = _judge(received, answer)
        counts[verdict] += 1
        if verdict == "wrong":
            wrong.append((mode, name, received, answer))

    assert wrong == []
    assert counts["refused"] < MAX_REFUSED_SHARE * len(asked)


def _judge(received: str, answer: Answer) -> str:
    if "StackOverflowError" in answer.error:
        # A circle that is left after conflicts are resolved: Maven falls over it while it tidies up, we list it.
        return "overflow"
    if received.startswith("!"):
        # Maven fails, or goes on without a POM: there we refuse.
        return "refused" if answer.error or answer.problems else "wrong"
    return "same" if received == answer.words and not answer.problems else "wrong"


def test_effective_models_are_mavens(tmp_path: Path) -> None:
    trees = [random_trees.grow(seed) for seed in range(1_000_000, 1_000_000 + FEW // 3)]
    for tree in trees:
        maven_oracle.plant(tmp_path, tree.files)
    asked = [(tree, name) for tree in trees for name in tree.poms]
    answers = maven_oracle.ask(tmp_path, [("model", name) for _, name in asked])

    wrong = []
    for (tree, name), answer in zip(asked, answers, strict=True):
        try:
            received = write_model(MemorySource(tree.files), name)
        except ReasonedError:
            received = "refused" if answer.error or answer.problems else "wrongly refused"
        if received not in {"refused", answer.words}:
            wrong.append((name, received, answer))

    assert wrong == []
