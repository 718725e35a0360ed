"""The lower bounds of pyproject.toml as a pip constraints file, printed: `lower_bounds.py [EXTRA...]`.

Read from there each time, so that it never goes stale. Works with any Python from 3.11 on.
"""

import re
import sys
from pathlib import Path

import tomllib

project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def wanted(extra: str) -> list[str]:
    """The requirements of an extra, and of those that it names in turn."""
    found = []
    for requirement in project["optional-dependencies"][extra]:
        inner = re.fullmatch(r"gfsalnet\[(.*)\]", requirement)
        found += [r for name in inner[1].split(",") for r in wanted(name)] if inner else [requirement]
    return found


requirements = [*project["dependencies"], *(r for extra in sys.argv[1:] for r in wanted(extra))]
for requirement in sorted(set(requirements)):
    name, _, rest = requirement.partition(">=")
    version = re.match(r"[0-9.]+", rest)
    if version is None:
        sys.exit(f"{requirement} has no lower bound")
    lowest = version[0] if "." in version[0] else f"{version[0]}.0"
    marker = rest.partition(";")[2]
    print(f"{name}=={lowest}.*" + (f" ;{marker}" if marker else ""))
