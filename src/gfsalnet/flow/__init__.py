"""Optical flow: estimators behind one protocol, the flow image, causal pairs for streams, a cache on disk."""

from __future__ import annotations

from gfsalnet.flow.cache import CachedFlow, flow_folder
from gfsalnet.flow.dis import DISFlow
from gfsalnet.flow.estimator import FlowEstimator, resize_flow, zero_flow
from gfsalnet.flow.farneback import FarnebackFlow
from gfsalnet.flow.flo import read_flo, write_flo
from gfsalnet.flow.image import flow_image, white_image
from gfsalnet.flow.pairs import FlowStream
from gfsalnet.flow.precomputed import PrecomputedFlow
from gfsalnet.flow.pwcnet import PWCNetFlow
from gfsalnet.flow.registry import ESTIMATORS, check_estimator_name, make_estimator

__all__ = [
    "ESTIMATORS",
    "CachedFlow",
    "DISFlow",
    "FarnebackFlow",
    "FlowEstimator",
    "FlowStream",
    "PWCNetFlow",
    "PrecomputedFlow",
    "check_estimator_name",
    "flow_folder",
    "flow_image",
    "make_estimator",
    "read_flo",
    "resize_flow",
    "white_image",
    "write_flo",
    "zero_flow",
]
