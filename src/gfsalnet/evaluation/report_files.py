"""An evaluation as files: tables, every video, every frame."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from gfsalnet.evaluation.means import CONFIDENCE, RESAMPLES, Mean
from gfsalnet.evaluation.report import Report
from gfsalnet.evaluation.scoring import CENTRE_BIAS, LEAVE_ONE_OUT, PREDICTION, PREDICTORS, SPLIT_HALF, UNIFORM
from gfsalnet.evaluation.settings import METRIC_LABELS, EvaluationSettings
from gfsalnet.evaluation.store import REPORT_FILE
from gfsalnet.evaluation.tables import UNDEFINED, Table, with_interval
from gfsalnet.evaluation.truth import NEGATIVE_FRAMES, NEGATIVE_FRAMES_DEFAULT
from gfsalnet.files import output_errors, write_json, written_whole
from gfsalnet.words import counted

MOST_REMARKS = 10
"""The number of remarks on the data that tables show."""


def write_report(report: Report, folder: Path) -> None:
    """Write `report.json`, `report.md`, `report.tex`, `videos.csv` and `frames.csv`.

    Raises:
        OutputError: if one cannot be written.
    """
    tables = report_tables(report)
    header = ["predictor", "video", "frames", *report.metrics]
    write_csv(folder / "videos.csv", header, _video_rows(report))
    write_csv(folder / "frames.csv", ["predictor", "video", "frame_index", *report.metrics], _frame_rows(report))
    write_text(folder / "report.md", f"# {report.name}\n\n" + "\n".join(table.markdown() for table in tables))
    write_text(folder / "report.tex", "\n".join(table.latex() for table in tables))
    # Last: an evaluation counts as finished once it is there.
    write_json(folder / REPORT_FILE, report.as_json())


def write_text(path: Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all.

    Raises:
        OutputError: if it cannot be written.
    """
    with output_errors(path), written_whole(path) as partial:
        partial.write_text(text, encoding="utf-8")


