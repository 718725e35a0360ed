"""A folder of outputs and the summary that says of what they are."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import Any

from gfsalnet.errors import OutputError
from gfsalnet.files import is_partial, output_errors, partial_name, publish, remove, write_json
from gfsalnet.formats.texts import read_json_object
from gfsalnet.store.claim import CLAIM_FILE, claimed

SUMMARY_FILE = "summary.json"


class ResultFolder:
    """Outputs, and a summary without which they count as not made.

    The order is what keeps them together: outputs are written to a hidden folder; when all are complete the old summary
    is removed, the outputs get their names, and the new summary is written. Whatever stops the process, there is never
    a summary beside outputs that it does not describe.

    Args:
        path: of the folder, which need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def summary(self) -> dict[str, Any] | None:
        """What an earlier run wrote last of all; None if the folder is not finished."""
        try:
            return read_json_object(self.path / SUMMARY_FILE, OutputError)
        except OutputError:
            return None

    def is_free(self, ours: Collection[str]) -> bool:
        """Whether the folder can be used although it has no summary.

        Args:
            ours: names of outputs, which an earlier run may have left; beside anything else nothing is written.
        """
        try:
            names = os.listdir(self.path)
        except OSError:
            # There it is a file, or a folder that is not for us. Where nothing is, another name would fare no better:
            # whoever claims the folder is told what is in the way.
            return not os.path.lexists(self.path)
        return all(name in ours or name == CLAIM_FILE or is_partial(name) for name in names)

    def claimed(self, work: str) -> AbstractContextManager[None]:
        """Be the only one who writes to the folder: see `gfsalnet.store.claimed`."""
        return claimed(self.path, work, inside=True)

    @contextmanager
    def outputs(self, ours: Collection[str], keep: Collection[str] = ()) -> Iterator[Path]:
        """A hidden folder to write outputs to: at the end of the block they get their places, all or none of them.

        Errors name the place that an output was meant for. Call `finish` afterwards.

        Args:
            ours: names of all outputs there can be: those that are neither made nor kept are removed, they are of
                another run.
            keep: names of outputs that stay as they are.

        Raises:
            OutputError: if something cannot be written.
        """
        # Inside the folder, and so on the same disk: giving the outputs their names is a rename and no copy.
        partial = self.path / partial_name(self.path / "outputs")
        try:
            with output_errors(self.path):
                partial.mkdir()
            try:
                yield partial
            except OutputError as error:
                where = error.where.replace(str(partial), str(self.path))
                raise OutputError(where, error.problem, error.remedy) from error
            with output_errors(self.path):
                made = {path.name: path for path in sorted(partial.iterdir())}
                self._publish(made, stale=set(ours) - set(keep) - set(made))
        finally:
            with suppress(OSError):
                remove(partial)

    def _publish(self, made: Mapping[str, Path], stale: Collection[str]) -> None:
        # First of all, see the class: from here to `finish` the folder counts as not made.
        (self.path / SUMMARY_FILE).unlink(missing_ok=True)
        for name in stale:
            remove(self.path / name)
        for name, output in made.items():
            publish(output, self.path / name)

    def finish(self, summary: Mapping[str, Any]) -> None:
        """Write the summary: from now on the folder is finished.

        Raises:
            OutputError: if it cannot be written.
        """
        write_json(self.path / SUMMARY_FILE, summary)

    def names(self) -> list[str]:
        """The names of all that lies in the folder, sorted, but for what is hidden and the summary."""
        return sorted(p.name for p in self.path.iterdir() if not p.name.startswith(".") and p.name != SUMMARY_FILE)
