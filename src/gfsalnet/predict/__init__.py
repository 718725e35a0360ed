"""The one loop: sources in, results in folders out."""

from gfsalnet.predict.job import predict_source, predict_sources
from gfsalnet.predict.settings import Outcome, Settings

__all__ = ["Outcome", "Settings", "predict_source", "predict_sources"]
