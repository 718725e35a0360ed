"""Marks for editors: peaks of attention, cuts, spread and split looks, in the formats that editors read."""

from gfsalnet.apply.marks.course import course_of
from gfsalnet.apply.marks.finding import Course, Mark, MarkSettings, find_marks, second_place
from gfsalnet.apply.marks.job import FORMATS, MarksRequest, MarksResult, write_marks
from gfsalnet.apply.marks.timecode import Timebase, nearest_rate

__all__ = [
    "FORMATS",
    "Course",
    "Mark",
    "MarkSettings",
    "MarksRequest",
    "MarksResult",
    "Timebase",
    "course_of",
    "find_marks",
    "nearest_rate",
    "second_place",
    "write_marks",
]
