"""Reads a file as a git revision has it; git is the one program that is run for it.

Nothing of git's answer is shown but the first line of its complaint, and no attribute, filter or configured program
comes into play: the bytes are those of the object.
"""

import os
import shutil
import subprocess

from verifier.errors import ConfigError

TIMEOUT_SECONDS = 30
MAX_REVISION_CHARACTERS = 250


def is_revision(name: str) -> bool:
    """Whether git takes a name for a revision; no where there is neither git nor a repository.

    Raises: `ConfigError` where git gives no answer.
    """
    git = shutil.which("git")
    words = ("rev-parse", "--verify", "--quiet", "--end-of-options", name)
    return git is not None and _asked(git, name, *words).returncode == 0


def read_revision(revision: str, path: str, max_bytes: int) -> bytes:
    """Give the content of a file in a revision of the repository around the working directory.

    Shape: `revision` is whatever git takes for a commit, such as `main` or `HEAD~1`; `path` starts at the working
    directory.

    Raises: `ConfigError` where there is no such file or revision, or it is over its bound.
    """
    if not revision or revision.startswith("-") or ":" in revision or not revision.isprintable():
        raise ConfigError(repr(revision), "is neither a file nor a revision", hint=_HINT)
    if len(revision) > MAX_REVISION_CHARACTERS:
        raise ConfigError(repr(revision[:60]), "is too long for a revision")
    git = shutil.which("git")
    where = f"{revision}:{path}"
    if git is None:
        raise ConfigError(where, "git is not installed, and there is no file of that name", hint=_HINT)
    # No file is named absolutely inside a revision: `./` begins at the working directory.
    name = f"{revision}:./{os.path.relpath(path)}"
    size = _run(git, where, "cat-file", "-s", name)
    if not size.strip().isdigit() or int(size) > max_bytes:
        raise ConfigError(where, f"is over {max_bytes} bytes")
    return _run(git, where, "cat-file", "blob", name)


_HINT = "name a lock file, or a revision such as main or HEAD~1 in whose tree it lies"


def _run(git: str, where: str, *arguments: str) -> bytes:
    done = _asked(git, where, *arguments)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ConfigError(where, f"cannot be read: {said[0][:300] if said else 'git says no'}", hint=_HINT)
    return done.stdout


def _asked(git: str, where: str, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(  # noqa: S603  (a fixed program and verbs; the object's name begins with no dash)
            [git, "--no-pager", "--no-optional-locks", "--no-replace-objects", *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            timeout=TIMEOUT_SECONDS,
        )
    except subprocess.TimeoutExpired as error:
        raise ConfigError(where, f"git gave no answer within {TIMEOUT_SECONDS} s") from error
    except OSError as error:
        raise ConfigError(where, f"git cannot be run: {error.strerror}") from error
