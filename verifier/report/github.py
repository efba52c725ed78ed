"""A run as GitHub's workflow commands, which its runner turns into annotations on the lines of a pull request.

Source: GitHub's page "Workflow commands"; actions/runner, `ActionCommand`, for the escaping.
"""

from collections.abc import Iterator

from verifier.outcome import Status
from verifier.report.account import Account
from verifier.report.location import Location

MAX_PER_LEVEL = 10
"""Of each level a step shows no more; the last one then counts the rest."""
MAX_MESSAGE_CHARACTERS = 4_000

_LEVELS = {Status.REFUSED: "error", Status.UNAVAILABLE: "warning"}
_Annotation = tuple[Location, str, str]


def annotations(account: Account) -> Iterator[str]:
    """Give one line for each annotation, the errors first."""
    told: dict[str, list[_Annotation]] = {"error": [], "warning": []}
    for outcome, cause in account.problems():
        text = "\n".join(account.message(outcome, cause))
        told[_LEVELS[outcome.status]].append(
            (account.atlas.place(outcome), f"{outcome.status.value}: {cause.code}", text)
        )
    for notice in account.remarks():
        text = f"{account.show(notice.message)}\nwhat to do: {account.show(notice.hint)}"
        told["warning"].append((account.atlas.told(notice.file, notice.line), notice.code, text))
    for level, all_of_it in told.items():
        shown = all_of_it if len(all_of_it) <= MAX_PER_LEVEL else all_of_it[: MAX_PER_LEVEL - 1]
        yield from (_command(level, one) for one in shown)
        if len(shown) < len(all_of_it):
            count = len(all_of_it) - len(shown)
            yield _command(level, (account.atlas.fallback, f"{count} more", f"{count} more: see the log of this step"))


def _command(level: str, annotation: _Annotation) -> str:
    place, title, text = annotation
    properties = {"file": place.file, "line": str(place.line), "title": f"verifier: {title}"}
    joined = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {joined}::{_data(text[:MAX_MESSAGE_CHARACTERS])}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
