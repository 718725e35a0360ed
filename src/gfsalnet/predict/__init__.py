"""The one loop: sources in, results in folders out."""

from gfsalnet.predict.job import Outcome, Settings, predict_source, predict_sources
from gfsalnet.predict.listed import Listed, content_of
from gfsalnet.predict.stored import predictions

__all__ = ["Listed", "Outcome", "Settings", "content_of", "predict_source", "predict_sources", "predictions"]
