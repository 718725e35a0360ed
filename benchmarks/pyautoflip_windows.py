"""The crop windows that pyautoflip chooses, for benchmarks/reframe.py: run it where pyautoflip is installed.

    python benchmarks/pyautoflip_windows.py OUTPUT.json METHOD ASPECT VIDEO...

METHOD is `saliency` (its UNISAL) or `detection`. Its faces need a model that InsightFace fetches from the network; here
they are found by the detector of MediaPipe that lies in the package too.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import pyautoflip.core.processor as processor
import pyautoflip.cropping.saliency_cropper as saliency
import pyautoflip.cropping.scene_cropper as scene
import pyautoflip.detection.face_detector as faces
from pyautoflip.detection.mediapipe_face_detector import FaceDetector

windows: list[list[float]] = []


def recorded(process_scene: Any) -> Any:
    def process(*arguments: Any, **named: Any) -> Any:
        found = process_scene(*arguments, **named)
        windows.extend([float(value) for value in window] for window in found)
        return found

    return process


def main() -> None:
    output, method, aspect, *videos = sys.argv[1:]
    faces.FaceDetector = processor.FaceDetector = FaceDetector
    for cropper in (saliency.SaliencyCropper, scene.SceneCropper):
        cropper.process_scene = recorded(cropper.process_scene)
    found: dict[str, Any] = {}
    for video in videos:
        windows.clear()
        wall, cpu = time.perf_counter(), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            one = processor.AutoFlipProcessor(target_aspect_ratio=aspect, detection_method=method)
            one.process_video(video, str(Path(folder) / "out.mp4"))
        found[video] = {
            "windows_xywh": list(windows),  # shares of the frame, one for each frame
            "wall_seconds": time.perf_counter() - wall,
            "cpu_seconds": time.process_time() - cpu,
        }
        Path(output).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
