"""Maven's rules, one case for each; the same cases are put to Maven's own libraries in test_resolver_oracle."""

import pytest
import resolver_cases
from memory_source import MemorySource
from resolver_cases import CASES, Case
from resolving import resolve, write

from verifier.errors import ReasonedError


def _questions() -> list[tuple[Case, str, str]]:
    return [(case, question, answer) for case in CASES for question, answer in case.answers.items()]


@pytest.mark.parametrize(
    ("case", "question", "answer"), [pytest.param(*q, id=f"{q[0].rule}, {q[1]}") for q in _questions()]
)
def test_resolves_by_the_rule(case: Case, question: str, answer: str) -> None:
    source = MemorySource(resolver_cases.files(case.repository))
    mode, name = resolver_cases.question(question)

    try:
        received = write(resolve(source, mode, name))
    except ReasonedError as error:
        received = f"!{error.code}"

    assert received == resolver_cases.answer(answer)


def needs_of(repository: str, question: str = "dependency a") -> dict[str, str]:
    mode, name = resolver_cases.question(question)
    resolved = resolve(MemorySource(resolver_cases.files(repository)), mode, name)
    return {
        each.coordinate.artifact: " ".join(f"{one.artifact}:{one.version}" for one in each.needs or ())
        for each in resolved
    }


@pytest.mark.parametrize(
    ("repository", "needs"),
    [
        # Maven's tree has d below b alone, and c needs it all the same.
        ("a 1 > b 1, c 1\nb 1 > d 1\nc 1 > d 1\nd 1", {"a": "b:1 c:1", "b": "d:1", "c": "d:1", "d": ""}),
        # What c asks for lost, and c is built with what won.
        (
            "a 1 > b 1, c 1\nb 1 > d 2\nc 1 > d 1\nd 1 > e 1\nd 2\ne 1",
            {"a": "b:1 c:1", "b": "d:2", "c": "d:2", "d": ""},
        ),
        # What nobody brings in is needed by nobody: optional, test, excluded.
        (
            "a 1 > b 1, c 1 -d\nb 1 > e 1 optional\nc 1 > d 1, f 1 test\nd 1\ne 1\nf 1",
            {"a": "b:1 c:1", "b": "", "c": ""},
        ),
        # A relocation is needed under its new name.
        ("a 1 > b 1\nb 1 moved c 1\nc 1", {"a": "c:1", "c": ""}),
        ("a 1 > b 1\nb 1 > c 1\nc 1 > b 1", {"a": "b:1", "b": "c:1", "c": "b:1"}),
    ],
)
def test_tells_all_that_an_artifact_needs_in_the_versions_chosen(repository: str, needs: dict[str, str]) -> None:
    assert needs_of(repository) == needs


@pytest.mark.parametrize(
    ("case", "question"),
    [pytest.param(*q[:2], id=f"{q[0].rule}, {q[1]}") for q in _questions() if not q[2].startswith("!")],
)
def test_what_is_needed_is_listed_and_nothing_hangs_below_what_does_not_need_it(case: Case, question: str) -> None:
    resolved = resolve(MemorySource(resolver_cases.files(case.repository)), *resolver_cases.question(question))
    needs = {each.coordinate: set(each.needs or ()) for each in resolved}

    assert set().union(*needs.values()) <= needs.keys()
    assert all(each.coordinate in needs[each.parent] for each in resolved if each.parent is not None)
