"""Small exports of each maker, written by the formats' descriptions: one viewer looks along a known path."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

SCREEN = (1280, 1024)
VIDEO = (64, 48)  # shown over the display's width: 1280x960 at 0, 32
BEGIN_MS = 2000
COUNT, STEP_MS = 50, 4
TIMES_MS = np.arange(COUNT) * STEP_MS
TRUTH = np.stack([10 + TIMES_MS / 10, 30 - TIMES_MS / 20], axis=1)
"""(50, 2) pixels of the video, from its first frame on."""


def on_display() -> np.ndarray:
    """The path in pixels of the display."""
    return TRUTH * 20 + [0, 32]


def tobii(path: Path, *, decimal: str = ".", people: Sequence[str] = ("P01",), unit: str = "ms") -> Path:
    """Pro Lab's columns; gaze has fractions here, so that a decimal comma matters."""
    headings = ["Recording timestamp [ms]", "Sensor", "Participant name", "Recording name", "Event", "Event value"]
    headings += ["Recording resolution width [px]", "Recording resolution height [px]", "Presented Stimulus name"]
    headings += ["Gaze point X [DACS px]", "Gaze point Y [DACS px]", "Validity left", "Validity right"]
    rows = ["\t".join(headings)]
    factor = {"ms": 1, "us": 1000}[unit]
    for person in people:
        about = f"{person}\tRec1"
        rows.append(f"{(BEGIN_MS - 4) * factor}\tEye Tracker\t{about}\t\t\t1280\t1024\t\t1\t1\tValid\tValid")
        rows.append(f"{BEGIN_MS * factor}\t\t{about}\tVideoStimulusStart\tclip\t1280\t1024\t\t\t\t\t")
        for time, (x, y) in zip(TIMES_MS, on_display(), strict=True):
            point = f"{x:.2f}\t{y:.2f}".replace(".", decimal)
            now = (BEGIN_MS + time) * factor
            rows.append(f"{now}\tEye Tracker\t{about}\t\t\t1280\t1024\tclip\t{point}\tValid\tInvalid")
            rows.append(f"{now}\tMouse\t{about}\t\t\t1280\t1024\tclip\t\t\t\t")
        now = (BEGIN_MS + COUNT * STEP_MS) * factor
        rows.append(f"{now}\tEye Tracker\t{about}\t\t\t1280\t1024\tclip\t5\t5\tInvalid\tInvalid")
    text = "\n".join(rows).replace("[ms]", "[ms]" if unit == "ms" else "[μs]")
    path.write_text(text + "\n", encoding="utf-8-sig")
    return path


def eyelink(path: Path, *, frames: bool = False) -> Path:
    """One trial; with `frames` the video stands at 100, 50 pixel by pixel, and frame messages are its clock."""
    lines = ["** CONVERTED FROM a.edf", "MSG\t1 DISPLAY_COORDS 0 0 1279 1023", f"START\t{BEGIN_MS - 8} \tLEFT\tSAMPLES"]
    lines += ["SAMPLES\tGAZE\tLEFT\tRATE\t 250.00", f"MSG\t{BEGIN_MS + 6} 6 STIM_ONSET"]
    shown = on_display() if not frames else TRUTH + np.array([100, 50])
    number = 0
    for time, (x, y) in zip(TIMES_MS, shown, strict=True):
        while frames and time >= number * 1000 / 30:
            number += 1
            lines.append(f"MSG\t{BEGIN_MS + time + 2} 2 !V VFRAME {number} 100 50 ../clips/clip.mp4")
        lines.append(f"{BEGIN_MS + time}\t  {x:.1f}\t  {y:.1f}\t 900.0\t...")
    now = BEGIN_MS + COUNT * STEP_MS
    lines += [f"{now}\t   .\t   .\t    0.0\t...", f"EFIX L   {BEGIN_MS}\t{BEGIN_MS + 96}\t100\t  500.0\t  400.0\t  900"]
    lines += [f"END\t{now + 1} \tSAMPLES\tEVENTS"]
    path.write_text("\n".join(lines) + "\n")
    return path


def gazepoint(path: Path) -> Path:
    rows = [
        "MEDIA_ID,MEDIA_NAME,CNT,TIME(2026/01/01 10:00:00.000),FPOGX,FPOGY,FPOGS,FPOGD,FPOGID,FPOGV,BPOGX,BPOGY,BPOGV,"
    ]
    rows += [f"0,intro,{i},{i / 250},0.5,0.5,0,{i / 250},1,1,0.5,0.5,1," for i in range(5)]
    for i, (x, y) in enumerate(on_display() / SCREEN):
        rows.append(f"1,clip.avi,{i},{TIMES_MS[i] / 1000:.5f},0.4,0.3,0.1,0.05,2,{i % 2},{x:.6f},{y:.6f},1,")
    rows.append(f"1,clip.avi,99,{COUNT * STEP_MS / 1000:.5f},0.4,0.3,0.1,0.05,2,1,{x:.6f},{y:.6f},0,")
    path.write_text("\r\n".join(rows) + "\r\n")
    return path


