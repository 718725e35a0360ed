"""The command line: parse, call one function, print. Heavy imports wait inside the commands."""

from __future__ import annotations

from gfsalnet.cli.main import app

__all__ = ["app"]
