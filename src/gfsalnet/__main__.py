"""The command, also as `python -m gfsalnet`, which is how `torchrun -m gfsalnet` starts it."""

from __future__ import annotations

from gfsalnet.stopping import end_at_once


def main() -> None:
    """Load the command and run it.

    Raises:
        SystemExit: at its end.
    """
    end_at_once()
    from gfsalnet.cli import app

    app()


if __name__ == "__main__":
    main()
