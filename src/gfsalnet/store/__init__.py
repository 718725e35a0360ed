"""Results on disk: claimed by one process at a time, written beside their place, published together, taken up again.

Nothing here knows what is stored. `claimed` keeps other processes away from a result, `ResultFolder` is a folder with
a summary that says of what its outputs are and that can be added to, `made_whole` one that a single run makes.
"""

from gfsalnet.store.claim import Holder, TakenError, claimed, remove_partials
from gfsalnet.store.failures import FAILURES_FILE, note_failures
from gfsalnet.store.folder import SUMMARY_FILE, ResultFolder
from gfsalnet.store.whole import is_made, made_whole

__all__ = [
    "FAILURES_FILE",
    "SUMMARY_FILE",
    "Holder",
    "ResultFolder",
    "TakenError",
    "claimed",
    "is_made",
    "made_whole",
    "note_failures",
    "remove_partials",
]
