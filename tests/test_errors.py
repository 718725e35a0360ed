"""Errors read as one line and travel between processes."""

from __future__ import annotations

import pickle
from pathlib import Path

from gfsalnet.errors import GFSalNetError, SourceError


def test_an_error_is_one_line_with_a_remedy() -> None:
    assert str(SourceError(Path("a.mp4"), "is empty", "Copy it again.")) == "a.mp4: is empty. Copy it again."
    assert str(SourceError("a.mp4", "is empty", "Copy it again")) == "a.mp4: is empty. Copy it again."
    assert str(SourceError("a.mp4", "is unknown", "Did you mean b?")) == "a.mp4: is unknown. Did you mean b?"


def test_an_error_survives_a_trip_to_another_process() -> None:
    error = pickle.loads(pickle.dumps(SourceError("a.mp4", "is empty", "Copy it again")))
    assert type(error) is SourceError
    assert isinstance(error, GFSalNetError)
    assert (error.where, error.problem, error.remedy) == ("a.mp4", "is empty", "Copy it again")
