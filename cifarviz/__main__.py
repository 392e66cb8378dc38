"""``python -m cifarviz``: the command line."""

from cifarviz.cli.app import main

if __name__ == "__main__":
    main()
