"""MP4 and MOV: boxes, and the tables of samples in them (ISO/IEC 14496-12)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from gfsalnet.video.structure.base import FileBytes, Structure

_TOP = frozenset(
    b"ftyp styp moov mdat moof free skip wide sidx ssix mfra uuid meta prft emsg pnot udta pdin PICT jP   jp2c".split()
)
_NEEDED = (b"mdhd", b"stsd", b"stts", b"stsc", b"stsz", b"stco")
_INSTEAD = {b"stz2": b"stsz", b"co64": b"stco"}
_CONTAINERS = frozenset({b"trak", b"mdia", b"minf", b"stbl", b"edts", b"moof", b"traf"})
_LARGEST_TABLE = 1 << 27
"""Bytes: more samples than weeks of video have."""
_RUN_OFFSET, _RUN_FIRST_FLAGS, _RUN_FIELDS = 0x1, 0x4, (0x100, 0x200, 0x400, 0x800)
"""Flags of a run of samples: which numbers it has once, and which for each sample: duration, size, flags, delay."""
_RUN_SIZE, _RUN_FLAGS = 0x200, 0x400
_HEAD_FIELDS = {0x1: 8, 0x2: 4, 0x8: 4, 0x10: 4, 0x20: 4}
"""Flags of the head of a fragment's track, and how many bytes each of its fields has; the last two are below."""
_HEAD_SIZE, _HEAD_FLAGS = 0x10, 0x20
_NOT_A_KEY = 0x10000
_PADDING = 8
"""Bytes that may lie between samples and belong to none."""
_NOT_KNOWN = (0, 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF)
_TO_END = 0
_USUAL_CLOCKS, _STEPS_OF_CLOCKS = (600, 1000, 90_000), (25, 48, 999)
"""Ticks per second that most writers give a movie, and numbers one of which divides those of all the others: of round
ones, of sound, and of the rates of television."""


@dataclass(kw_only=True)
class _Track:
    """The boxes of the video's track by name: where their content starts, and how long it is."""

    boxes: dict[bytes, tuple[int, int]] = field(default_factory=dict)


@dataclass(kw_only=True)
class _Fragment:
    """What the lists of a fragment say."""

    number: int
    samples: Counter[int] = field(default_factory=Counter)
    """Number of samples of each track."""
    bytes: int | None = 0
    """Bytes that all samples take; None: the file does not say."""
    begins_with_key: dict[int, bool] = field(default_factory=dict)
    """Whether the first sample of a track is a key frame, where that is said."""


def walk(file: FileBytes, stream: int) -> Structure:
    """Samples of one track by the index, and of the fragments after it."""
    track: _Track | None = None
    timescale, fragmented, in_fragments = 0, False, 0
    at, problem, cut = 0, None, False
    numbers: list[int] = []
    last: _Fragment | None = None
    from_start = False
    tracks: frozenset[int] = frozenset()
    while at < file.size:
        box = _box(file, at, file.size)
        if box is None:
            # A few bytes after the last box are padding; a fragment may begin with zeros as well.
            if at > 0 and (any(file.at(at, 8)) or (numbers and file.size - at < 4)):
                cut = file.size - at < 8
                problem = problem if cut else problem or f"the box at byte {at} has a length that cannot be"
            break
        name, body, end = box
        # A length that is damaged leads into the middle of pictures, where no name is one of MP4's, or to the end.
        if name not in _TOP or (name in (b"moov", b"moof") and file.number(at, 4) == _TO_END):
            problem = problem or f"a box after byte {at} is none that MP4 knows"
            break
        if end > file.size:
            cut = True
        if name == b"moov":
            timescale, fragmented = _movie(file, body, end)
            tracks, track = _find_track(file, body, min(end, file.size), stream)
        elif name == b"moof":
            last = _fragment(file, body, min(end, file.size), tracks)
            numbers.append(_fragment_number(file, body, min(end, file.size)))
            if last is not None:
                from_start |= not in_fragments and last.begins_with_key.get(stream, False)
                in_fragments += last.samples[stream]
            elif not cut:
                problem = problem or f"the lists in fragment {numbers[-1]} do not fit together"
        elif name == b"mdat" and last is not None:
            left_out = end - body - (end - body if last.bytes is None else last.bytes)
            if left_out >= _PADDING and not cut:
                problem = problem or f"the lists of fragment {last.number} leave out {left_out} bytes of its pictures"
            last = None
        at = end
    problem = problem or _missing_fragment(numbers)
    if track is None:
        return Structure(cut=cut, problem=problem)
    listed = _listed(file, track, timescale, fragmented)
    packets = None if listed.packets is None else listed.packets + in_fragments
    # FFmpeg also hides pictures whose times go back; without an edit list nobody else does.
    of_fragments = None if b"elst" in track.boxes else packets
    return Structure(
        packets=packets,
        shown=of_fragments if in_fragments else listed.shown,
        from_start=from_start or listed.from_start,
        open_ended=fragmented,
        cut=cut,
        problem=problem or listed.problem,
    )


