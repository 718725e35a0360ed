"""Whether GFSalNet works on this machine, and all that a bug report needs to say of it."""

from __future__ import annotations

from gfsalnet.doctor.examination import examine
from gfsalnet.doctor.finding import Examination, Finding

__all__ = ["Examination", "Finding", "examine"]
