"""``cifarviz`` and ``python -m cifarviz``: the dashboard, or one of the commands."""

import sys


def main() -> None:
    """Open the dashboard, or run the command that the arguments name."""
    # The dashboard is up a second sooner without the imports of all commands.
    first = next(iter(sys.argv[1:]), "--port")
    if first.startswith("-") and first != "--help":
        from cifarviz.cli.dashboard import main as run
    else:
        from cifarviz.cli.app import main as run
    run()


if __name__ == "__main__":
    main()
