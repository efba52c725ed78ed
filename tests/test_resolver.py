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
