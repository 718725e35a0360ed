"""The one loop: sources in, results in folders out."""

from gfsalnet.predict.job import Outcome, Settings, predict_source, predict_sources

__all__ = ["Outcome", "Settings", "predict_source", "predict_sources"]
