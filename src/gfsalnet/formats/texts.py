"""JSON, TOML and other text."""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gfsalnet.errors import GFSalNetError
from gfsalnet.formats.door import AGAIN, opening
from gfsalnet.limits import TEXT_SHARE, max_text_bytes, remedy_for

if TYPE_CHECKING:
    import pyarrow

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def read_bytes(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN, what: str = "text file") -> bytes:
    """The bytes of a file of text.

    Raises:
        GFSalNetError: of that kind, if it cannot be read, or is longer than `max_text_bytes`.
    """
    with opening(path, what, kind, remedy):
        limit = max_text_bytes()
        with path.open("rb") as file:
            # One byte more than is allowed tells that it is too long, whatever its size is said to be.
            data = file.read(limit + 1)
        if len(data) > limit:
            problem = f"it is longer than {limit / 1e6:,.0f} MB, too long for a {what}"
            raise kind(path, problem, remedy_for(path.stat().st_size * TEXT_SHARE))
    return data


def read_json(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> Any:
    """The content of a JSON file in UTF-8.

    Raises:
        GFSalNetError: of that kind, if it cannot be read, or is no JSON.
    """
    data = read_bytes(path, kind, remedy, "JSON file")
    with opening(path, "JSON file", kind, remedy):
        # With or without the mark that some editors on Windows put first.
        return json.loads(data.decode("utf-8-sig"))


def read_json_object(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> dict[str, Any]:
    """The content of a JSON file that is an object; errors as `read_json`, and if it is anything else."""
    content = read_json(path, kind, remedy)
    if not isinstance(content, dict):
        raise kind(path, f"holds {type(content).__name__} where a JSON object is expected", remedy)
    return content


def parse_json(text: str, path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> Any:
    """The content of JSON that lies in another file, `path`; errors as `read_json`."""
    with opening(path, "file with JSON in it", kind, remedy):
        return json.loads(text)


def read_toml(path: Path, kind: type[GFSalNetError], remedy: str = "Mend the line it names.") -> dict[str, Any]:
    """The tables of a TOML file.

    Raises:
        GFSalNetError: of that kind, if it cannot be read, or is no TOML.
    """
    return parse_toml(read_bytes(path, kind, remedy, "TOML file"), path, kind, remedy)


_LONG_KEY = re.compile(r"""(?:(?:[\w-]+|"[^"\n]*"|'[^'\n]*')[ \t]*\.[ \t]*){64}""")
"""Python's reader takes time and memory with the square of the number of parts of a key."""


_TOML_SHARE = 16
"""Python's reader takes two seconds for a megabyte: TOML may have a sixteenth of what other text may, 4 MiB."""


def parse_toml(data: bytes, path: Path, kind: type[GFSalNetError], remedy: str) -> dict[str, Any]:
    """The tables of TOML that was read from `path`; errors as `read_toml`."""
    with opening(path, "TOML file", kind, remedy):
        limit = max_text_bytes() // _TOML_SHARE
        if len(data) > limit:
            problem = f"it is longer than {limit / 1e6:,.0f} MB, too long for a TOML file"
            raise kind(path, problem, remedy_for(len(data) * TEXT_SHARE * _TOML_SHARE))
        text = data.decode("utf-8")
        if _LONG_KEY.search(text):
            raise ValueError("a key has more than 64 parts")
        tables: dict[str, Any] = tomllib.loads(text)
    return tables


def read_csv_rows(path: Path, kind: type[GFSalNetError], remedy: str = AGAIN) -> list[dict[str, str]]:
    """The rows of a table that this program or a benchmark wrote, with commas, in UTF-8, by the headings of its first.

    Raises:
        GFSalNetError: of that kind, if it cannot be read, or a row has another number of fields.
    """
    data = read_bytes(path, kind, remedy, "table")
    with opening(path, "table", kind, remedy):
        lines = list(csv.reader(StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
        headings = lines[0] if lines else []
        return [dict(zip(headings, line, strict=True)) for line in lines[1:] if line]


def read_csv_tables(
    path: Path, schema: pyarrow.Schema, kind: type[GFSalNetError], remedy: str = AGAIN
) -> Iterator[pyarrow.Table]:
    """The rows of a table of numbers that this program wrote, a piece at a time, with the columns of a schema.

    A column that is not there is all nulls, and so is an empty cell; others than those of the schema are left out.

    Raises:
        GFSalNetError: of that kind, if it cannot be read, or a cell holds no number.
        ImportError: if pyarrow is not installed.
    """
    import pyarrow.csv

    options = pyarrow.csv.ConvertOptions(
        column_types=schema, include_columns=schema.names, include_missing_columns=True, null_values=[""]
    )
    with opening(path, "table", kind, remedy), pyarrow.csv.open_csv(path, convert_options=options) as batches:
        for batch in batches:
            yield pyarrow.Table.from_batches([batch]).cast(schema)


def toml_value(text: str) -> Any:
    """A single value as TOML writes it, such as `0.1` or `"word"`; the text itself if it is none."""
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError, ValueError, KeyError):
        return text
