"""`verifier doctor` from outside."""

import json

from stage import Stage, stage

__all__ = ["stage"]


def _findings(text: str) -> dict[str, list[dict[str, str]]]:
    found: dict[str, list[dict[str, str]]] = {}
    for finding in json.loads(text):
        found.setdefault(finding["subject"], []).append(finding)
    return found


def test_a_sound_installation_has_no_problem(stage: Stage) -> None:
    stage.change_policy('"keys/revoked.public.asc", ', "")

    result = stage.run("doctor", "--format", "json")

    found = _findings(result.out)
    assert result.status == 0, result.out
    assert {"policy", "trust", "tls", "repository", "keys", "engine", "cache", "seal"} <= set(found)
    assert found["repository"][0]["text"].endswith("answers over TLS")


def test_says_what_is_wrong_with_a_repository(stage: Stage) -> None:
    stage.change_policy(f'ca-file = "{stage.authority.file}"\n', "")

    result = stage.run("doctor", "--format", "json")

    (repository,) = _findings(result.out)["repository"]
    assert (result.status, repository["level"]) == (1, "problem")
    assert "tls-untrusted" in repository["text"]


def test_names_a_revoked_key_and_an_exemption_that_ended(stage: Stage) -> None:
    stage.change_policy("until = 2099-12-31", "until = 2020-01-01")

    found = _findings(stage.run("--offline", "doctor", "--format", "json").out)

    assert any("is revoked" in finding["text"] for finding in found["key"])
    assert any("ended on 2020-01-01" in finding["text"] for finding in found["exemption"])


def test_a_cache_that_cannot_be_used_is_a_problem(stage: Stage) -> None:
    stage.cache.write_text("a file in its place")

    result = stage.run("--offline", "doctor", "--format", "json")

    assert _findings(result.out)["cache"][0]["level"] == "problem"
