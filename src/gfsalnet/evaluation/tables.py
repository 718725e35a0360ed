"""Tables as text: Markdown for people, LaTeX for papers."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

UNDEFINED = "–"

_LATEX = {
    "\\": r"\textbackslash{}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "↑": r"$\uparrow$",
    "↓": r"$\downarrow$",
    "σ": r"$\sigma$",
    "×": r"$\times$",
    "≥": r"$\ge$",
    "→": r"$\rightarrow$",
    "±": r"$\pm$",
    "–": "--",
}


@dataclass(frozen=True, kw_only=True)
class Table:
    """Rows of text; the first column holds names, the others numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = field(default_factory=list)
    """What a reader must know about the numbers, one sentence each."""
    rules_before: Sequence[int] = ()
    """Rows above which a line is drawn, in LaTeX."""
    best: Mapping[int, tuple[int | None, int | None]] = field(default_factory=dict)
    """Column → the rows of its best and its second best number, which LaTeX sets bold and underlined."""

    def markdown(self) -> str:
        """A GitHub table between its caption and its notes."""
        cells = [[cell.replace("|", "\\|").replace("\n", " ") for cell in row] for row in (self.columns, *self.rows)]
        lines = ["| " + " | ".join(row) + " |" for row in cells]
        # GitHub aligns by the second line: names to the left, numbers to the right.
        lines.insert(1, "|" + "|".join(["---"] + ["--:"] * (len(self.columns) - 1)) + "|")
        parts = [f"**{self.caption}**", "\n".join(lines)]
        if self.notes:
            parts.append("\n".join(f"- {note}" for note in self.notes))
        return "\n\n".join(parts) + "\n"

    def latex(self) -> str:
        r"""A `table` with the rules of booktabs; needs `\usepackage{booktabs}`."""
        lines = [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{latex_text(self.caption)}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(self.columns) - 1)}}}",
            r"\toprule",
            _latex_row(self.columns),
            r"\midrule",
        ]
        for place, row in enumerate(self.rows):
            if place in self.rules_before:
                lines.append(r"\midrule")
            lines.append(_latex_row(row, [self.best.get(column, (None, None)) for column in range(len(row))], place))
        lines += [r"\bottomrule", r"\end{tabular}"]
        lines += [rf"\par\footnotesize {latex_text(note)}" for note in self.notes]
        return "\n".join([*lines, r"\end{table}"]) + "\n"


def number(value: float, digits: int = 3) -> str:
    """Fixed digits; a dash for NaN."""
    if math.isnan(value):
        return UNDEFINED
    return f"{value:.{digits}f}" if math.isfinite(value) else f"{value:+}".replace("inf", "∞")


def with_interval(value: float, low: float, high: float, digits: int = 3) -> str:
    """`0.512 [0.490, 0.533]`; the value alone where there is no interval."""
    if math.isnan(low):
        return number(value, digits)
    return f"{number(value, digits)} [{number(low, digits)}, {number(high, digits)}]"


def latex_text(text: str) -> str:
    """Text with everything that LaTeX would take for a command escaped."""
    # Sign by sign and once: replacing one after the other would escape the escapes.
    return "".join(_LATEX.get(sign, sign) for sign in text).replace("∞", r"$\infty$")


def best_two(values: Sequence[float], *, more_is_better: bool) -> tuple[int | None, int | None]:
    """The positions of the best and the second best number; None where there are fewer than two to choose from.

    >>> best_two([0.2, float("nan"), 0.5, 0.4], more_is_better=True)
    (2, 3)
    """
    known = [place for place, value in enumerate(values) if not math.isnan(value)]
    if len(known) < 2:
        return None, None
    known.sort(key=lambda place: -values[place] if more_is_better else values[place])
    return known[0], known[1] if len(known) > 2 else None


def _latex_row(cells: Sequence[str], best: Sequence[tuple[int | None, int | None]] = (), place: int = -1) -> str:
    """One row of a table; of a cell with an interval, only the number before it is marked."""
    marked = []
    for column, cell in enumerate(cells):
        text, bracket, interval = latex_text(cell).partition(" [")
        first, second = best[column] if column < len(best) else (None, None)
        if place == first:
            text = rf"\textbf{{{text}}}"
        elif place == second:
            text = rf"\underline{{{text}}}"
        marked.append(text + bracket + interval)
    return " & ".join(marked) + r" \\"
