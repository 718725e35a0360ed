"""Pictures that are missing by the order numbers in their own headers, where no container counts them.

Each picture says at which place it is shown, counted from a key frame or the start of a group. A place without a
picture is a picture that was lost; what followed the last one of a group, nobody knows.

MPEG-2: ITU-T H.262, 6.2.3. H.264: ITU-T H.264, 7.3.2.1, 7.3.2.2, 7.3.3 and 8.2.1. HEVC: ITU-T H.265, 7.3.2.2, 7.3.2.3,
7.3.6.1 and 8.3.1.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import NamedTuple

_START = b"\0\0\1"
_HOLE = re.compile(rb"\x00{4,}[^\x00\x01]")
"""Zeros within a unit, where encoders keep them apart: something else was there."""
_HEADER_BYTES = 400
"""More than the parameters of a stream or the header of a slice take."""
_LARGEST_GAP = 64
"""Pictures: a longer gap is a number that is damaged, not so many pictures."""
_USUAL_SHARE = 1 / 3
"""Encoders that leave out numbers themselves do so all the time."""


class Place(NamedTuple):
    """Where a picture is shown."""

    low_bits: int
    """Low bits of its order number."""
    bits: int
    """How many."""
    starts: bool
    """Whether numbers are counted anew from here on."""
    leads: bool
    """Whether later pictures count from its number."""


class PictureOrder(ABC):
    """Follows the pictures of one stream; made by `order_of`."""

    def __init__(self) -> None:
        self.seen = self._strange = 0
        """How many pictures came, and how often there was in them what no encoder writes."""
        self.has_headers_first = False
        """Whether the parameters of the stream come with its first picture, as where an encoder starts."""
        self._group: set[int] = set()
        """Order numbers since they were last counted anew."""
        self._before = 0
        self._groups = self._lost_starts = 0
        self._steps: Counter[int] = Counter()
        """How far it is from one number to the next, in all groups before."""

    def saw(self, packet: bytes) -> None:
        """Note one coded picture, in the order of decoding; one whose header cannot be read is not counted."""
        self.seen += 1
        units = [unit for unit in _units(packet) if unit]
        self._strange += sum(self._is_strange(unit) for unit in units) + bool(_HOLE.search(packet))
        try:
            place = self._place(units)
        except (IndexError, KeyError):  # the header ends too early, or belongs to parameters that never came
            return
        if place is not None:
            self._note(place)

    @property
    def is_broken(self) -> bool:
        """Whether there is in them what no encoder writes."""
        return self._strange > 0

    def expected(self) -> int | None:
        """How many pictures there are between the first and the last one of each group; None if nobody can tell."""
        steps = self._steps + _steps_of(self._group)
        groups = self._groups + bool(self._group)
        found = groups + steps.total() - self._lost_starts
        # Many encoders count by twos.
        unit = max(steps, key=steps.__getitem__, default=1)
        places = {step: max(1, round(step / unit)) for step in steps}
        missing = sum((places[step] - 1) * count for step, count in steps.items() if places[step] <= _LARGEST_GAP)
        missing += self._lost_starts
        # Numbers that are damaged themselves, or not one for each picture, prove nothing.
        return found + missing if found and missing <= _USUAL_SHARE * self.seen else None

    @abstractmethod
    def _place(self, units: list[bytes]) -> Place | None:
        """Where the picture in a packet is shown; None if it does not say."""

    @abstractmethod
    def _is_strange(self, unit: bytes) -> bool:
        """Whether no encoder writes such a unit."""

    def _note(self, place: Place) -> None:
        number = place.low_bits if place.starts else _next_to(self._before, place)
        if place.starts or number in self._group:
            self._steps += _steps_of(self._group)
            self._groups += bool(self._group)
            self._group = set()
        if not place.starts and not self._group and self._groups:
            # No place is taken twice: another group has begun, whose first picture is lost.
            number = _next_to(0, place)
            self._lost_starts += number != 0
            self._group = {0}
        self._group.add(number)
        if place.leads:
            self._before = number


def _next_to(before: int, place: Place) -> int:
    """The number with the low bits of a place that is next to that of another picture."""
    period = 1 << place.bits
    return place.low_bits + (before - place.low_bits + period // 2) // period * period


def order_of(codec: str) -> PictureOrder | None:
    """What follows the pictures of a codec, by FFmpeg's name; None for codecs without such numbers."""
    followed: dict[str, Callable[[], PictureOrder]] = {
        "h264": _H264,
        "hevc": _HEVC,
        "mpeg1video": _MPEG2,
        "mpeg2video": _MPEG2,
    }
    return followed[codec]() if codec in followed else None


def _steps_of(numbers: set[int]) -> Counter[int]:
    return Counter(after - before for before, after in pairwise(sorted(numbers)))


def _units(packet: bytes) -> Iterator[bytes]:
    """The NAL units of a packet with start codes, each up to what may be a header."""
    at = packet.find(_START)
    while at >= 0:
        after = packet.find(_START, at + 3)
        end = min(at + 3 + _HEADER_BYTES, len(packet) if after < 0 else after)
        # Bytes that keep start codes out of the content.
        yield packet[at + 3 : end].replace(b"\0\0\3", b"\0\0")
        at = after


