"""Where viewers look in a video: gated fusion of appearance and motion."""

from __future__ import annotations

__version__ = "0.1.0"
