"""What every test relies on: own directories, no colours, and real tools where CI says that it is one."""

import os
import shutil

import pytest

_TOOLS = {"gpg": "gnupg", "nginx": "nginx-light", "mvn": "maven", "java": "a JDK", "javac": "a JDK"}


@pytest.fixture(autouse=True)
def _own_directories(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep every test away from the user's cache, configuration, keys and proxies."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("HOME", str(home))
    for variable in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_STATE_HOME", "GNUPGHOME", "NO_COLOR",
                     "GITHUB_ACTIONS", "GITHUB_STEP_SUMMARY"):  # fmt: skip
        monkeypatch.delenv(variable, raising=False)
    for variable in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(variable, raising=False)
        monkeypatch.delenv(variable.lower(), raising=False)


def need(tool: str) -> str:
    """Give the path of a real tool; without it the test is skipped, and in CI it fails."""
    path = shutil.which(tool)
    if path is None and os.environ.get("CI"):
        pytest.fail(f"{tool} is not installed, and CI never skips: install {_TOOLS.get(tool, tool)}")
    if path is None:
        pytest.skip(f"{tool} is not installed")
    return path
