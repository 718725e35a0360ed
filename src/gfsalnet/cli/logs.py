"""What the parts of the program say of their work: with -v on the terminal, with --log-file in a file."""

from __future__ import annotations

import logging
import platform
import sys
from contextlib import suppress
from pathlib import Path

from gfsalnet._version import __version__
from gfsalnet.errors import OutputError
from gfsalnet.files import output_errors
from gfsalnet.urls import without_secrets

LIBRARY, PRINTED = "gfsalnet", "gfsalnet.printed"
"""Names of loggers: of all that the library says, and of what the command line prints, which is for files alone."""
FILE_FORMAT = "%(asctime)s %(process)d %(levelname)s %(name)s: %(message)s"


def set_up_logs(verbosity: int, file: Path | None) -> list[logging.Handler]:
    """Let the library's loggers, silent until now, be heard.

    Args:
        verbosity: 0: not on the terminal; 1: what is done, how and how fast; 2: every detail.
        file: where all of it goes, and all that is printed; appended to.

    Returns:
        What `close_logs` takes.

    Raises:
        OutputError: if the file cannot be written.
    """
    handlers: list[logging.Handler] = []
    if verbosity:
        handlers.append(_Terminal(logging.INFO if verbosity == 1 else logging.DEBUG))
    if file is not None:
        with output_errors(file):
            file.parent.mkdir(parents=True, exist_ok=True)
            handlers.append(_File(file))
    library = logging.getLogger(LIBRARY)
    for handler in handlers:
        library.addHandler(handler)
    if handlers:
        library.setLevel(min(handler.level for handler in handlers))
    logging.getLogger(PRINTED).info(
        "gfsalnet %s, Python %s, %s: %s", __version__, platform.python_version(), platform.platform(), sys.argv[1:]
    )
    return handlers


def close_logs(handlers: list[logging.Handler]) -> None:
    """Silence the loggers again."""
    library = logging.getLogger(LIBRARY)
    for handler in handlers:
        library.removeHandler(handler)
        handler.close()
    library.setLevel(logging.NOTSET)


class _WithoutSecrets(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return without_secrets(super().format(record))


class _Terminal(logging.Handler):
    """Lines on standard error, above a progress bar if there is one."""

    def __init__(self, level: int) -> None:
        super().__init__(level)
        self.setFormatter(_WithoutSecrets("%(relativeCreated)d %(name)s: %(message)s"))

    def filter(self, record: logging.LogRecord) -> bool:
        return record.name != PRINTED

    def emit(self, record: logging.LogRecord) -> None:
        from rich.text import Text

        from gfsalnet.cli.console import err
        from gfsalnet.cli.streams import visible

        milliseconds, _, text = self.format(record).partition(" ")
        lines = "\n".join(map(visible, text.removeprefix("gfsalnet.").splitlines()))
        err.print(Text(f"{int(milliseconds) / 1000:7.2f} s  {lines}", "dim"))


class _File(logging.FileHandler):
    """All of it; if it cannot be written any more, one line says so and the work goes on."""

    def __init__(self, path: Path) -> None:
        # No text that a file name or a message can hold must keep the line from being written.
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.setLevel(logging.DEBUG)
        self.setFormatter(_WithoutSecrets(FILE_FORMAT))

    def close(self) -> None:
        """Close the file; what cannot be written has been said by then."""
        with suppress(OSError):
            super().close()

    def handleError(self, record: logging.LogRecord) -> None:
        from gfsalnet.cli.console import print_error

        # First, since the line below is logged too and would fail here again.
        logging.getLogger(LIBRARY).removeHandler(self)
        reason = sys.exc_info()[1]
        print_error(OutputError(self.baseFilename, f"cannot be written ({reason})", "The work goes on without a log"))