def smi(path: Path) -> Path:
    """Samples of the IDF Converter."""
    lines = ["## [iView]", "## Subject:\tP07", "## Calibration Area:\t1280\t1024", "## Sample Rate:\t250"]
    lines += ["Time\tType\tTrial\tL POR X [px]\tL POR Y [px]\tR POR X [px]\tR POR Y [px]"]
    lines += [f"{BEGIN_MS * 1000}\tMSG\t1\t# Message: clip.avi"]
    for time, (x, y) in zip(TIMES_MS, on_display(), strict=True):
        lines.append(f"{(BEGIN_MS + time) * 1000}\tSMP\t1\t{x - 2:.2f}\t{y + 4:.2f}\t{x + 2:.2f}\t{y - 4:.2f}")
    lines.append(f"{(BEGIN_MS + COUNT * STEP_MS) * 1000}\tSMP\t1\t0.00\t0.00\t0.00\t0.00")
    path.write_text("\n".join(lines) + "\n")
    return path


def pupil_core(path: Path) -> Path:
    rows = ["world_timestamp,world_index,gaze_timestamp,x_norm,y_norm,x_scaled,y_scaled,on_surf,confidence"]
    for time, (x, y) in zip(TIMES_MS, TRUTH / VIDEO, strict=True):
        rows.append(f"9,1,{50 + (BEGIN_MS + time) / 1000:.6f},{x:.8f},{1 - y:.8f},0,0,True,0.9")
    rows.append(f"9,1,{50 + (BEGIN_MS + COUNT * STEP_MS) / 1000:.6f},0.5,0.5,0,0,True,0.1")
    path.write_text("\n".join(rows) + "\n")
    (path.parent / "annotations.csv").write_text(f"index,timestamp,label\n1,{50 + BEGIN_MS / 1000:.6f},video\n")
    return path


def pupil_cloud(path: Path) -> Path:
    begin = 1_754_690_236_678_340_946
    rows = ["section id,recording id,timestamp [ns],gaze detected on surface,gaze position on surface x [normalized],"]
    rows[0] += "gaze position on surface y [normalized],fixation id"
    for time, (x, y) in zip(TIMES_MS, TRUTH / VIDEO, strict=True):
        rows.append(f"s1,r1,{begin + int(time) * 10**6},true,{x:.8f},{y:.8f},")
    rows.append(f"s1,r1,{begin + COUNT * STEP_MS * 10**6},false,,,")
    path.write_text("\n".join(rows) + "\n")
    sections = "section id,recording id,recording name,wearer id,wearer name,section start time [ns],start event name"
    path.with_name("sections.csv").write_text(f"{sections}\ns1,r1,morning,w,W1,{begin},video\n")
    return path


def imotions(path: Path) -> Path:
    rows = ["Name\tStimulusName\tSlideType\tEventSource\tTimestamp\tGazeLeftx\tGazeLefty\tGazeRightx\tGazeRighty"]
    rows[0] += "\tValidityLeft\tValidityRight"
    rows.append("A\tclip\tBlackInterslide\tET\t20260101_100001990\t9\t9\t9\t9\t0\t0")
    rows.append("A\tclip\tTestVideo\tFACET\t20260101_100002000\t9\t9\t9\t9\t0\t0")
    for time, (x, y) in zip(TIMES_MS, on_display(), strict=True):
        stamp = f"20260101_100002{time:03d}"
        rows.append(f"A\tclip\tTestVideo\tET|FACET\t{stamp}\t{x:.2f}\t{y:.2f}\t-1\t-1\t0\t4")
        rows.append(f"A\tclip\tTestVideo\tFACET\t{stamp}\t{x:.2f}\t{y:.2f}\t-1\t-1\t0\t4")
    rows.append(f"A\tclip\tTestVideo\tET\t20260101_100002{COUNT * STEP_MS:03d}\t-1\t-1\t-1\t-1\t4\t4")
    path.write_text("\n".join(rows) + "\n")
    return path


def plain(path: Path) -> Path:
    rows = ["who;t;gx;gy;ok"]
    rows += [
        f"A;{(BEGIN_MS + t) / 1000:.3f};{x:.2f};{y:.2f};1".replace(".", ",")
        for t, (x, y) in zip(TIMES_MS, on_display(), strict=True)
    ]
    rows.append(f"A;{(BEGIN_MS + COUNT * STEP_MS) / 1000:.3f};0;0;0".replace(".", ","))
    path.write_text("\n".join(rows) + "\n")
    return path


WRITERS: dict[str, tuple[Callable[[Path], Path], str, list[str]]] = {
    "tobii": (tobii, "export.tsv", []),
    "eyelink": (eyelink, "p1.asc", ["--event", "STIM_ONSET"]),
    "gazepoint": (gazepoint, "User 0_all_gaze.csv", ["--screen", "1280x1024"]),
    "smi": (smi, "p7.txt", []),
    "pupil-core": (pupil_core, "gaze_positions_on_surface_A.csv", ["--event", "video"]),
    "pupil-cloud": (pupil_cloud, "gaze.csv", ["--event", "video"]),
    "imotions": (imotions, "study.txt", ["--screen", "1280x1024"]),
    "csv": (
        plain,
        "mine.csv",
        ["--screen", "1280x1024", "--offset", "0", "--columns", "time=t,x=gx,y=gy,viewer=who,valid=ok"],
    ),
}
"""Vendor → the writer, the name of its file, and the options that it needs."""