class _Bits:
    """Bits of a header, the first one first; IndexError at the end."""

    def __init__(self, data: bytes, skip_bytes: int) -> None:
        self._data, self._at = data, 8 * skip_bytes

    def flag(self) -> int:
        """One bit."""
        bit = self._data[self._at >> 3] >> (7 - (self._at & 7)) & 1
        self._at += 1
        return bit

    def number(self, bits: int) -> int:
        """An unsigned number."""
        value = 0
        for _ in range(bits):
            value = 2 * value + self.flag()
        return value

    def golomb(self) -> int:
        """An unsigned number as an Exp-Golomb code."""
        zeros = 0
        while not self.flag():
            zeros += 1
        return (1 << zeros) - 1 + self.number(zeros)

    def skip_golomb(self, count: int) -> None:
        """Pass over so many of them, signed or not."""
        for _ in range(count):
            self.golomb()


class _MPEG2(PictureOrder):
    """MPEG-1 and MPEG-2; the two fields of a frame come together and have one number."""

    _PICTURE, _STREAM, _GROUP = 0x00, 0xB3, 0xB8
    _STRANGE = frozenset({0xB0, 0xB1, 0xB4, 0xB6, *range(0xB9, 0x100)})
    """Reserved, of the layers above, or the mark of an error."""

    def _place(self, units: list[bytes]) -> Place | None:
        starts = False
        for unit in units:
            if unit[0] == self._PICTURE:
                return Place(_Bits(unit, 1).number(10), 10, starts=starts, leads=True)
            self.has_headers_first |= unit[0] == self._STREAM and self.seen == 1
            starts |= unit[0] == self._GROUP
        return None

    def _is_strange(self, unit: bytes) -> bool:
        return unit[0] in self._STRANGE


