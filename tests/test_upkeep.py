"""Upkeep with a record that somebody else wrote in: one row of theirs keeps no other file from its turn."""

import json
import sqlite3

import pytest
from proxied import Proxied
from stage import WIDGET, Stage, stage

from verifier.cli.main import Options
from verifier.cli.opening import load_rules, open_verifier
from verifier.upkeep import expel

__all__ = ["stage"]
WIDGET_FILE = "example/org/example/widget/1.0/widget-1.0.jar"
ODD_FILE = "example/aaa/odd.jar"
# Each comes before the widget in the order in which upkeep goes.
ODD_ROWS = [
    ("example", "aaa/odd.jar", "../x"),
    ("example", "aaa/odd.jar", "org.example:widget/../maven-metadata.xml"),
    ("example", "../x", "org.example:widget:jar:1.0"),
    ("example", "", "org.example:widget:jar:1.0"),
    ("..", "x", "org.example:widget:jar:1.0"),
    ("example", "aaa", "org.example:widget:jar:1.0"),  # a directory
    ("example", "aaa/odd.jar/x", "org.example:widget:jar:1.0"),  # below a file
    ("example", "a" * 300, "org.example:widget:jar:1.0"),
]


@pytest.fixture(params=ODD_ROWS, ids=lambda row: "|".join(row)[:40])
def forged(request: pytest.FixtureRequest, stage: Stage) -> Stage:
    """A stage whose cache holds the widget and, before it, one row that no admission writes."""
    stage.fetch(WIDGET)
    odd = stage.cache / "repository" / ODD_FILE
    odd.parent.mkdir()
    odd.write_bytes((stage.cache / "repository" / WIDGET_FILE).read_bytes())
    sql = "INSERT INTO admitted SELECT ?, ?, ?, sha256, size, previous, stamp, seal FROM admitted LIMIT 1"
    change_record(stage, sql, *request.param)
    return stage


def change_record(stage: Stage, sql: str, *values: str | int) -> None:
    connection = sqlite3.connect(stage.cache / "record.sqlite")
    with connection:
        connection.execute(sql, values)
    connection.close()


def recorded(stage: Stage) -> list[str]:
    connection = sqlite3.connect(stage.cache / "record.sqlite")
    rows = connection.execute("SELECT repository || '/' || path FROM admitted").fetchall()
    connection.close()
    return [path for (path,) in rows]


def distrust(stage: Stage) -> None:
    """Let policy refuse the widget from now on."""
    stage.change_policy("35DE40D828CB4B95E6B22E37A81251152B4B1B0A", "35DE40D828CB4B95E6B22E37A81251152B4B1B0B")


def test_a_scrub_drops_a_row_that_no_admission_writes_and_goes_on(forged: Stage) -> None:
    outside = forged.cache / "x"
    outside.write_text("not of the cache")

    scrubbed = forged.run("cache", "scrub")

    assert scrubbed.status == 1
    assert "coordinate-invalid" in scrubbed.err
    assert "1 verified, 1 refused" in scrubbed.err
    assert (forged.cached(), recorded(forged)) == ([WIDGET_FILE], [WIDGET_FILE])
    assert outside.exists()
    assert forged.run("cache", "scrub").status == 0


def test_a_sweep_takes_out_what_is_refused_by_now_whatever_row_comes_before(forged: Stage) -> None:
    distrust(forged)
    options = Options(forged.policy, forged.cache, offline=True, verbosity=0)
    with open_verifier(options, load_rules(options), 1) as verifier:
        refused = expel(verifier, lambda: True)

    assert [outcome.cause.code for outcome in refused if outcome.cause] == ["coordinate-invalid", "key-untrusted"]
    assert recorded(forged) == []
    assert WIDGET_FILE not in forged.cached()


def test_list_and_prune_get_past_it(forged: Stage) -> None:
    assert WIDGET_FILE.rsplit("/", 1)[-1] in forged.run("cache", "list", "--format", "json").out
    assert "org.example:widget:jar:1.0" in forged.run("cache", "list").out
    assert forged.run("cache", "prune", "--max-size", "1 B").status == 0
    assert recorded(forged) == []


def test_a_list_gives_no_path_for_a_row_that_leads_out_of_the_cache_and_says_so(stage: Stage) -> None:
    stage.fetch(WIDGET)
    change_record(stage, "UPDATE admitted SET path = '../x'")

    listed = stage.run("cache", "list", "--format", "json")

    assert (listed.status, [row["path"] for row in json.loads(listed.out)]) == (0, [None])
    assert "../x" in listed.err


@pytest.mark.parametrize("seen", [2**62, -(2**62), 10**12])
def test_a_moment_that_no_calendar_has_is_listed_without_a_day(stage: Stage, seen: int) -> None:
    stage.fetch(WIDGET)
    change_record(stage, "UPDATE judgement SET seen = ?", seen)

    listed = stage.run("cache", "list")

    assert (listed.status, "no date" in listed.out) == (0, True)


def test_the_proxy_sweeps_past_it(stage: Stage) -> None:
    stage.fetch(WIDGET)
    change_record(
        stage, "INSERT INTO admitted SELECT repository, '../x', '../x', sha256, size, '', '', '' FROM admitted"
    )
    distrust(stage)
    with Proxied(stage) as proxied:
        proxied.wait(proxied.proxy._sweep(proxied.proxy._live()))
        log = proxied.log.getvalue()

    assert "taken out of the cache: ../x (coordinate-invalid)" in log
    assert stage.cached() == []
