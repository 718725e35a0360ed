"""The correlation network beside DIS on composed scenes of OSIE, which it was not taught on.

python -m correlation.judge WEIGHTS --data ../shared/data [--scenes 40]
"""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from correlation.network import CELL, CorrelationFlow, Stem
from correlation.pairs import AREA_PIXELS
from safetensors.torch import load_file

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "benchmarks"))
from flow import SIZE_HW, measure, stock_of
from gfsalnet.flow import make_estimator, resize_flow
from gfsalnet.types import RGB, FlowField
from gfsalnet.video import fitted_size_hw
from gfsalnet.video.geometry import resize_rgb


class Correlation:
    """A `FlowEstimator`; in `seconds` what the network itself took, without the stem that saliency needs anyway."""

    name, version = "correlation", "trial"

    def __init__(self, weights: Path, size_hw: tuple[int, int] | None = None) -> None:
        self.stem, self.network, self.size_hw = Stem(), CorrelationFlow(), size_hw
        self.network.load_state_dict(load_file(weights))
        self.seconds: list[float] = []

    def field_size_hw(self, frame_size_hw: tuple[int, int]) -> tuple[int, int]:
        return self.size_hw or fitted_size_hw(frame_size_hw, AREA_PIXELS)

    @torch.no_grad()
    def __call__(self, previous_rgb: RGB, current_rgb: RGB) -> FlowField:
        size_hw = fitted_size_hw(current_rgb.shape[:2], AREA_PIXELS)
        frames = np.stack([resize_rgb(rgb, size_hw) for rgb in (previous_rgb, current_rgb)])
        fine, coarse = self.stem(torch.from_numpy(frames))
        began = time.process_time()
        cells = self.network((fine[:1], coarse[:1]), (fine[1:], coarse[1:]))[0].permute(1, 2, 0).numpy()
        self.seconds.append(time.process_time() - began)
        field = FlowField(CELL * cv2.resize(cells, size_hw[::-1], interpolation=cv2.INTER_LINEAR))
        return resize_flow(field, self.field_size_hw(current_rgb.shape[:2]))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("weights", type=Path)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--scenes", type=int, default=40)
    args = parser.parse_args()
    cv2.setNumThreads(1)
    torch.set_num_threads(1)
    trial = Correlation(args.weights, SIZE_HW)
    estimators = {**{name: make_estimator(name) for name in ("dis-fast", "dis-ultrafast")}, "correlation": trial}
    found = measure(stock_of("osie", [args.data / "osie"], 40), estimators, args.scenes, 0)
    for name, score in found.items():
        print(score.row(name))
    print(f"the network without its stem: {1000 * np.median(trial.seconds):.1f} ms of a pair in PyTorch")


if __name__ == "__main__":
    main()
