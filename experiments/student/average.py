"""Average a trained network with the one that it went on from, weights and readings: it keeps more of what that knew.

    python -m student.average runs/on/last src/gfsalnet/models/weights/gfsalnet-mobile --share 0.6 --output FOLDER

Wortsman et al., "Robust fine-tuning of zero-shot models", 2022. `start.appearance_share` of a recipe does the same with
the start of one run; this does it over several.
"""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import Any

import numpy as np

from gfsalnet.network.weights import load_network, save_network


def averaged_reading(one: dict[str, Any], other: dict[str, Any], share: float) -> dict[str, Any]:
    """The first's reading, with the mean of both temperatures (in the logarithm) and centres."""
    temperature = math.exp(share * math.log(one["temperature"]) + (1 - share) * math.log(other["temperature"]))
    centre = share * np.array(one["centre"]) + (1 - share) * np.array(other["centre"])
    return {**one, "temperature": round(temperature, 4), "centre": centre.round(3).tolist()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("one", type=Path)
    parser.add_argument("other", type=Path)
    parser.add_argument("--share", type=float, required=True, help="of the first, 0 to 1")
    parser.add_argument("--output", type=Path, required=True)
    args = parser.parse_args()
    (network, about), (other, about_other) = load_network(args.one), load_network(args.other)
    theirs = other.state_dict()
    # The batch-norms of both are absorbed, so that a mean of weights is one of kernels that mean the same.
    network.load_state_dict({k: args.share * v + (1 - args.share) * theirs[k] for k, v in network.state_dict().items()})
    over_time = about["over_time"]
    for kind in ("still", "video"):
        over_time[kind] = averaged_reading(over_time[kind], about_other["over_time"][kind], args.share)
    save_network(args.output, network, about)


if __name__ == "__main__":
    main()
