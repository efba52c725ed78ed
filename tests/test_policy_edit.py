"""Trust entries added to the text of a policy: every line stays, and what is written says what was meant."""

from datetime import date
from difflib import ndiff

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from verifier.errors import ConfigError
from verifier.pattern import parse_pattern
from verifier.policy_edit import render, with_entries
from verifier.policy_file import parse_policy
from verifier.trust import TrustEntry

KEY = "35DE40D828CB4B95E6B22E37A81251152B4B1B0A"
POLICY = f'''# our policy
[require]
checksum = "sha256"  # strong

[[trust]]   # ours
match = "org.a"
keys = [
  "{KEY}",  # me
]
reason = """x
[[trust]]
# not a comment
"""
# still about ours

# what is exempt:
# one old file
[[exempt]]
match = "org.b:c:1"
sha256 = "{"0" * 64}"
code = "signature-missing"
reason = "old"
until = 2099-01-01
# the end
'''
LINES = ["[[trust]]", 'match = "org.example"', f'keys = ["{KEY}"]']


def entry(pattern: str = "org.example", **changes: object) -> TrustEntry:
    fields: dict[str, object] = {"exact": False, "legacy_before": None, "expires": None, "origin": "", "reason": ""}
    return TrustEntry(pattern=parse_pattern(pattern), keys=(KEY,), where="", **fields | changes)  # type: ignore[arg-type] # passed on


def added(before: str, after: str) -> list[str]:
    """Give the lines that are new; none may be gone."""
    difference = list(ndiff(before.splitlines(), after.splitlines()))
    assert not [line for line in difference if line.startswith("- ")]
    return [line[2:] for line in difference if line.startswith("+ ") and line[2:]]


def trust(text: str) -> list[TrustEntry]:
    return list(parse_policy(text, "verifier.toml", default_repository_url="https://repo.example").trust)


def test_an_entry_goes_below_the_others_and_comments_stay_with_what_follows() -> None:
    after = with_entries(POLICY, "verifier.toml", [entry()])

    head, tail = POLICY.split("\n# what is exempt:")
    assert after == head + "\n" + "\n".join(LINES) + "\n\n# what is exempt:" + tail


@pytest.mark.parametrize(
    "text",
    [
        "",
        "# a comment alone",
        "[require]\nstarter = false",
        "[require]\nstarter = false\n\n\n# the end\n",
        POLICY + f'\n[[trust]]\nmatch = "org.z"\nkeys = ["{KEY}"]\n# the end\n\n',
        POLICY.replace("\n", "\r\n"),
        f'[[trust]]\nmatch = "org.z"\nkeys = ["{KEY}"]',
        f'[[trust]]\nmatch = "org.z"\nkeys = ["{KEY}"]\n[limits]\nfile = 3\n',
        f'[[trust]]\nmatch = "org.z"\nkeys = ["{KEY}"]\nreason = """\n# not a comment"""\n[limits]\nfile = 3\n',
    ],
)
def test_nothing_is_lost_wherever_the_others_stand(text: str) -> None:
    after = with_entries(text, "verifier.toml", [entry()])

    assert added(text, after) == LINES
    assert len(trust(after)) == len(trust(text)) + 1


@pytest.mark.parametrize("text", ["trust = []\n", f'trust = [{{match = "org.z", keys = ["{KEY}"]}}]\n', "not TOML ["])
def test_a_form_that_nothing_can_be_added_to_is_named_with_the_lines_to_add(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        with_entries(text, "verifier.toml", [entry()])

    assert "\n".join(LINES) in caught.value.hint


@settings(max_examples=50, deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60).filter(str.strip),
    st.booleans(),
    st.none() | st.dates(date(2001, 1, 1)),
)
def test_whatever_is_said_is_read_back(reason: str, exact: bool, day: date | None) -> None:  # noqa: FBT001  (hypothesis passes it by place)
    wanted = entry(reason=reason, origin=reason, exact=exact, legacy_before=day, expires=day)

    *_, found = trust(with_entries(POLICY, "verifier.toml", [entry("org.other"), wanted]))

    assert (found.pattern, found.keys, found.exact, found.legacy_before, found.expires, found.origin, found.reason) == (
        wanted.pattern,
        wanted.keys,
        exact,
        day,
        day,
        reason,
        reason,
    )


def test_several_entries_have_a_blank_line_between() -> None:
    assert render([entry(), entry()]) == "\n".join([*LINES, "", *LINES, ""])