def _box(file: FileBytes, at: int, end: int) -> tuple[bytes, int, int] | None:
    """Name, where the content starts, and where the box ends; None where there is no room for one."""
    head = file.at(at, 16)
    if len(head) < 8 or at + 8 > end:
        return None
    length, body = int.from_bytes(head[:4], "big"), at + 8
    if length == 1 and len(head) == 16:
        length, body = int.from_bytes(head[8:], "big"), at + 16
    if length == _TO_END:
        length = end - at
    return None if length < body - at else (head[4:8], body, at + length)


def _boxes(file: FileBytes, at: int, end: int) -> Iterator[tuple[bytes, int, int]]:
    while (box := _box(file, at, end)) is not None and box[2] <= end:
        yield box
        at = box[2]


def _movie(file: FileBytes, at: int, end: int) -> tuple[int, bool]:
    """Ticks per second of the movie, and whether fragments may follow."""
    timescale, fragmented = 0, False
    for name, body, _ in _boxes(file, at, end):
        if name == b"mvhd":
            # Version 1 of these boxes has times of 64 bits before it.
            timescale = file.number(body + (20 if file.number(body, 1) else 12), 4) or 0
        fragmented |= name == b"mvex"
    return timescale, fragmented


def _find_track(file: FileBytes, at: int, end: int, number: int) -> tuple[frozenset[int], _Track | None]:
    """The numbers of all tracks, and the one with `number`."""
    numbers, found = set(), None
    for name, body, after in _boxes(file, at, end):
        if name == b"trak":
            boxes = {_INSTEAD.get(name, name): place for name, place in _inside(file, body, after)}
            if b"tkhd" in boxes:
                start = boxes[b"tkhd"][0]
                own = file.number(start + (20 if file.number(start, 1) else 12), 4) or 0
                numbers.add(own)
                found = _Track(boxes=boxes) if own == number and found is None else found
    return frozenset(numbers), found


def _inside(file: FileBytes, at: int, end: int) -> Iterator[tuple[bytes, tuple[int, int]]]:
    """All boxes inside, those that hold others opened."""
    for name, body, after in _boxes(file, at, end):
        yield name, (body, after - body)
        if name in _CONTAINERS:
            yield from _inside(file, body, after)


def _fragment(file: FileBytes, at: int, end: int, tracks: frozenset[int]) -> _Fragment | None:
    """What a fragment lists; None where its lists cannot be those of `tracks`."""
    found = _Fragment(number=_fragment_number(file, at, end))
    for name, body, after in _boxes(file, at, end):
        if name == b"traf":
            inner = list(_boxes(file, body, after))
            head = next((start for kind, start, _ in inner if kind == b"tfhd"), None)
            track = None if head is None else file.number(head + 4, 4)
            if head is None or track is None or track not in tracks or inner[-1][2] != after:
                return None
            # A fragment may hold runs of several tracks, and several runs of one.
            for kind, start, run_end in inner:
                if kind == b"trun":
                    _add_run(file, found, track, _head_fields(file, head), start, run_end)
    return found


def _head_fields(file: FileBytes, head: int) -> dict[int, int]:
    """What the head of a fragment's track gives for all its samples, by the flags of these numbers."""
    flags, at, given = (file.number(head, 4) or 0) & 0xFFFFFF, head + 8, {}
    for flag, width in _HEAD_FIELDS.items():
        if flags & flag:
            given[flag] = file.number(at, width) or 0
            at += width
    return given