def write_csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a CSV, whole or not at all; floats to their last digit, NaN as an empty cell.

    Raises:
        OutputError: if it cannot be written.
    """
    with output_errors(path), written_whole(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(header)
        writer.writerows(
            ["" if isinstance(value, float) and np.isnan(value) else value for value in row] for row in rows
        )


def _frame_rows(report: Report) -> Iterator[list[object]]:
    for place, predictor in enumerate(PREDICTORS):
        for scores in report.videos:
            # Humans are not scored on every frame: such rows are left out, not written as empty.
            tried = scores.tried[:, place].any(axis=1)
            for index, values in zip(scores.frame_index[tried], scores.scores[tried, place], strict=True):
                yield [report.label(predictor), scores.video, int(index), *values.tolist()]


def _video_rows(report: Report) -> Iterator[list[object]]:
    for place, predictor in enumerate(PREDICTORS):
        for scores in report.videos:
            frames = int(scores.tried[:, place].any(axis=1).sum())
            if frames:
                columns = scores.scores[:, place].T
                means = [float(np.mean(c[~np.isnan(c)])) if (~np.isnan(c)).any() else float("nan") for c in columns]
                yield [report.label(predictor), scores.video, frames, *means]


def report_tables(report: Report) -> list[Table]:
    """Tables of per-video means and pooled-frame means, with notes on everything needed to compare them."""
    about = report.request["dataset"]
    caption = f"{report.name} on {about['name']} {about['split']}, protocol {report.request['settings']['protocol']}"
    notes = [*_notes_on_data(report), *_notes_on_rows(report)]
    # One table: the two means would be the same numbers under two headings.
    if report.frames == len(report.videos):
        caption = f"{caption}: mean over pictures (of one frame each: per-video and pooled means are the same)"
        return [_table(report, caption, per_video=True, notes=notes)]
    return [
        _table(report, f"{caption}: mean over videos of each video's mean", per_video=True, notes=[]),
        _table(report, f"{caption}: mean over all frames", per_video=False, notes=notes),
    ]


def _table(report: Report, caption: str, *, per_video: bool, notes: Sequence[str]) -> Table:
    rows = []
    for row in report.rows:
        means = row.per_video if per_video else row.pooled
        cells = [_mean(means.get(metric)) for metric in report.metrics]
        rows.append([report.label(row.predictor), str(row.videos if per_video else row.frames), *cells])
    columns = ["", "videos" if per_video else "frames", *(METRIC_LABELS[metric] for metric in report.metrics)]
    # A rule above and below the model: floor, model, ceiling.
    place = [row.predictor for row in report.rows].index(PREDICTION)
    return Table(caption=caption, columns=columns, rows=rows, notes=notes, rules_before=(place, place + 1))


def _mean(mean: Mean | None) -> str:
    return UNDEFINED if mean is None else with_interval(mean.value, mean.low, mean.high)


def _notes_on_data(report: Report) -> list[str]:
    settings = EvaluationSettings(**{**report.request["settings"], "metrics": report.metrics})
    protocol, sigmas = settings.definition, report.sigmas_pixels
    sigma = f"{sigmas[0]:.4g}" if sigmas[0] == sigmas[1] else f"{sigmas[0]:.4g} to {sigmas[1]:.4g}"
    dropped = [f"{count} {reason}" for reason, count in report.dropped.items()]
    undefined = [
        f"{METRIC_LABELS[metric].split()[0]} of {report.label(row.predictor)} on {mean.undefined}"
        for row in report.rows
        for metric, mean in row.pooled.items()
        if mean.undefined and row.predictor != UNIFORM
    ]
    skipped = [f"{len(report.failed)} failed"] * bool(report.failed)
    skipped += [f"{len(report.without_frames)} without a frame to score"] * bool(report.without_frames)
    return [
        f"Scored: {counted(report.frames, 'frame')} of {counted(len(report.videos), 'video')}. "
        f"Frames left out, for all rows alike: {'; '.join(dropped) or 'none'}. "
        f"Videos left out: {'; '.join(skipped) or 'none'}.",
        f"Protocol {protocol.name}: {protocol.source}. Maps are resized to the ground truth: {protocol.resize_rule}.",
        f"Ground truth: Gaussian σ {sigma} pixels of the picture, or the dataset's own density maps; "
        f"pictures {_sizes(report, 'picture')}, scored at {_sizes(report, 'scored')}, maps {_sizes(report, 'map')} "
        "(width × height).",
        note_on_intervals([mean for row in report.rows for mean in row.per_video.values()], f"seed {settings.seed}"),
        f"Undefined, and left out of the mean: {'; '.join(undefined) or 'none'} (frames).",
        *notes_on_maps(report),
        *report.remarks[:MOST_REMARKS],
        *[f"and {len(report.remarks) - MOST_REMARKS} more notes, see {REPORT_FILE}"]
        * (len(report.remarks) > MOST_REMARKS),
    ]


def note_on_intervals(means: Iterable[Mean], how: str) -> str:
    """A note on the intervals in brackets, or on why there are none."""
    if all(np.isnan(mean.low) for mean in means):
        return "No intervals: the bootstrap over videos needs two videos or more."
    return f"In brackets: {CONFIDENCE:.0%} percentile bootstrap over videos, {RESAMPLES} resamples, {how}."


def notes_on_maps(report: Report) -> list[str]:
    """Notes on maps that make metrics undefined: constant ones have no ranking and no standard deviation."""
    constant, black = (sum(getattr(v, f"{kind}_maps") for v in report.videos) for kind in ("constant", "black"))
    undefined = dict[int, list[str]]()
    for metric, mean in report.prediction.pooled.items() if report.prediction else ():
        if mean.undefined:
            undefined.setdefault(mean.undefined, []).append(METRIC_LABELS[metric].split()[0])
    notes = []
    if constant:
        which = f" ({black} of them all 0)" if black else ""
        notes.append(f"{constant} of {counted(report.frames, 'map')} hold one value everywhere{which}")
    if undefined:
        metrics = "; ".join(f"{', '.join(names)} on {counted(frames, 'frame')}" for frames, names in undefined.items())
        notes.append(f"undefined for {report.name}, and left out of its means: {metrics} of {report.frames}")
    return notes


def _sizes(report: Report, which: str) -> str:
    sizes = [f"{width} × {height}" for height, width in report.sizes_hw(which)]
    return ", ".join(sizes[:3]) + (f" and {len(sizes) - 3} more" if len(sizes) > 3 else "")


def _notes_on_rows(report: Report) -> list[str]:
    there = {row.predictor for row in report.rows}
    protocol = report.request["settings"]["protocol"]
    frames = NEGATIVE_FRAMES.get(protocol, NEGATIVE_FRAMES_DEFAULT)
    negatives = "all pooled frames" if frames is None else f"{frames} random frames"
    said = {
        UNIFORM: "uniform: a constant map. Metrics that rank or standardise values are undefined for it; chance is "
        "AUC 0.5, NSS 0, CC 0.",
        CENTRE_BIAS: "centre bias: the mean density of the other videos of the split (leave one out), same σ.",
        SPLIT_HALF: "humans, split half: one random half of a frame's viewers, blurred by the same σ, scored on the "
        "other half; noisier on both sides than the model's row, so a model can pass it.",
        LEAVE_ONE_OUT: "humans, leave one viewer out: all other viewers of the frame, blurred by the same σ, scored on "
        "the fixations of the one; mean over viewers. Only metrics on fixations: one viewer makes no density.",
    }
    notes = [note for predictor, note in said.items() if predictor in there]
    if CENTRE_BIAS not in there:
        notes.append("The split has one video: there is no centre bias, and IG and s-AUC are undefined.")
    elif "auc_shuffled" in report.metrics:
        notes.append(f"s-AUC: negatives are the fixations on {negatives} of other videos.")
    if LEAVE_ONE_OUT not in there and report.request["settings"]["humans_every"]:
        notes.append("No ceiling: the dataset does not say which viewer each fixation is of.")
    return notes
