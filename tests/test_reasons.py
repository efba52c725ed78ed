"""No reason code lacks its entry for people, and no entry lacks its code."""

import re
from importlib.resources import files

import pytest

from verifier.errors import PRECEDENCE

_TEXT = (files("verifier") / "data" / "reasons.md").read_text(encoding="utf-8")
_ENTRIES = dict(re.findall(r"^## ([a-z-]+)\n(.*?)(?=\n## |\Z)", _TEXT, re.DOTALL | re.MULTILINE))


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    assert set(_ENTRIES) == {cause.code for cause in PRECEDENCE}


@pytest.mark.parametrize("code", sorted(_ENTRIES))
def test_an_entry_says_what_it_means_who_is_behind_it_and_what_to_do(code: str) -> None:
    words = [line.partition(":")[0] for line in _ENTRIES[code].strip().splitlines()]

    assert words == ["Means", "Behind it", "Do", "Never"]
