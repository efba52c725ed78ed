"""A run as Markdown, for the summary of a CI job or a comment on a merge request.

Whatever has a foreign origin stands in a code span or a code block, where nothing is a link, a mention or a tag;
what could end one is escaped before.
"""

from collections.abc import Iterable, Iterator

from verifier.errors import ReasonedError
from verifier.outcome import Outcome, Status
from verifier.report.account import Account
from verifier.report.escape import printable

MAX_BYTES = 1024 * 1024
"""GitHub throws away a longer summary of a job as a whole."""
MAX_ROWS = 500
MAX_BLOCKS = 50
"""Of how many problems the table and the details tell; a person reads no more."""

_DETAILS = "<details><summary>Expected, received, and where each comes from</summary>"
_BLOCK = "```text"
_CLOSED_BY = {_DETAILS: "</details>", _BLOCK: "```"}
_CUT = "…cut here: the rest is in the log"


def report(account: Account, max_bytes: int = MAX_BYTES) -> str:
    """Write the run as one document of at most `max_bytes`."""
    kept: list[str] = []
    still_open: list[str] = []
    left = max_bytes - len("\n".join((*_CLOSED_BY.values(), _CUT, "")).encode())
    for line in _lines(account):
        left -= len(line.encode()) + 1
        if left < 0:
            kept += [*reversed(still_open), "", _CUT]
            break
        kept.append(line)
        if still_open and line == still_open[-1]:
            still_open.pop()
        elif line in _CLOSED_BY:
            still_open.append(_CLOSED_BY[line])
    return "\n".join(kept) + "\n"


def code(foreign: str) -> str:
    """Put a text into a code span, also inside a table."""
    return f"`{_without_ends(printable(foreign))}`" if foreign.strip() else "-"


def _without_ends(foreign: str) -> str:
    return foreign.replace("`", "\\x60").replace("|", "\\x7c")


def _lines(account: Account) -> Iterator[str]:
    problems = account.problems()
    yield f"### verifier {account.command}: {account.headline()}"
    if problems:
        yield from ("", "| | file | code | where | what to do |", "| --- | --- | --- | --- | --- |")
        yield from (_row(account, *problem) for problem in problems[:MAX_ROWS])
        yield from _more(len(problems) - MAX_ROWS)
        yield from ("", _DETAILS)
        for outcome, _ in problems[:MAX_BLOCKS]:
            yield from ("", _BLOCK, *map(_without_ends, account.block(outcome)), "```")
        yield from _more(len(problems) - MAX_BLOCKS)
        yield from ("", "</details>")
    if account.remarks():
        yield from ("", "**To be looked after**", "")
        for notice in account.remarks():
            place = code(str(account.atlas.told(notice.file, notice.line)))
            yield f"- {code(account.show(notice.message))} ({place}): {code(account.show(notice.hint))}"
    yield ""
    yield f"{account.count(Status.VERIFIED)} verified, {account.seconds:.1f} s; `verifier explain CODE` tells of a code"


def _row(account: Account, outcome: Outcome, cause: ReasonedError) -> str:
    cells: Iterable[str] = (
        outcome.status.value,
        code(account.show(outcome.name)),
        cause.code,
        code(account.show(str(account.atlas.place(outcome)))),
        # Our own words, unless the hint was made for this one case: then something foreign may be in it.
        cause.hint if cause.hint == cause.default_hint else code(account.show(cause.hint)),
    )
    return f"| {' | '.join(cells)} |"


def _more(count: int) -> Iterator[str]:
    if count > 0:
        yield from ("", f"…and {count} more")
