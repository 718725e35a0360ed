"""Tables in the dialects that people save, exports of eye trackers, and names that are written otherwise."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from gfsalnet.errors import DatasetError
from gfsalnet.gaze import open_dataset
from gfsalnet.gaze.exports import program_of
from gfsalnet.gaze.names import NameIndex, find_folder

PLAIN = "video,subject,frame,x,y\nclip,Müller,0,1.5,2\nclip,Müller,1,3,4.25\n"


@pytest.fixture
def videos(tmp_path: Path, write_video) -> Path:
    write_video(tmp_path / "videos" / "clip.mp4", 3, rate=10)
    return tmp_path


def read(root: Path, content: bytes) -> list[tuple[int, float, float]]:
    (root / "fixations.csv").write_bytes(content)
    gaze = open_dataset("folder", root).gaze("clip")
    return [(item.index, float(item.fixations.x[0]), float(item.fixations.y[0])) for item in gaze]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("latin-1"),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode("utf-16"),
        PLAIN.replace(",", ";").replace(".", ",").encode(),
        PLAIN.replace("1.5", '"1,5"').replace("4.25", '"4,25"').encode(),
        PLAIN.replace("\n", ",\n").encode(),
        PLAIN.replace("\n", "\n\n,,,,\n").encode(),
        ("sep=;\n" + PLAIN.replace(",", ";")).encode(),
        PLAIN.replace("video,subject,frame,x,y", "Video, Subject ,FRAME,X,Y").encode(),
        PLAIN.replace("clip", " clip.MP4").encode(),
    ],
)
def test_dialects(videos: Path, content: bytes) -> None:
    assert read(videos, content) == [(0, 1.5, 2), (1, 3, 4.25)]


@pytest.mark.parametrize("missing", ["", ".", "NA", "n/a", "NaN", "nan", "NULL", "-", "None", "#N/A"])
def test_missing_values_are_missing_and_not_0(videos: Path, missing: str) -> None:
    lines = [
        "video,frame,x,y,duration_ms",
        f"clip,0,{missing},{missing},100",
        f"clip,1,3,{missing},100",
        "clip,2,3,4,100",
    ]
    assert read(videos, "\n".join(lines).encode()) == [(2, 3, 4)]
    assert open_dataset("folder", videos).remarks() == ["rows of the table without x or y, left out: 2"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (("video,frame,x,y", "clip,0,1,1", "clip,1,left,1"), r"row 3: x holds something else than numbers: 'left'"),
        (("video,frame,x,y", "", "clip,0,1,1", "clip,NA,1,1"), r"row 4: a value of frame is missing"),
        (("video,frame,x,y", "clip,-2,1,1"), r"row 2: a value of frame is missing or negative: it is negative \(-2\)"),
        (("video,frame,x,y", "clip,0,1,5,1"), r"row 2 has 5 fields, the first 4.* decimal commas need semicolons"),
        (("video;frame;x;y", "clip;0;1,234;1", "clip;1;1.5;1"), r"row 2: x is '1,234', while other rows have decimal"),
        (("video,frame,x,y", "clip,0,1e39,1"), r"row 2: x is '1e39', which is no position"),
        (("video,frame,x,y", "clip,0,inf,1"), r"row 2: x is 'inf', which is no position"),
        (("video,frame,x,y", ",0,1,1"), r"row 2: video is empty"),
        (("video,frame,x,X,y", "clip,0,1,1,1"), r"two columns x"),
        (("video,frame,px,py", "clip,0,1,1"), r"lacks the column x, y; it has video, frame, px, py"),
        (("video,frame,x,y", 'clip,0,"1,1'), r"row 2: not a readable CSV file"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_row(videos: Path, lines: tuple[str, ...], message: str) -> None:
    with pytest.raises(DatasetError, match=message) as caught:
        read(videos, "\n".join(lines).encode())
    assert "np.str_" not in str(caught.value)


@pytest.mark.parametrize(
    ("head", "program"),
    [
        ("Recording timestamp\tParticipant name\tFixation point X\tFixation point Y\n", "Tobii Pro Lab"),
        ("Timestamp\tGazePointXLeft\tGazePointYLeft\tMediaPosX\n", "Tobii Studio"),
        ("id,start_timestamp,duration,norm_pos_x,norm_pos_y\n", "Pupil Player (Pupil Labs)"),
        ("section id,recording id,timestamp [ns],gaze x [px],gaze y [px]\n", "Pupil Cloud (Pupil Labs)"),
        ("MEDIA_ID,MEDIA_NAME,CNT,TIME(2022/09/19),FPOGX,FPOGY,FPOGV,\n", "Gazepoint Analysis"),
        ("** CONVERTED FROM x.edf using edfapi\n", "EyeLink (SR Research, the ASC of edf2asc)"),
        ("RECORDING_SESSION_LABEL\tCURRENT_FIX_X\n", "EyeLink Data Viewer (SR Research)"),
        ("[BeGaze]\nConverted from:\tx.idf\n", "BeGaze (SMI)"),
        ("## [iView]\n## Sample Rate:\t500\nTime\tType\tTrial\tL POR X [px]\n", "BeGaze (SMI)"),
        ("StudyName\tExportDate\tStimulusName\tGazeLeftx\n", "iMotions"),
    ],
)
def test_exports_are_named(videos: Path, head: str, program: str) -> None:
    assert program_of(head) == program
    with pytest.raises(DatasetError) as caught:
        read(videos, head.encode("utf-16"))
    assert f"it is an export of {program}, not a table of fixations" in str(caught.value)
    (videos / "fixations.csv").rename(videos / "export of friday.tsv")
    with pytest.raises(DatasetError) as caught:
        open_dataset("folder", videos)
    assert f"no table of fixations, but export of friday.tsv, an export of {program}" in str(caught.value)


def test_a_table_of_our_own_is_no_export() -> None:
    assert program_of(PLAIN) is None


@pytest.mark.shared
def test_every_real_export_is_named(shared_dir: Path) -> None:
    makers = {"tobii": "Tobii", "eyelink": "EyeLink", "gazepoint": "Gazepoint", "smi": "SMI", "imotions": "iMotions"}
    makers |= {"pupil-core": "Pupil", "pupil-cloud": "Pupil Cloud"}
    files = [path for path in (shared_dir / "trackers").rglob("*") if path.is_file() and path.name != "README.md"]
    assert len(files) > 30
    for path in files:
        maker = makers[path.relative_to(shared_dir / "trackers").parts[0]]
        program = program_of(path.read_bytes()[: 1 << 16].replace(b"\0", b"").decode("utf-8", "replace"))
        is_name_and_value = path.name in ("export_info.csv", "surface_gaze_distribution.csv")
        assert is_name_and_value or (program is not None and maker in program), path


@pytest.mark.parametrize(
    "name",
    ["Vidéo Ü 07.mp4", "vidéo ü 07", "VIDÉO Ü 7.MP4", "videos/Vidéo Ü 07.mp4", "C:\\x\\Vidéo Ü 07.mp4", "Vidéo Ü 007"],
)
@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_names_are_found_however_they_are_written(tmp_path: Path, write_video, name: str, form: str) -> None:
    write_video(tmp_path / "videos" / unicodedata.normalize("NFD", "Vidéo Ü 07.mp4"), 2)
    (tmp_path / "fixations.csv").write_text(f"video,frame,x,y\n{unicodedata.normalize(form, name)},1,3,4\n", "utf-8")
    dataset = open_dataset("folder", tmp_path)
    (video,) = dataset.videos
    assert [item.index for item in dataset.gaze(video)] == [1]


def test_a_name_that_is_not_there_says_what_is(videos: Path) -> None:
    with pytest.raises(DatasetError, match=r"the first is clap\.mp4; there is clip\.mp4"):
        read(videos, b"video,frame,x,y\nclap.mp4,0,1,1\n")


def test_a_name_that_fits_two_files_is_refused(tmp_path: Path, write_video) -> None:
    for name in ("a1.mp4", "a01.mp4"):
        write_video(tmp_path / name, 2)
    (tmp_path / "fixations.csv").write_text("video,frame,x,y\na001,0,1,1\n")
    with pytest.raises(DatasetError, match=r"a001 of its table may be a0?1 or a0?1"):
        open_dataset("folder", tmp_path)
    (tmp_path / "fixations.csv").write_text("video,frame,x,y\na01,0,1,1\n")
    assert [len(open_dataset("folder", tmp_path).gaze(video)) for video in ("a01", "a1")] == [1, 0]


def test_dots_in_names_are_no_suffixes() -> None:
    index = NameIndex(["walk.v2", "clip.1.mp4"])
    assert index.find("walk") == []
    assert index.find("clip.1") == ["clip.1.mp4"]


def test_folders_in_another_case(tmp_path: Path) -> None:
    (tmp_path / "Testing").mkdir()
    assert find_folder(tmp_path, "testing") == tmp_path / "Testing"
    assert find_folder(tmp_path, "training") == tmp_path / "training"
    assert find_folder(tmp_path / "no", "training") == tmp_path / "no" / "training"