class _H264(PictureOrder):
    """Frames; fields, which come two to a frame, and the rare other ways to count are not followed."""

    _SLICE, _KEY_SLICE, _STREAM, _PICTURE = 1, 5, 7, 8
    _WITH_CHROMA = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})

    _STRANGE = frozenset({0, *range(22, 32)})

    class _Parameters(NamedTuple):
        frame_bits: int
        order_bits: int | None
        """None where pictures are shown as they are coded: then the numbers of frames count them."""
        has_planes: bool

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[int, _H264._Parameters | None] = {}
        self._pictures: dict[int, int] = {}
        self._key: int | None = None
        """The number of the picture before among key frames, if it is one."""
        self._key_pairs = self._repeated_keys = 0

    def _place(self, units: list[bytes]) -> Place | None:
        for unit in units:
            kind = unit[0] & 0x1F
            if kind == self._STREAM:
                self.has_headers_first |= self.seen == 1
                self._note_stream(unit)
            elif kind == self._PICTURE:
                bits = _Bits(unit, 1)
                self._pictures[bits.golomb()] = bits.golomb()
            elif kind in (self._SLICE, self._KEY_SLICE):
                return self._place_of_slice(unit, is_key=kind == self._KEY_SLICE)
        return None

    def _is_strange(self, unit: bytes) -> bool:
        return unit[0] > 0x7F or unit[0] & 0x1F in self._STRANGE

    @property
    def is_broken(self) -> bool:
        """Whether there is in them what no encoder writes, or two key frames in a row are numbered as one."""
        return super().is_broken or 0 < self._repeated_keys <= _USUAL_SHARE * self._key_pairs

    def _place_of_slice(self, unit: bytes, *, is_key: bool) -> Place | None:
        bits = _Bits(unit, 1)
        # first_mb_in_slice and slice_type.
        bits.skip_golomb(2)
        stream = self._streams[self._pictures[bits.golomb()]]
        if stream is None:
            return None
        # colour_plane_id, which is there only with separate planes.
        bits.number(2 * stream.has_planes)
        low, width, is_reference = bits.number(stream.frame_bits), stream.frame_bits, unit[0] & 0x60 > 0
        self._note_key(bits.golomb() if is_key else None)
        if stream.order_bits is None:
            # The number of a picture that none refers to is also that of the next one.
            return Place(low, width, starts=is_key, leads=True) if is_reference else None
        return Place(bits.number(stream.order_bits), stream.order_bits, starts=is_key, leads=is_reference)

    def _note_key(self, number: int | None) -> None:
        """Note the idr_pic_id of a picture: two key frames in a row differ in it, unless one between is lost."""
        if number is not None and self._key is not None:
            self._key_pairs += 1
            self._repeated_keys += number == self._key
        self._key = number

    def _note_stream(self, unit: bytes) -> None:
        # After the unit's own header: profile_idc, constraint flags, level_idc.
        bits, profile = _Bits(unit, 4), unit[1]
        number, has_planes = bits.golomb(), False
        if profile in self._WITH_CHROMA:
            chroma = bits.golomb()
            has_planes = chroma == 3 and bool(bits.flag())
            # Both bit depths, and the flag of lossless transforms.
            bits.skip_golomb(2)
            bits.flag()
            if bits.flag():
                self._skip_scaling(bits, 8 if chroma != 3 else 12)
        # log2_max_frame_num_minus4, pic_order_cnt_type and log2_max_pic_order_cnt_lsb_minus4.
        frame_bits, counting = bits.golomb() + 4, bits.golomb()
        order_bits = bits.golomb() + 4 if counting == 0 else None
        bits.golomb()
        # Between max_num_ref_frames and the size in macroblocks stands gaps_in_frame_num_allowed_flag.
        has_gaps = bits.flag()
        bits.skip_golomb(2)
        # frame_mbs_only_flag: no fields.
        is_followed = bits.flag() and (counting == 0 or (counting == 2 and not has_gaps))
        self._streams[number] = self._Parameters(frame_bits, order_bits, has_planes) if is_followed else None

    @staticmethod
    def _skip_scaling(bits: _Bits, lists: int) -> None:
        for index in range(lists):
            if not bits.flag():
                continue
            last = following = 8
            for _ in range(16 if index < 6 else 64):
                if following:
                    # A signed Exp-Golomb code: 1, -1, 2, -2, …
                    code = bits.golomb()
                    following = (last + (code + 1) // 2 * (1 if code % 2 else -1)) % 256
                last = following or last


class _HEVC(PictureOrder):
    """Pictures of all temporal layers."""

    _LAST_SLICE, _FIRST_KEY, _LAST_KEY, _STREAM, _PICTURE = 9, 16, 23, 33, 34
    _IDR = (19, 20)
    _BROKEN_LINK = (16, 17, 18)
    _LEADING = range(6, 10)
    _LAST_OF_LAYERS = 15
    _STRANGE = frozenset({*range(10, 16), *range(22, 32), *range(41, 48)})
    """Reserved; those from 48 on are used by Dolby Vision."""

    class _Parameters(NamedTuple):
        order_bits: int
        has_planes: bool

    def __init__(self) -> None:
        super().__init__()
        self._streams: dict[int, _HEVC._Parameters] = {}
        self._pictures: dict[int, tuple[int, int, int]] = {}

    def _place(self, units: list[bytes]) -> Place | None:
        for unit in units:
            kind = unit[0] >> 1 & 0x3F
            if kind == self._STREAM:
                self.has_headers_first |= self.seen == 1
                self._note_stream(unit)
            elif kind == self._PICTURE:
                bits = _Bits(unit, 2)
                number, stream = bits.golomb(), bits.golomb()
                bits.flag()
                self._pictures[number] = (stream, bits.flag(), bits.number(3))
            elif kind <= self._LAST_SLICE or self._FIRST_KEY <= kind <= self._LAST_KEY:
                return self._place_of_slice(unit, kind)
        return None

    def _is_strange(self, unit: bytes) -> bool:
        return unit[0] > 0x7F or unit[0] >> 1 in self._STRANGE

    def _place_of_slice(self, unit: bytes, kind: int) -> Place | None:
        bits, layer = _Bits(unit, 2), (unit[1] & 7) - 1
        if not bits.flag():  # not the first slice of a picture
            return None
        # no_output_of_prior_pics_flag.
        if kind >= self._FIRST_KEY:
            bits.flag()
        number, has_output, extra_bits = self._pictures[bits.golomb()]
        stream = self._streams[number]
        # Reserved bits, slice_type, pic_output_flag and colour_plane_id, of which the last two may be left out.
        bits.number(extra_bits)
        bits.golomb()
        bits.number(has_output + 2 * stream.has_planes)
        starts = kind in self._IDR
        low = 0 if starts else bits.number(stream.order_bits)
        # Sub-layer pictures that nobody refers to have even numbers up to 14.
        is_reference = kind > self._LAST_OF_LAYERS or kind % 2 == 1
        leads = layer == 0 and is_reference and kind not in self._LEADING
        return Place(low, stream.order_bits, starts=starts or kind in self._BROKEN_LINK, leads=leads)

    def _note_stream(self, unit: bytes) -> None:
        bits = _Bits(unit, 2)
        bits.number(4)
        # sps_max_sub_layers_minus1; before it the number of the video parameter set.
        layers = bits.number(3)
        bits.flag()
        bits.number(88 + 8)  # profile and level
        present = [(bits.flag(), bits.flag()) for _ in range(layers)]
        # Two reserved bits fill up for every layer that there is not.
        bits.number(2 * (8 - layers) if layers else 0)
        bits.number(sum(88 * profile + 8 * level for profile, level in present))
        number, chroma = bits.golomb(), bits.golomb()
        has_planes = chroma == 3 and bool(bits.flag())
        bits.skip_golomb(2)
        if bits.flag():
            bits.skip_golomb(4)
        bits.skip_golomb(2)
        self._streams[number] = self._Parameters(bits.golomb() + 4, has_planes)
