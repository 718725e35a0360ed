"""The one loop: sources in, results in folders out."""

from gfsalnet.predict.job import Outcome, Settings, identity, predict_source, predict_sources
from gfsalnet.predict.listed import Listed, content_of
from gfsalnet.predict.stored import predictions, stored_folder

__all__ = [
    "Listed",
    "Outcome",
    "Settings",
    "content_of",
    "identity",
    "predict_source",
    "predict_sources",
    "predictions",
    "stored_folder",
]
