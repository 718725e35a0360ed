"""What all doors have in common: a failure becomes one line about the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gfsalnet.errors import GFSalNetError

AGAIN = "Copy or download it again."
_LONGEST = 200


@contextmanager
def opening(path: Path, what: str, kind: type[GFSalNetError], remedy: str = AGAIN) -> Iterator[None]:
    """Whatever is raised inside becomes an error of that kind; errors that speak to the user stay as they are.

    Parsers meet damaged bytes with any exception at all, so every one is taken for damage here, and only here.

    Args:
        path: the file that is read inside.
        what: it should be, such as `NPZ file`.
        kind: of error to raise.
        remedy: what to do about it.
    """
    try:
        yield
    except GFSalNetError:
        raise
    except (FileNotFoundError, NotADirectoryError) as error:
        other = "" if error.filename in (None, str(path), path) else f" as {error.filename}"
        raise kind(path, f"there is no such file{other}", remedy) from error
    except OSError as error:
        if error.strerror is None or error.errno is None:  # raised by a parser, not by the system
            raise kind(path, f"not a readable {what} ({reason(error)})", remedy) from error
        raise kind(path, f"cannot be read ({error.strerror})", remedy) from error
    except MemoryError as error:
        raise kind(path, f"to read this {what} takes more memory than there is", remedy) from error
    except RecursionError as error:
        raise kind(path, f"not a readable {what} (it is nested too deeply)", remedy) from error
    except Exception as error:
        raise kind(path, f"not a readable {what} ({reason(error)})", remedy) from error


def reason(error: BaseException) -> str:
    """The first line of what an exception says, or its name; advice after it is left out."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    first = lines[0] if lines else type(error).__name__
    return first[:_LONGEST].rstrip(" .:")
