"""Results on disk: claimed by one process at a time, written beside their place, published together, taken up again.

Nothing here knows what is stored. `claimed` keeps other processes away from a result, `ResultFolder` is a folder with
a summary that says of what its outputs are.
"""

from gfsalnet.store.claim import Holder, TakenError, claimed, remove_partials
from gfsalnet.store.folder import ResultFolder

__all__ = ["Holder", "ResultFolder", "TakenError", "claimed", "remove_partials"]
