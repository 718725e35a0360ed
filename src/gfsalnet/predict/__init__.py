"""The one loop: sources in, results in folders out; long videos in segments, many sources in many processes."""

from gfsalnet.predict.batch import predict_sources
from gfsalnet.predict.description import Outcome, asked_of_all, identity
from gfsalnet.predict.in_segments import RunSegments, predict_in_segments
from gfsalnet.predict.job import predict_source
from gfsalnet.predict.listed import Listed, content_of
from gfsalnet.predict.pieces import SegmentTask, predict_segment
from gfsalnet.predict.pool import default_workers, predict_in_pool
from gfsalnet.predict.segments import Segment, plan_segments
from gfsalnet.predict.settings import Settings
from gfsalnet.predict.stored import predictions, stored_folder

__all__ = [
    "Listed",
    "Outcome",
    "RunSegments",
    "Segment",
    "SegmentTask",
    "Settings",
    "asked_of_all",
    "content_of",
    "default_workers",
    "identity",
    "plan_segments",
    "predict_in_pool",
    "predict_in_segments",
    "predict_segment",
    "predict_source",
    "predict_sources",
    "predictions",
    "stored_folder",
]