def _add_run(file: FileBytes, found: _Fragment, track: int, given: dict[int, int], start: int, end: int) -> None:
    """Take in a run of samples of a track."""
    flags, count = (file.number(start, 4) or 0) & 0xFFFFFF, file.number(start + 4, 4) or 0
    # Flags and count, then what is there once, then a row for each sample.
    first_flags = start + 8 + (4 if flags & _RUN_OFFSET else 0)
    rows = first_flags + (4 if flags & _RUN_FIRST_FLAGS else 0)
    fields = [flag for flag in _RUN_FIELDS if flags & flag]
    width = 4 * len(fields)
    data = file.at(rows, min(count * width, max(0, end - rows), _LARGEST_TABLE)) if fields else b""
    table = np.frombuffer(data[: len(data) // width * width if fields else 0], ">u4").astype(np.int64)
    columns = dict(zip(fields, table.reshape(-1, len(fields) or 1).T, strict=True)) if fields else {}
    sizes = columns.get(_RUN_SIZE)
    if found.bytes is not None:
        of_run = int(sizes.sum()) if sizes is not None else given[_HEAD_SIZE] * count if _HEAD_SIZE in given else None
        found.bytes = None if of_run is None else found.bytes + of_run
    if count and not found.samples[track]:
        of_first = given.get(_HEAD_FLAGS)
        if flags & _RUN_FIRST_FLAGS:
            of_first = file.number(first_flags, 4)
        elif len(columns.get(_RUN_FLAGS, ())):
            of_first = int(columns[_RUN_FLAGS][0])
        if of_first is not None:
            found.begins_with_key[track] = not of_first & _NOT_A_KEY
    found.samples[track] += count


def _fragment_number(file: FileBytes, at: int, end: int) -> int:
    return next((file.number(body + 4, 4) or 0 for name, body, _ in _boxes(file, at, end) if name == b"mfhd"), 0)


def _missing_fragment(numbers: list[int]) -> str | None:
    """Where the numbers of fragments miss some; those of a file that counts otherwise from its start on say nothing."""
    steps = [after - before for before, after in pairwise(numbers)]
    if steps[:1] == [1] and any(step != 1 for step in steps):
        place = next(index for index, step in enumerate(steps) if step != 1)
        return f"fragment {numbers[place]} is followed by {numbers[place + 1]}"
    return None


def _listed(file: FileBytes, track: _Track, timescale: int, fragmented: bool) -> Structure:
    """What the tables say, held against each other."""
    missing = [name for name in _NEEDED if name not in track.boxes]
    if missing:
        listed = None if b"stsz" in missing else _count(file, track)
        return Structure(packets=listed, shown=listed, problem=f"its index lacks the table {missing[0].decode()}")
    count = _count(file, track)
    durations = _table(file, track, b"stts", 2)
    if fragmented and count == 0:
        return Structure(packets=0)
    chunks, chunk_count = _table(file, track, b"stsc", 3), file.number(track.boxes[b"stco"][0] + 4, 4) or 0
    in_chunks = _samples_in_chunks(chunks, chunk_count)
    in_times = int(durations[:, 0].sum())
    # Three tables count the same samples: sizes, places and times. Where they differ, the index is damaged.
    if not count == in_chunks == in_times:
        problem = f"its index lists {count} pictures, {in_times} times, and room for {in_chunks}"
        # Two that agree are right.
        packets = in_times if in_times == in_chunks else max(count, min(in_chunks, in_times))
        return Structure(packets=packets, problem=problem)
    if count == 0:
        return Structure(packets=0)
    # The fourth is there only where pictures are shown in another order than they are stored in.
    shifts = _table(file, track, b"ctts", 2)
    if b"ctts" in track.boxes and (in_shifts := int(shifts[:, 0].sum())) != count:
        return Structure(
            packets=count, shown=count, problem=f"its index lists {count} pictures, and delays of {in_shifts}"
        )
    shown, denied = _shown(file, track, durations, shifts, timescale)
    if shown is not None and shown < count and _has_delays_elsewhere(file, track, count):
        problem = "the delays of its pictures are in a table that there is not"
        return Structure(packets=count, shown=count, problem=problem)
    keys = _table(file, track, b"stss", 1)  # without it, all are key frames
    from_start = b"stss" not in track.boxes or (len(keys) > 0 and int(keys[0, 0]) == 1)
    return Structure(packets=count, shown=shown, from_start=from_start, problem=denied)


def _has_delays_elsewhere(file: FileBytes, track: _Track, count: int) -> bool:
    """Whether the table of delays seems to have lost its name: one has none, or just that form."""
    if b"ctts" in track.boxes:
        return False
    if any(min(name) < ord(" ") for name in track.boxes):
        return True
    others = [name for name, (_, length) in track.boxes.items() if name not in (*_NEEDED, b"stsh") and length > 8]
    tables = [(track.boxes[name][1], _table(file, track, name, 2)) for name in others]
    return any(length == 8 * len(table) + 8 and int(table[:, 0].sum()) == count for length, table in tables)


def _count(file: FileBytes, track: _Track) -> int:
    """How many samples the table of their sizes has."""
    return file.number(track.boxes[b"stsz"][0] + 8, 4) or 0


def _samples_in_chunks(runs: NDArray[np.int64], chunks: int) -> int:
    """A run says from which chunk on each holds how many samples."""
    if not len(runs):
        return 0
    # A run reaches to the start of the next one; chunks count from 1.
    ends = np.append(runs[1:, 0], chunks + 1)
    return int(((ends - runs[:, 0]) * runs[:, 1]).sum())


def _shown(
    file: FileBytes, track: _Track, durations: NDArray[np.int64], shifts: NDArray[np.int64], movie_scale: int
) -> tuple[int | None, str | None]:
    """How many samples the edit list shows, and what about it cannot be; None where there is no simple one."""
    edits = _edits(file, track)
    scale, length = _media(file, track)
    shown_edits = [edit for edit in edits if edit[1] is not None]
    if len(shown_edits) != 1 or not scale or not movie_scale:
        return None, None
    # The length of an edit is in ticks of the movie, its start in ticks of the track.
    segment, media_time = shown_edits[0][0], shown_edits[0][1] or 0
    starts = np.concatenate([[0], np.cumsum(np.repeat(durations[:, 1], durations[:, 0]))])
    stamps = starts[:-1] + (np.repeat(_signed(shifts[:, 1]), shifts[:, 0]) if len(shifts) else 0)
    until = media_time + segment * scale / movie_scale
    hidden = int(((stamps < media_time) | (stamps >= until + 1)).sum())
    frame = max(1.0, starts[-1] / len(stamps))
    # Some writers count the reordering of the pictures as part of the duration, others do not.
    ends = sorted((float(starts[-1]), float(stamps.max()) + frame))
    start, _ = track.boxes[b"tkhd"]
    track_length = file.number(start + (28 if file.number(start, 1) else 20), 8 if file.number(start, 1) else 4)
    total = sum(length for length, _ in edits)
    # A list that hides pictures is believed only where the durations of track, media and movie allow it.
    contradicts = (
        (length not in _NOT_KNOWN and not ends[0] - np.ptp(stamps - starts[:-1]) - frame <= length <= ends[1] + frame)
        or until > ends[1] + 2 * frame
        or (track_length not in (None, *_NOT_KNOWN) and abs((track_length or 0) - total) > frame * movie_scale / scale)
        or _are_uneven(np.asarray(stamps, np.int64), durations)
        or any(_is_of_other_clock(segment, end - media_time, frame, scale, movie_scale) for end in ends)
    )
    if hidden and contradicts:
        return len(stamps), f"its edit list hides {hidden} pictures, which its durations deny"
    return len(stamps) - hidden, None


def _are_uneven(stamps: NDArray[np.int64], durations: NDArray[np.int64]) -> bool:
    """Whether two pictures are shown at one time, or some are missing in between though all are equally long."""
    steps = np.diff(np.sort(stamps))
    return bool((steps == 0).any() or (len(durations) == 1 and (steps != durations[0, 1]).any()))


def _is_of_other_clock(segment: int, shown: float, frame: float, scale: int, movie_scale: int) -> bool:
    """Whether the movie counts ticks as nobody does, and by a usual clock the edit would show all `shown` ticks."""
    if movie_scale == scale or any(movie_scale % step == 0 for step in _STEPS_OF_CLOCKS):
        return False
    return any(abs(segment * scale / usual - shown) <= frame for usual in _USUAL_CLOCKS)


def _edits(file: FileBytes, track: _Track) -> list[tuple[int, int | None]]:
    """Length in ticks of the movie and start in ticks of the media of each edit; None: it delays what follows."""
    if b"elst" not in track.boxes:
        return []
    start, length = track.boxes[b"elst"]
    version, count = file.number(start, 1) or 0, file.number(start + 4, 4) or 0
    width = 8 if version else 4
    # Never more than the box holds, whatever the count says.
    data = file.at(start + 8, min(length - 8, count * (2 * width + 4)))
    edits: list[tuple[int, int | None]] = []
    for at in range(0, len(data) - 2 * width + 1, 2 * width + 4):
        segment, media = (int.from_bytes(data[at + k * width : at + (k + 1) * width], "big") for k in (0, 1))
        # A start of -1 is an empty edit.
        edits.append((segment, None if media == (1 << 8 * width) - 1 else media))
    return edits


def _media(file: FileBytes, track: _Track) -> tuple[int, int]:
    """Ticks per second, and duration in ticks."""
    start, _ = track.boxes[b"mdhd"]
    version = file.number(start, 1) or 0
    scale = file.number(start + (20 if version else 12), 4) or 0
    return scale, file.number(start + (24 if version else 16), 8 if version else 4) or 0


def _table(file: FileBytes, track: _Track, name: bytes, columns: int) -> NDArray[np.int64]:
    """(N, columns) numbers of 32 bits after a count; as many whole rows as the box holds."""
    if name not in track.boxes:
        return np.zeros((0, columns), np.int64)
    start, length = track.boxes[name]
    rows = min(file.number(start + 4, 4) or 0, max(0, min(length, _LARGEST_TABLE) - 8) // (4 * columns))
    data = file.at(start + 8, rows * 4 * columns)
    return np.frombuffer(data[: len(data) // (4 * columns) * 4 * columns], ">u4").astype(np.int64).reshape(-1, columns)


def _signed(values: NDArray[np.int64]) -> NDArray[np.int64]:
    # Version 0 of the box is unsigned by the standard, yet writers put negative shifts there too.
    return np.where(values >= 1 << 31, values - (1 << 32), values)
