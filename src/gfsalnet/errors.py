"""Errors that speak to the user: where, what was wrong, what to do.

Everything that the outside world can cause (files, folders, weights, options) is a `GFSalNetError`; the command line
prints it as one line. A wrong array handed to a function by a programmer stays a `ValueError` or `TypeError`.
"""

from __future__ import annotations

from gfsalnet.urls import is_url, shown_url, without_secrets


class GFSalNetError(Exception):
    """A problem the user can solve.

    Args:
        where: the source, file or option it is about.
        problem: what was wrong, without a full stop.
        remedy: what to do about it, a sentence.
    """

    def __init__(self, where: object, problem: str, remedy: str) -> None:
        what_to_do = remedy if remedy.endswith("?") else f"{remedy.rstrip('.')}."
        super().__init__(f"{where}: {problem}. {what_to_do}")
        self.where, self.problem, self.remedy = str(where), problem, remedy

    def __reduce__(self) -> tuple[type[GFSalNetError], tuple[str, str, str]]:
        """Errors travel from worker processes: pickle would otherwise call the class with the message alone."""
        return type(self), (self.where, self.problem, self.remedy)


class RequestError(GFSalNetError):
    """A request that is wrong whatever the files hold: an unknown name, or options that do not go together.

    The command line ends with status 2 for it; for every other `GFSalNetError` with 1.
    """


class SourceError(GFSalNetError):
    """A video, image, folder or camera that cannot be read; of an address no password, token or query is repeated."""

    def __init__(self, where: object, problem: str, remedy: str) -> None:
        shown = shown_url(str(where)) if is_url(str(where)) else without_secrets(str(where))
        super().__init__(shown, without_secrets(problem), remedy)


class OutputError(GFSalNetError):
    """A result that cannot be written."""


class WeightsError(GFSalNetError):
    """An unknown model, or weights that do not fit the architecture they are loaded into."""


class DatasetError(GFSalNetError):
    """A dataset folder that is not what its name promises."""


class RecipeError(GFSalNetError):
    """A training recipe or setting that makes no sense."""


class AreasError(GFSalNetError):
    """A file of areas of interest that makes no sense, or does not fit its video."""
