from __future__ import annotations

import numpy as np
import pytest

from gfsalnet import score
from gfsalnet.metrics import PROTOCOLS, GroundTruth
from gfsalnet.types import Fixations

RNG = np.random.default_rng(0)
SALIENCY = RNG.random((24, 32))
DENSITY = RNG.random((24, 32))
POINTS = np.array([(3.2, 4.9), (31.0, 23.0), (17.5, 2.0), (40.0, 2.0)])  # the last one lies outside
FIXATION_MAP = np.zeros((24, 32), bool)
FIXATION_MAP[[4, 23, 2], [3, 31, 17]] = True


@pytest.mark.parametrize("protocol", sorted(PROTOCOLS))
def test_points_map_and_fixations_score_alike_and_as_the_protocol_does(protocol: str) -> None:
    truth = GroundTruth(fixation_map_HW=FIXATION_MAP, density_HW=DENSITY)
    expected = PROTOCOLS[protocol].score(SALIENCY, truth)
    fixations = Fixations(x=POINTS[:, 0] * 10, y=POINTS[:, 1] * 10, size_wh=(320, 240))
    for given in (FIXATION_MAP, POINTS, POINTS.tolist(), fixations):
        assert score(SALIENCY, fixations=given, density=DENSITY, protocol=protocol) == expected


def test_only_what_can_be_compared_is_scored() -> None:
    assert list(score(SALIENCY, fixations=POINTS)) == ["auc_judd", "nss"]
    assert list(score(SALIENCY, density=DENSITY)) == ["cc", "sim", "kldiv"]
    assert score(SALIENCY, fixations=POINTS, metrics=["nss"]).keys() == {"nss"}


def test_a_binary_map_of_two_columns_is_told_from_points_by_its_type() -> None:
    saliency = np.array([[0.0, 1.0], [0.2, 0.3]])
    assert score(saliency, fixations=np.array([[False, True], [False, False]]), metrics=["auc_judd"]) == {"auc_judd": 1}
    assert score(saliency, fixations=np.array([[1, 0]]), metrics=["auc_judd"]) == {"auc_judd": 1}


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({}, "at least one map"),
        ({"fixations": np.zeros((5, 3))}, "binary map of the map's size"),
        ({"fixations": POINTS, "protocol": "mitt"}, "there is no protocol"),
        ({"fixations": POINTS, "metrics": ["cc"]}, "density_HW"),
        ({"fixations": [(900, 2), (-1, 0)]}, "none of 2 fixations lies within .* the first is x 900, y 2"),
    ],
)
def test_what_is_wrong_is_said(arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        score(SALIENCY, **arguments)  # type: ignore[arg-type]
