"""Lets `python -m verifier` be the `verifier` command."""

from verifier.cli.main import main

if __name__ == "__main__":
    main()
