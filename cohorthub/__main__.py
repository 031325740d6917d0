"""``python -m cohorthub`` is the ``cohorthub`` command."""

from cohorthub.cli import main

if __name__ == "__main__":
    main()
